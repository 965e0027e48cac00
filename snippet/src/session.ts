/** One stretch of browsing: when a saved session is no longer relevant to the visitor's current activity. Pure. */
import { isId } from './ids';

export interface Session {
  id: string;
  /** Unix ms. */
  started: number;
  /** Unix ms of the last activity. */
  active: number;
  /** Hash of the campaign that the session came by, '' for none. */
  cameBy: string;
  /** Hash of the known customer that the session belongs to, '' while unknown. */
  known: string;
}

/** Milliseconds. */
export interface Limits {
  idleFor: number;
  longest: number;
}

/** The server judges idle, max and clock as well, and its verdict wins; the others are the browser's alone. */
export type Reason = 'none' | 'idle' | 'max' | 'clock' | 'campaign' | 'identity' | 'consent' | 'manual';

const MINUTE = 60_000;

/** The embed code is made from the merchant's settings; an attribute that is no number leaves the judgement to the server. */
export const limitsOf = (tag: { idle?: string; max?: string }): Limits => ({
  idleFor: +(tag.idle || 30) * MINUTE,
  longest: +(tag.max || 720) * MINUTE,
});

/** The saved session, or null where the text is not one that we wrote. */
export const parseSession = (text: string): Session | null => {
  const [id, started, active, cameBy = '', known = ''] = text.split('/');
  return isId(id) && +started! <= +active! ? { id, started: +started!, active: +active!, cameBy, known } : null;
};

export const formatSession = (s: Session): string => [s.id, s.started, s.active, s.cameBy, s.known].join('/');

/** Why the saved session is expired at `now`, '' while it is relevant; tested in the order of the rule. Equality expires. */
export const expiry = (saved: Session | null | undefined, now: number, limits: Limits, campaign = ''): Reason | '' =>
  !saved ? 'none'
  : now - saved.active >= limits.idleFor ? 'idle'
  : now - saved.started >= limits.longest ? 'max'
  // A device clock that was set back by more than five minutes makes the saved times worthless.
  : saved.active - now > 5 * MINUTE ? 'clock'
  : campaign && campaign !== saved.cameBy ? 'campaign'
  : '';
