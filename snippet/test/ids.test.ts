import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { hash, isId, newId } from '../src/ids';

test('a new id is an id, short, and not another one', () => {
  const made = new Set(Array.from({ length: 10_000 }, () => newId()));
  assert.equal(made.size, 10_000);
  for (const id of made) assert.ok(isId(id) && id.length <= 28, id);
});

test('any random words make an id', () => {
  const word = fc.nat(2 ** 32 - 1);
  fc.assert(fc.property(fc.tuple(word, word, word, word), (words) => assert.ok(isId(newId(words)))));
});

test('an id is what the wire says', () => {
  for (const good of ['a', 'A_b.c:d-9', 'x'.repeat(64)]) assert.ok(isId(good), good);
  for (const bad of ['', 'x'.repeat(65), 'a/b', 'a b', 'ä', 'a\n', null, undefined, 5, ['a'], {}]) assert.ok(!isId(bad), String(bad));
});

test('a hash is short and fits the session record', () => {
  fc.assert(fc.property(fc.string(), (text) => assert.match(hash(text), /^[0-9a-z]{1,7}$/)));
  assert.equal(hash('ab'), (31 * 97 + 98).toString(36));
});
