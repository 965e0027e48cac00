/** Clicks on what was shown, on elements that name an event, and the signs of an active visitor. */
import { PLACED } from './delivery';

/** Calls `act` for these events of the page. Capturing: a page that stops propagation is still counted. */
export type Heed = (types: string, act: (e: Event) => void) => void;

export const listen = (heed: Heed, onClick: (placed: HTMLElement) => void, onEvent: (name: string, properties: object) => void, onActive: () => void) => {
  heed('click', (e) => {
    const target = e.target as HTMLElement;
    // The Enter key clicks the link around a placed image, not the image.
    const placed = target.closest<HTMLElement>(PLACED) || target.closest('a')?.querySelector<HTMLElement>(PLACED);
    if (placed) onClick(placed);
    const { tbEvent, tbProduct } = target.closest<HTMLElement>('[data-tb-event]')?.dataset || {};
    if (tbEvent) onEvent(tbEvent, { product: tbProduct });
  });
  heed('pointerdown keydown scroll', onActive);
};
