/** Who is here: customer and session as the browser keeps them, within what consent allows. */
import { hash, isId, newId } from './ids';
import { expiry, formatSession, parseSession, type Limits, type Reason, type Session } from './session';
import type { Jar } from './storage';
import type { Answer, Identity } from './wire';

/** What may be stored. `unknown`: the merchant's setting on the server decides, nothing is stored before it has answered. */
export type Consent = 'granted' | 'denied' | 'unknown';

const CUSTOMER = 'tb_id';
const SESSION = 'tb_s';
/** Activity is written at most this often (ms). */
const ACTIVITY_STEP = 5000;

/** The route that the last answer named stands beside the id it belongs to. */
const parseCustomer = (text: string) => {
  const [id, route = ''] = text.split('/');
  return isId(id) ? { id, lane: route } : null;
};

/** `campaign`: hash of the one that this page was entered by, '' otherwise. `onSession` hears of every new session. */
export const openVisitor = (
  jar: Jar,
  limits: Limits,
  campaign: string,
  consent: () => Consent,
  now: () => number,
  onSession: (session: string, reason: Reason | null) => void,
) => {
  /** Why the present or next session begins here, until an answer has confirmed it. */
  let began: Reason | undefined;
  let asking = 0;

  const read = <T>(name: string, parse: (text: string) => T | null) => (consent() === 'denied' ? undefined : jar.read(name, parse));
  const customer = () => ({ id: null, ...read(CUSTOMER, parseCustomer)?.[0] });
  const session = () => read(SESSION, parseSession)?.[0];
  const saveCustomer = (id: string, route: unknown) => jar.write(CUSTOMER, [id, route].join('/'));
  const save = (s: Session, active = s.active, known = s.known) => jar.write(SESSION, formatSession({ ...s, active, known }));

  const begin = (reason: Reason | null, id = newId(), known = '') => {
    const t = now();
    save({ id, started: t, active: t, cameBy: campaign, known });
    onSession(id, reason);
  };
  const beginHere = (reason: Reason, known?: string) => begin((began ||= reason), newId(), known);
  const ids = () => ({ customer: customer().id, session: session()?.id || null });

  return {
    ids,
    /** For the balancer, which spreads queries without a route; an empty one would send them all to one edge. */
    lane: () => {
      const { lane } = customer();
      return lane ? '?r=' + lane : '';
    },
    /** The best store that holds the id. */
    storage: () => read(CUSTOMER, parseCustomer)?.[1],

    /** A page view, before its query: makes and repairs what is missing. An idle or old session is the server's to judge. */
    enter: () => {
      if (consent() !== 'granted') return;
      const { id, lane } = customer();
      saveCustomer(id || newId(), lane);
      const why = expiry(session(), now(), limits, campaign);
      if (why === 'none' || why === 'campaign') beginHere(why);
    },

    /** Activity that keeps the session alive. Never while a query is out: its answer may name another session. */
    touch: () => {
      const s = session();
      const t = now();
      if (!s || asking) return;
      const why = expiry(s, t, limits);
      if (why) beginHere(why);
      else if (t - s.active >= ACTIVITY_STEP) save(s, t);
    },

    /**
     * A query and the server's verdict, which wins unless something newer happened here since; no answer changes nothing.
     * `view`: the query belongs to a page view, which is activity.
     */
    question: async (view: boolean, ask: (identity: Identity) => Promise<Answer>): Promise<Answer> => {
      const before = session();
      const t = now();
      const sent = ids();
      asking++;
      try {
        const answer = await ask({ ...sent, session_started: before?.started, session_active: before?.active, session_reason: before && began });
        const { customer, session: verdict } = answer;
        if (customer && consent() !== 'denied' && ids().customer === sent.customer) {
          saveCustomer(customer, answer.route);
          if (verdict && ids().session === sent.session) {
            began = undefined;
            if (verdict.id !== sent.session) begin(verdict.reason, verdict.id);
            else if (view) save(session()!, t);
          }
        }
        return answer;
      } finally {
        asking--;
      }
    },

    /** The first identification keeps the session; another person, or nobody any more (null), begins a new one. */
    belong: (known: string | null) => {
      const s = session();
      const mark = known ? hash(known) : '';
      if (s && (!s.known || s.known === mark)) save(s, s.active, mark);
      else if (s) beginHere('identity', mark);
    },

    restart: () => customer().id && beginHere('manual'),

    /** Forgets everything: consent withdrawn, or the browser handed to somebody else. */
    forget: (reason: Reason) => {
      jar.write(CUSTOMER, '');
      jar.write(SESSION, '');
      began = reason;
    },
  };
};
