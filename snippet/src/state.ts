/** What the page can see of us: `data-tb-state` and bubbling `tb:*` events. A listener that throws is the page's own error. */
export const announce = (target: EventTarget, name: string, detail: object) =>
  target.dispatchEvent(new CustomEvent('tb:' + name, { bubbles: true, detail }));

export const setState = (element: HTMLElement, state: 'loading' | 'shown' | 'default' | 'error', detail: object = {}) => {
  element.dataset.tbState = state;
  announce(element, state, detail);
};

/** A reason code: our own, or the browser's name of the error (AbortError: timeout, TypeError: network, EncodingError: image). */
export const codeOf = (error: unknown): string => {
  const { name, message } = error as Error;
  return name === 'Error' ? message : name;
};
