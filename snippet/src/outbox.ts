/** Sending to the edge: plain-text POST (no preflight), again until recorded, by beacon when the page is left. */
export interface Item {
  path: string;
  body: object;
  tries: number;
}

/** Six sendings over 62 s; longer than that a shop's page seldom lives. */
const TRIES = 6;

export const openOutbox = (edge: string, route: () => string | undefined, now: () => number) => {
  const waiting = new Set<Item>();

  const url = (item: Item) => `${edge}/v1/${item.path}?r=${route() || ''}`;
  /** `sent` is the time of this sending: the server corrects every other time by it. */
  const text = (item: Item) => JSON.stringify({ ...item.body, sent: now() });
  const post = (item: Item, options: RequestInit) =>
    fetch(url(item), { method: 'POST', body: text(item), referrerPolicy: 'origin', ...options });

  /** Puts an item back, under the same ids: the server counts a repeated id once. */
  const later = (item: Item) => {
    if (++item.tries > TRIES) return;
    waiting.add(item);
    setTimeout(() => waiting.delete(item) && send(item), 1000 << item.tries);
  };
  const send = async (item: Item) => {
    try {
      const response = await post(item, { keepalive: true });
      if (response.ok ? (await response.json()).recorded === false : response.status > 428) later(item);
    } catch {
      later(item);
    }
  };
  const leave = (item: Item) => navigator.sendBeacon?.(url(item), text(item)) || send(item);

  return {
    post,
    send,
    later,
    leave,
    /** The page is going: whatever is not acknowledged leaves now. */
    leaveAll: () => waiting.forEach((item) => waiting.delete(item) && leave(item)),
  };
};
