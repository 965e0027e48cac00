/** One query for all placements of the page, and its answer into their elements. Any failure leaves the page as it was. */
import { isId } from './ids';
import { prepareImage } from './image';
import { codeOf, setState } from './state';
import { fail } from './urls';
import type { Answer, Content } from './wire';

/** Milliseconds that an asset may take after the answer. */
const ASSET_TIMEOUT = 3000;
/** What the wire allows in one query. */
const MOST = 16;

export const PLACED = '[data-tb-placement]';

export const placementOf = (element: HTMLElement): string => element.dataset.tbPlacement || '';

export const openDelivery = (
  ask: (placements: string[], view: boolean) => Promise<Answer>,
  loadScript: (placement: string, content: Content) => Promise<() => void>,
  shown: (element: HTMLElement, content: Content) => void,
) => {
  /** The latest question for each element: an older answer is not presented. */
  const latest = new WeakMap<HTMLElement, unknown>();

  const present = async (element: HTMLElement, answer: Promise<Answer>) => {
    const placement = placementOf(element);
    latest.set(element, answer);
    setState(element, 'loading');
    try {
      const content = (await answer).contents[placement];
      if (!content) return setState(element, 'default');
      const change = await Promise.race([
        content.kind === 'image' ? prepareImage(element, content) : content.kind === 'script' ? loadScript(placement, content) : fail('type'),
        new Promise<never>((_, failed) => setTimeout(() => failed(Error('asset_timeout')), ASSET_TIMEOUT)),
      ]);
      if (latest.get(element) !== answer) return;
      change();
      setState(element, 'shown', { placement, content: content.content, decision: content.decision });
      shown(element, content);
    } catch (error) {
      setState(element, 'error', { placement, reason: codeOf(error) });
    }
  };

  /** Resolves when each element shows its content or keeps its default. */
  return (elements: HTMLElement[], view: boolean): Promise<unknown> => {
    const answer = ask([...new Set(elements.map(placementOf))].filter(isId).slice(0, MOST), view);
    return Promise.all(elements.map((element) => present(element, answer)));
  };
};
