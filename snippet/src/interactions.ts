/** Clicks on what was shown, on elements that name an event, and the signs of an active visitor. */
import { PLACED } from './delivery';

/** Capturing listeners: a page that stops propagation is still counted. */
export const listen = (
  guard: (act: (e: Event) => void) => (e: Event) => void,
  onClick: (placed: HTMLElement) => void,
  onEvent: (name: string, properties: object) => void,
  onActive: () => void,
) => {
  const heed = (types: string, act: (e: Event) => void) =>
    types.split(' ').forEach((type) => document.addEventListener(type, guard(act), { capture: true, passive: true }));

  heed('click', (e) => {
    const target = e.target as Element;
    // The Enter key clicks the link around a placed image, not the image.
    const placed = target.closest<HTMLElement>(PLACED) || target.closest('a')?.querySelector<HTMLElement>(PLACED);
    if (placed) onClick(placed);
    const { tbEvent, tbProduct } = target.closest<HTMLElement>('[data-tb-event]')?.dataset || {};
    if (tbEvent) onEvent(tbEvent, { product: tbProduct });
  });
  heed('pointerdown keydown scroll', onActive);
};
