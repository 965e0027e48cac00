/** What the edge is asked and answers, as far as the snippet writes and reads it. */
import type { Reason } from './session';

/** The identity part of a query's body. */
export interface Identity {
  customer: string | null;
  session: string | null;
  session_started: number | undefined;
  session_active: number | undefined;
  session_reason: Reason | undefined;
}

export interface Source {
  src: string;
  width?: number;
  media?: string;
  type?: string;
}

export interface Content {
  content: string;
  kind: string;
  src: string;
  sources?: Source[];
  alt?: string;
  width?: number;
  height?: number;
  href?: string;
  integrity?: string;
  decision: string;
}

export interface Answer {
  customer: string | null;
  route: number | null;
  session: { id: string; verdict: string; reason: Reason | null } | null;
  recorded: boolean | null;
  contents: Record<string, Content | null>;
}

export interface TrackedEvent {
  type: 'impression' | 'click' | 'view' | 'conversion' | 'identify' | 'custom';
  id: string;
  at: number;
  placement?: string;
  decision?: string;
  content?: string;
  name?: string;
  properties?: object;
}
