/** What the page can see of us: `data-tb-state` and bubbling `tb:*` events. A listener that throws is the page's own error. */
export type State = 'loading' | 'shown' | 'default' | 'error' | 'session';

/** Tells it at a placement's element, or at the document, which has no attributes. */
export const announce = (target: Document | HTMLElement, state: State, detail?: object) => {
  if ('dataset' in target) target.dataset.tbState = state;
  target.dispatchEvent(new CustomEvent('tb:' + state, { bubbles: true, detail }));
};

/** Our own failures are reason codes; they never leave the snippet as exceptions. */
export const fail = (code: string): never => {
  throw code;
};

/** A reason code: our own, or the browser's name of the error (TypeError: network, SyntaxError: no JSON, EncodingError: no image). */
export const codeOf = (error: unknown): string => (error as Error).name || (error as string);
