/** The session rule's laws (the server's twin must keep the same). */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { expiry, formatSession, limitsOf, parseSession, type Session } from '../src/session';

const limits = limitsOf({});
const times = fc.tuple(fc.nat(2 ** 41), fc.nat(2 ** 31)).map(([started, more]) => ({ started, active: started + more }));
const sessions: fc.Arbitrary<Session> = fc
  .record({
    id: fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/),
    cameBy: fc.stringMatching(/^[a-z0-9]{0,7}$/),
    known: fc.stringMatching(/^[a-z0-9]{0,7}$/),
    t: times,
  })
  .map(({ t, ...rest }) => ({ ...rest, ...t }));

test('what is written is read back', () => {
  fc.assert(fc.property(sessions, (s) => assert.deepEqual(parseSession(formatSession(s)), s)));
});

test('any other text is no session, and never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const s = parseSession(text);
      if (s) assert.equal(formatSession(parseSession(formatSession(s))!), formatSession(s));
    }),
  );
  for (const text of ['', 'a/2/1//', '/1/2//', 'a b/1/2//', 'ä/1/2//', `${'x'.repeat(65)}/1/2//`]) {
    assert.equal(parseSession(text), null, text);
  }
});

test('within the window the session stays, at the limit it ends', () => {
  fc.assert(
    fc.property(sessions, fc.nat(limits.idleFor * 2), (s, later) => {
      const now = s.active + later;
      const expected = later >= limits.idleFor ? 'idle' : now - s.started >= limits.longest ? 'max' : '';
      assert.equal(expiry(s, now, limits), expected);
    }),
  );
  const s: Session = { id: 'a', started: 1e12, active: 1e12, cameBy: '', known: '' };
  assert.equal(expiry(s, 1e12 + 1_799_999, limits), '');
  assert.equal(expiry(s, 1e12 + 1_800_000, limits), 'idle');
  const busy = { ...s, active: 1e12 + 43_199_000 };
  assert.equal(expiry(busy, 1e12 + 43_199_999, limits), '');
  assert.equal(expiry(busy, 1e12 + 43_200_000, limits), 'max');
});

test('a clock set back by up to five minutes keeps the session', () => {
  const s: Session = { id: 'a', started: 1e12, active: 1e12, cameBy: '', known: '' };
  assert.equal(expiry(s, 1e12 - 300_000, limits), '');
  assert.equal(expiry(s, 1e12 - 300_001, limits), 'clock');
});

test('only another campaign ends a session, and idle is told before it', () => {
  const s: Session = { id: 'a', started: 1e12, active: 1e12, cameBy: 'x', known: '' };
  assert.equal(expiry(s, 1e12 + 1, limits, ''), '');
  assert.equal(expiry(s, 1e12 + 1, limits, 'x'), '');
  assert.equal(expiry(s, 1e12 + 1, limits, 'y'), 'campaign');
  assert.equal(expiry(s, 1e12 + limits.idleFor, limits, 'y'), 'idle');
  assert.equal(expiry(null, 1e12, limits, 'y'), 'none');
});

test('reading never extends: the verdict depends on the record and the clock alone', () => {
  fc.assert(
    fc.property(sessions, fc.nat(2 ** 42), (s, now) => {
      const before = { ...s };
      assert.equal(expiry(s, now, limits), expiry(s, now, limits));
      assert.deepEqual(s, before);
    }),
  );
});

test('once idle, always idle: waiting longer never revives', () => {
  fc.assert(
    fc.property(sessions, fc.nat(2 ** 40), fc.nat(2 ** 40), (s, a, b) => {
      if (expiry(s, s.active + a, limits) === 'idle') assert.equal(expiry(s, s.active + a + b, limits), 'idle');
    }),
  );
});
