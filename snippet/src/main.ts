/** The wiring: reads the tag, opens the parts, asks once. Whatever goes wrong, the page keeps what it shows. */
import { openGlobal, type Call, type Global } from './api';
import { campaignHash, isEntry } from './campaign';
import { openDelivery, placementOf, PLACED } from './delivery';
import { openQueue } from './events';
import { newId } from './ids';
import { listen } from './interactions';
import { openOutbox, type Item } from './outbox';
import { pageContext } from './page';
import { scriptLoader } from './script';
import { limitsOf } from './session';
import { announce, codeOf } from './state';
import { openJar } from './storage';
import { fail } from './urls';
import { watchVisibility } from './visibility';
import { openVisitor, type Consent } from './visitor';
import type { Answer, Content, TrackedEvent } from './wire';

/** Milliseconds that a query may take; afterwards the page keeps what it shows. */
const TIMEOUT = 1500;

/** `required` is denied until `tb('consent', 'granted')`. */
const consentOf = (word: string | undefined): Consent => (word === 'granted' ? word : word ? 'denied' : 'unknown');

/** An error of ours never reaches the page; it can be heard as `tb:error` on the document. */
const guard = <F extends Call>(act: F) =>
  ((...args) => {
    try {
      return act(...args);
    } catch (error) {
      announce(document, 'error', { reason: codeOf(error) });
    }
  }) as F;

const boot = guard((tag: HTMLScriptElement, win: Window & { tb?: Global }) => {
  const doc = document;
  const { now } = Date;
  const settings = tag.dataset;
  const { merchant } = settings;
  const edge = new URL(tag.src).origin;
  // A second tag on the same page would ask and count twice.
  if (!merchant || win.tb?.ids) return;

  const nav = navigator as Navigator & { globalPrivacyControl?: boolean };
  const optedOut = nav.globalPrivacyControl && settings.gpc !== 'ignore';
  const bot = nav.webdriver;
  let choice = consentOf(settings.consent);
  const consent = () => (optedOut ? 'denied' : choice);

  const navigation = performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined;
  const entry = isEntry(navigation?.type, doc.referrer, (settings.domain || location.hostname).replace(/^\./, ''));
  const visitor = openVisitor(
    openJar(win, settings.domain || ''),
    limitsOf(settings),
    entry ? campaignHash(location.search, settings.campaign) : '',
    consent,
    now,
    (session, reason) => announce(doc, 'session', { session, reason }),
  );

  const outbox = openOutbox(edge, visitor.route, now);
  const item = (path: string, body: object): Item => ({
    path,
    body: { v: 1, merchant, ...visitor.ids(), consent: consent(), ...body },
    tries: 0,
  });
  const queue = openQueue((events, leaving) => {
    // Events of nobody are nothing to keep.
    if (visitor.ids().customer) (leaving ? outbox.leave : outbox.send)(item('events', { events }));
  }, now);
  const record = (type: TrackedEvent['type'], rest: object, id?: string) => {
    if (consent() !== 'denied' && !bot) queue.add({ type, ...rest }, id);
  };

  const extra = {};
  const context = () => ({ ...pageContext(settings, entry), storage: visitor.storage(), ...extra });

  const ask = (placements: string[], view: boolean): Promise<Answer> =>
    visitor.question(view, async (identity) => {
      const query = item('query', { ...identity, id: newId(), placements, context: context(), bot });
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), +(settings.timeout || TIMEOUT));
      try {
        const response = await outbox.post(query, { signal: abort.signal });
        if (!response.ok) fail('http_' + response.status);
        const answer = (await response.json()) as Answer;
        if (answer.recorded === false) outbox.later(query);
        return answer;
      } finally {
        clearTimeout(timer);
      }
    });

  const shown = new WeakMap<HTMLElement, Content>();
  const seen = new Set<string>();
  const about = (type: 'impression' | 'click', element: HTMLElement) => {
    const { content, decision } = shown.get(element) || {};
    if (decision) record(type, { placement: placementOf(element), decision, content });
  };
  const watch = watchVisibility(
    guard((element: HTMLElement) => {
      const decision = shown.get(element)!.decision;
      if (!seen.has(decision)) about('impression', element);
      seen.add(decision);
    }),
  );
  const deliver = openDelivery(ask, scriptLoader([edge, location.origin, ...(settings.scripts || '').split(' ')], tag.nonce), (element, content) => {
    shown.set(element, content);
    watch(element);
  });
  const track = (name: string, properties: { interactive?: boolean } = {}) => {
    if (properties.interactive !== false) visitor.touch();
    record('custom', { name, properties });
  };
  /** A page without placements asks nothing: its view is an event of its own. */
  const deliverAll = async (view: boolean) => {
    const placed = [...doc.querySelectorAll<HTMLElement>(PLACED)];
    if (placed[0]) await deliver(placed, view);
    else if (view) record('view', { properties: context() });
  };
  let started = false;
  let settled: () => void;
  const ready = new Promise<void>((done) => (settled = done));

  const runWaiting = openGlobal(
    win,
    {
      context: (more: object) => Object.assign(extra, more),
      consent: (word: string) => {
        choice = consentOf(word);
        if (choice === 'denied') {
          visitor.forget('consent');
          queue.flush(false);
        } else if (started) {
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
        record('conversion', { properties }, id ? ('t_' + id).replace(/[^\w.:-]/g, '_').slice(0, 64) : undefined);
      },
      identify: (known_id: string | null, proof?: string) => {
        visitor.identify(known_id);
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
        doc.addEventListener('tb:' + name, (e) => act((e as CustomEvent).detail, e.target)),
    },
    visitor.ids,
    guard,
  );

  const start = guard(() => {
    const leave = () => {
      queue.flush(true);
      outbox.leaveAll();
    };
    visitor.enter();
    runWaiting();
    started = true;
    doc.addEventListener('visibilitychange', guard(() => doc.hidden && leave()));
    win.addEventListener('pagehide', guard(leave));
    listen(guard, (element) => about('click', element), track, visitor.touch);
    deliverAll(true).then(settled);
  });

  if (doc.readyState === 'loading') doc.addEventListener('DOMContentLoaded', start);
  else start();
});

const tag = document.currentScript || document.querySelector('script[data-merchant]');
if (tag) boot(tag as HTMLScriptElement, window);
