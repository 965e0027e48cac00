/** One query for all placements of the page, and its answer into their elements. Any failure leaves the page as it was. */
import { isId } from './ids';
import { prepareImage } from './image';
import { announce, codeOf, fail } from './state';
import type { Answer, Content } from './wire';

/** Milliseconds that an asset may take after the answer. */
const ASSET_TIMEOUT = 3000;
/** What the wire allows in one query. */
const MOST = 16;

export const PLACED = '[data-tb-placement]';

const placementOf = (element: HTMLElement): string => element.dataset.tbPlacement || '';

/** `work`, or the error `timeout` after `ms`: what comes later is dropped. */
export const inTime = <T>(work: Promise<T>, ms: number): Promise<T> =>
  Promise.race([work, new Promise<never>((_, failed) => setTimeout(() => failed('timeout'), ms))]);

/** What is told of content that is shown, on the page and in events. */
export interface Shown {
  placement: string;
  content: string;
  decision: string;
}

export const openDelivery = (
  ask: (placements: string[], view: boolean) => Promise<Answer>,
  loadScript: (placement: string, content: Content) => Promise<void>,
  shown: (element: HTMLElement, told: Shown) => void,
) => {
  /** The latest question for each element: an older answer is not presented. */
  const latest = new WeakMap<HTMLElement, unknown>();

  const present = async (element: HTMLElement, answer: Promise<Answer>) => {
    const placement = placementOf(element);
    latest.set(element, answer);
    announce(element, 'loading');
    try {
      const content = (await answer).contents[placement];
      if (!content) return announce(element, 'default');
      const { kind } = content;
      const ready: Promise<(() => void) | void> =
        kind === 'image' ? prepareImage(element, content) : kind === 'script' ? loadScript(placement, content) : fail('type');
      const change = await inTime(ready, ASSET_TIMEOUT);
      if (latest.get(element) !== answer) return;
      change?.();
      const told = { placement, content: content.content, decision: content.decision };
      announce(element, 'shown', told);
      shown(element, told);
    } catch (error) {
      announce(element, 'error', { placement, reason: codeOf(error) });
    }
  };

  /** Resolves when each element shows its content or keeps its default. */
  return (elements: HTMLElement[], view: boolean): Promise<unknown> => {
    const answer = ask([...new Set(elements.map(placementOf))].filter(isId).slice(0, MOST), view);
    return Promise.all(elements.map((element) => present(element, answer)));
  };
};
