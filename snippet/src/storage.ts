/** Three stores behind one door: cookie (scope = the shop's domain), localStorage, memory. Any of them may be blocked. */
type Store = [kind: 'cookie' | 'local' | 'memory', get: (name: string) => string | null | undefined, set: (name: string, value: string) => void];

/** 395 days: browsers keep no cookie longer than 400. */
const KEEP_SECONDS = 34_128_000;

export type Jar = ReturnType<typeof openJar>;

/** `domain`: the scope of the cookies, '' for the host alone. */
export const openJar = (domain: string) => {
  const memory: Record<string, string> = {};
  const stores: Store[] = [
    [
      'cookie',
      (name) => ('; ' + document.cookie).split(`; ${name}=`).pop()!.split(';')[0],
      (name, value) => {
        document.cookie = `${name}=${value};path=/;samesite=lax;max-age=${value ? KEEP_SECONDS : 0};domain=${domain}${location.protocol === 'https:' ? ';secure' : ''}`;
      },
    ],
    ['local', (name) => localStorage.getItem(name), (name, value) => localStorage[value ? 'setItem' : 'removeItem'](name, value)],
    ['memory', (name) => memory[name], (name, value) => (memory[name] = value)],
  ];
  /** A blocked store throws SecurityError, a full one QuotaExceededError: both are ordinary states, the next store serves. */
  const first = <T>(use: (store: Store) => T | null | void): T | undefined => {
    for (const store of stores)
      try {
        const found = use(store);
        if (found) return found;
      } catch {}
    return;
  };

  return {
    /** The first copy that `parse` accepts, and the store that held it. */
    read: <T>(name: string, parse: (text: string) => T | null) =>
      first(([kind, get]) => {
        const value = parse(get(name) || '');
        return value && ([value, kind] as const);
      }),
    /** Writes every store, so that one that lost its copy is repaired. '' erases. */
    write: (name: string, value: string) => void first(([, , set]) => void set(name, value)),
  };
};
