/** The wiring: reads the tag, opens the parts, asks once. Whatever goes wrong, the page keeps what it shows. */
import { openGlobal, type Call } from './api';
import { campaignHash, isEntry, parseReferrer } from './campaign';
import { inTime, openDelivery, PLACED, type Shown } from './delivery';
import { openQueue } from './events';
import { hash, newId } from './ids';
import { listen } from './interactions';
import { openOutbox, type Item } from './outbox';
import { pageContext } from './page';
import { scriptLoader } from './script';
import { limitsOf } from './session';
import { announce, codeOf } from './state';
import { openJar } from './storage';
import { watchVisibility } from './visibility';
import { openVisitor, type Consent } from './visitor';
import type { Answer, TrackedEvent } from './wire';

/** Milliseconds that a query may take; afterwards the page keeps what it shows. */
const TIMEOUT = 1500;

declare global {
  interface Navigator {
    readonly globalPrivacyControl?: boolean;
  }
}

/** An error of ours never reaches the page; it can be heard as `tb:error` on the document. */
const guard = <F extends Call>(act: F) =>
  ((...args) => {
    try {
      return act(...args);
    } catch (error) {
      announce(document, 'error', { reason: codeOf(error) });
    }
  }) as F;

const boot = guard((tag: HTMLScriptElement) => {
  const settings = tag.dataset;
  const { merchant } = settings;
  const edge = new URL(tag.src).origin;
  // A second tag on the same page would ask and count twice.
  if (!merchant || window.tb?.ids) return;

  const bot = navigator.webdriver;
  /** `required` is denied until `tb('consent', 'granted')`; Global Privacy Control cannot be overruled by a call. */
  const consentOf = (word: string | undefined): Consent =>
    navigator.globalPrivacyControl && settings.gpc !== 'ignore' ? 'denied'
    : word === 'granted' ? word
    : word ? 'denied'
    : 'unknown';
  let consent = consentOf(settings.consent);

  const [referrer, from] = parseReferrer(document.referrer);
  const navigation = performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined;
  const entry = isEntry(navigation?.type, from, settings.domain || '.' + location.hostname);
  const visitor = openVisitor(
    openJar(settings.domain || ''),
    limitsOf(settings),
    entry ? campaignHash(location.search, settings.campaign) : '',
    () => consent,
    Date.now,
    (session, reason) => announce(document, 'session', { session, reason }),
  );

  const outbox = openOutbox(edge, visitor.lane, Date.now);
  const item = (path: string, body: object): Item => ({
    path,
    payload: { v: 1, merchant, ...visitor.ids(), consent, ...body },
    tries: 0,
  });
  const queue = openQueue((events, leaving) => {
    // Events of nobody are nothing to keep.
    if (visitor.ids().customer) (leaving ? outbox.leave : outbox.send)(item('events', { events }));
  }, Date.now);
  const record = (type: TrackedEvent['type'], rest: object, id = newId()) => {
    if (consent !== 'denied' && !bot) queue.put({ id, type, ...rest });
  };

  const extra = {};
  const context = () => ({ ...pageContext(settings, entry, referrer), storage: visitor.storage(), ...extra });

  const ask = (placements: string[], view: boolean): Promise<Answer> =>
    visitor.question(view, (identity) =>
      inTime(
        outbox.post(item('query', { ...identity, id: newId(), placements, context: context(), bot })),
        +(settings.timeout || TIMEOUT),
      ),
    );

  const shown = new WeakMap<HTMLElement, Shown>();
  const about = (type: 'impression' | 'click', element: HTMLElement) => {
    const told = shown.get(element);
    if (told) record(type, told);
  };
  const watch = watchVisibility(guard((element: HTMLElement) => about('impression', element)));
  const deliver = openDelivery(ask, scriptLoader([edge, location.origin, ...(settings.scripts || '').split(' ')], tag.nonce), (element, told) => {
    shown.set(element, told);
    watch(element);
  });
  const track = (name: string, properties: { interactive?: boolean } = {}) => {
    if (properties.interactive !== false) visitor.touch();
    record('custom', { name, properties });
  };
  /** A page without placements asks nothing: its view is an event of its own. */
  const deliverAll = async (view: boolean) => {
    const placed = [...document.querySelectorAll<HTMLElement>(PLACED)];
    if (placed[0]) await deliver(placed, view);
    else if (view) record('view', { properties: context() });
  };
  const heed = (types: string, act: (e: Event) => void) =>
    types.split(' ').forEach((type) => addEventListener(type, guard(act), true));
  let started = false;
  const start = (): Promise<unknown> => {
    const leave = () => {
      queue.flush(true);
      outbox.leaveAll();
    };
    started = true;
    visitor.enter();
    heed('visibilitychange pagehide', leave);
    listen(heed, (element) => about('click', element), track, visitor.touch);
    return deliverAll(true);
  };
  const ready = new Promise<unknown>((parsed) =>
    document.readyState === 'loading' ? document.addEventListener('DOMContentLoaded', parsed) : parsed(0),
  ).then(guard(start));

  openGlobal(
    {
      context: (more: object) => Object.assign(extra, more),
      consent: (word: string) => {
        const before = consent;
        consent = consentOf(word);
        if (consent === 'denied') {
          visitor.forget('consent');
          queue.flush(false);
        } else if (started && before !== consent) {
          visitor.enter();
          deliverAll(true);
        }
      },
      track,
      view: (properties?: object) => {
        visitor.touch();
        record('view', { properties: { ...context(), ...properties } });
      },
      conversion: (properties: { transaction_id?: unknown }) => {
        const { transaction_id: id } = properties;
        visitor.touch();
        // One transaction is one event, however often its page is loaded.
        record('conversion', { properties }, id ? 't_' + hash('' + id) : undefined);
      },
      identify: (known_id: string | null, proof?: string) => {
        visitor.enter();
        visitor.belong(known_id);
        if (known_id) record('identify', { properties: { known_id, proof } });
      },
      refresh: (element?: HTMLElement) => (element ? deliver([element], false) : deliverAll(false)),
      newSession: visitor.restart,
      reset: () => {
        queue.flush(false);
        visitor.forget('identity');
        visitor.enter();
      },
      ready: (act: () => void) => ready.then(act),
      on: (name: string, act: (detail: unknown, target: EventTarget | null) => void) =>
        document.addEventListener('tb:' + name, (e) => act((e as CustomEvent).detail, e.target)),
    },
    visitor.ids,
    guard,
  );
});

boot(document.currentScript as HTMLScriptElement);
