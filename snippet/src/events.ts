/** The queue of events: twenty or two seconds, whichever is first. */
import type { TrackedEvent } from './wire';

const BATCH = 20;
const PATIENCE = 2000;

/** `flush(leaving)` sends what is there, `flush()` forgets nothing; `ship` decides whether it may be sent. */
export const openQueue = (ship: (events: TrackedEvent[], leaving: boolean) => void, now: () => number) => {
  let queue: TrackedEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = (leaving: boolean) => {
    const events = queue;
    timer = undefined;
    queue = [];
    if (events[0]) ship(events, leaving);
  };
  const put = (event: Omit<TrackedEvent, 'at'>) => {
    if (queue.push({ at: now(), ...event }) >= BATCH) flush(false);
    else timer ??= setTimeout(flush, PATIENCE, false);
  };
  return { put, flush };
};
