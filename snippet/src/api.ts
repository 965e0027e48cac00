/** The one global: `tb(call, ...)`. Calls made before the script came are made good in their order. */
export type Call = (...args: any[]) => unknown;

export interface Global {
  (...args: any[]): void;
  q?: Iterable<unknown>[];
  ids?: () => object;
}

declare global {
  interface Window {
    tb?: Global;
  }
}

export const openGlobal = (calls: Record<string, Call>, ids: () => object, guard: (act: Call) => Call) => {
  const early = window.tb?.q || [];
  const tb: Global = guard((name: string, ...args) => void calls[name]!(...args));
  tb.ids = guard(ids) as () => object;
  window.tb = tb;
  for (const args of early) tb(...args);
};
