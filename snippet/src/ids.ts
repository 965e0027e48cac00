/** Ids as the wire allows them. `/` is in no id, so it can separate an id from what follows. */
const ID = /^[\w.:-]{1,64}$/;

export const isId = (value: unknown): value is string => ID.test(value as string) && typeof value === 'string';

const base36 = (n: number) => n.toString(36);

/** 128 random bits in at most 28 characters. `randomUUID` would need a secure page. */
export const newId = (words: Iterable<number> = crypto.getRandomValues(new Uint32Array(4))): string => [...words].map(base36).join('');

/** 32 bits: tells two texts apart in a cookie without storing either. */
export const hash = (text: string): string => base36([...text].reduce((h, c) => (31 * h + c.codePointAt(0)!) >>> 0, 0));
