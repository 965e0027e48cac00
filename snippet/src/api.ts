/** The one global: `tb(call, ...)`. Calls made before the page may be asked about wait in order. */
export type Call = (...args: any[]) => unknown;

export interface Global {
  (...args: unknown[]): void;
  q?: ArrayLike<unknown>[];
  ids?: () => object;
}

/** These settle what may be asked, so they never wait. */
const AT_ONCE = /^(consent|context|on|ready)$/;

/** Answers the step that runs what waited, and everything at once from then on. */
export const openGlobal = (win: { tb?: Global }, calls: Record<string, Call>, ids: () => object, guard: (act: Call) => Call) => {
  const early = win.tb?.q || [];
  let waiting: unknown[][] | undefined = [];
  const run = guard(([name, ...args]: any[]) => {
    if (waiting && !AT_ONCE.test(name)) waiting.push([name, ...args]);
    else calls[name]!(...args);
  });
  win.tb = (...args) => run(args);
  win.tb.ids = guard(ids) as () => object;
  for (const args of Array.from(early)) run(Array.from(args));

  return () => {
    const calls = waiting!;
    waiting = undefined;
    calls.forEach(run);
  };
};
