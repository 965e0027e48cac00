import assert from 'node:assert/strict';
import test from 'node:test';
import { campaignHash, isEntry } from '../src/campaign';

test('campaign identifiers, and nothing else, make the hash', () => {
  assert.equal(campaignHash(''), '');
  assert.equal(campaignHash('?q=shoes&utm_term=x'), '');
  assert.equal(campaignHash('?utm_source=a&utm_campaign=b'), campaignHash('?utm_campaign=b&x=1&utm_source=a'));
  assert.notEqual(campaignHash('?gclid=1'), campaignHash('?gclid=2'));
  for (const name of ['gclid', 'fbclid', 'msclkid', 'ttclid', 'gbraid', 'wbraid']) assert.ok(campaignHash(`?${name}=1`), name);
  assert.ok(campaignHash('', 'summer'));
});

test('an entry comes from outside', () => {
  assert.ok(isEntry('navigate', '', 'shop.example'));
  assert.ok(isEntry('navigate', 'https://news.example/', 'shop.example'));
  assert.ok(isEntry('navigate', 'https://evilshop.example/', 'shop.example'));
  assert.ok(!isEntry('navigate', 'https://shop.example/a', 'shop.example'));
  assert.ok(!isEntry('navigate', 'https://www.shop.example:8443/a', 'shop.example'));
  assert.ok(!isEntry('reload', '', 'shop.example'));
  assert.ok(!isEntry('back_forward', 'https://news.example/', 'shop.example'));
});
