/** The calls that `tb.js` understands. Calls made before it has loaded wait in `tb.q` (see the stub in the README). */
export interface TailorbirdIds {
  customer: string | null;
  session: string | null;
}
export interface Item {
  item_id: string;
  item_category?: string;
  price?: number;
  quantity?: number;
}
export interface Told {
  placement?: string;
  content?: string;
  decision?: string;
  /** Why a placement keeps its default: a reason code. Why a session began. */
  reason?: string | null;
  session?: string;
}
export interface Tailorbird {
  (call: 'context', values: Record<string, string | number | boolean | string[]>): void;
  (call: 'consent', choice: 'granted' | 'denied'): void;
  /** `interactive: false`: the event is no sign of an active visitor. */
  (call: 'track', name: string, properties?: { interactive?: boolean; [key: string]: unknown }): void;
  (call: 'view', properties?: Record<string, unknown>): void;
  /** Counted once for each `transaction_id`. */
  (call: 'conversion', properties: { transaction_id?: string; value?: number; currency?: string; items?: Item[] }): void;
  /** `proof` is made on the merchant's server. `null`: signed out. */
  (call: 'identify', known: string | null, proof?: string): void;
  (call: 'refresh', element?: HTMLElement): void;
  (call: 'newSession' | 'reset'): void;
  (call: 'ready', act: () => void): void;
  (call: 'on', what: 'shown' | 'default' | 'error' | 'session', act: (detail: Told, target: EventTarget) => void): void;
  ids(): TailorbirdIds;
  q?: IArguments[];
}
declare global {
  interface Window {
    tb: Tailorbird;
  }
}
