import assert from 'node:assert/strict';
import test from 'node:test';
import { campaignHash, isEntry, parseReferrer } from '../src/campaign';

test('campaign identifiers, and nothing else, make the hash', () => {
  assert.equal(campaignHash(''), '');
  assert.equal(campaignHash('?q=shoes&utm_term=x'), '');
  assert.equal(campaignHash('?utm_source=a&utm_campaign=b'), campaignHash('?x=1&utm_source=a&y=2&utm_campaign=b'));
  assert.notEqual(campaignHash('?gclid=1'), campaignHash('?gclid=2'));
  for (const name of ['gclid', 'fbclid', 'msclkid', 'ttclid', 'gbraid', 'wbraid']) assert.ok(campaignHash(`?${name}=1`), name);
  assert.ok(campaignHash('', 'summer'));
});

test('an entry comes from outside', () => {
  const entry = (type: string, referrer: string) => isEntry(type, parseReferrer(referrer)[1], '.shop.example');
  assert.ok(entry('navigate', ''));
  assert.ok(entry('navigate', 'https://news.example/'));
  assert.ok(entry('navigate', 'https://evilshop.example/'));
  assert.ok(entry('navigate', 'https://shop.example.evil.example/'));
  assert.ok(!entry('navigate', 'https://shop.example/a'));
  assert.ok(!entry('navigate', 'https://www.shop.example:8443/a'));
  assert.ok(!entry('reload', ''));
  assert.ok(!entry('back_forward', 'https://news.example/'));
});

test('a referrer is told by its origin', () => {
  assert.deepEqual([...parseReferrer('https://news.example:81/a?b#c')], ['https://news.example:81', 'news.example']);
  assert.equal(parseReferrer('android-app://x')[0], undefined);
});
