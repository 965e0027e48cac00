/** Sending to the edge: plain-text POST (no preflight), again until recorded, by beacon when the page is left. */
import { fail } from './state';

export interface Item {
  path: string;
  payload: object;
  tries: number;
}

/** Six sendings over 62 s; longer than that a shop's page seldom lives. */
const TRIES = 6;

export const openOutbox = (edge: string, route: () => string, now: () => number) => {
  const waiting = new Set<Item>();

  const url = (item: Item) => edge + '/v1/' + item.path + route();
  /** `sent` is the time of this sending: the server corrects every other time by it. */
  const text = (item: Item) => JSON.stringify({ ...item.payload, sent: now() });

  /** The answer; throws `http_<status>`, or what `fetch` throws. Not recorded: sent again under the same ids, which count once. */
  const post = async (item: Item) => {
    const response = await fetch(url(item), { method: 'POST', body: text(item), keepalive: true });
    const answer = response.ok ? await response.json() : fail('http_' + response.status);
    if (answer.recorded === false) later(item);
    return answer;
  };
  const later = (item: Item) => {
    if (++item.tries < TRIES) {
      waiting.add(item);
      setTimeout(() => waiting.delete(item) && send(item), 1000 << item.tries);
    }
  };
  /** What the edge refuses for good (4xx but 429) is not sent again. */
  const send = (item: Item) => post(item).catch((error) => /_4(?!29)/.test(error) || later(item));
  const leave = (item: Item) => navigator.sendBeacon?.(url(item), text(item)) || send(item);

  return {
    post,
    send,
    leave,
    /** The page is going: whatever is not acknowledged leaves now. */
    leaveAll: () => waiting.forEach((item) => waiting.delete(item) && leave(item)),
  };
};
