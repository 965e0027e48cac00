import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { scriptUrl } from '../src/script';
import { LINK, safeUrl } from '../src/urls';

Object.assign(globalThis, { location: { href: 'http://shop.example/page' } });

const refused = (text: string) => assert.throws(() => safeUrl(text), text);

test('content comes by https, or from the loopback', () => {
  for (const good of ['https://cdn.example/a.png', 'http://localhost/a', 'http://127.0.0.1:8701/a', 'http://[::1]:80/a']) safeUrl(good);
  for (const bad of [
    'http://shop.example/a', 'javascript:alert(1)', 'data:text/html,x', 'blob:https://a/b', 'file:///etc/passwd', '//cdn.example/a', '/a', '',
    'http://localhost.evil.example/', 'http://localhost:80@evil.example/', 'http://127.0.0.1.evil.example/', 'ftp://localhost/', 'java\nscript:alert(1)',
  ]) refused(bad);
});

test('no text whatever becomes an executable address', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.string().map((s) => 'javascript:' + s)), (text) => {
      try {
        assert.match(safeUrl(text, LINK), /^https?:/);
      } catch (error) {
        assert.ok(!(error instanceof assert.AssertionError), text);
      }
    }),
  );
});

test('a script comes from an allowed origin', () => {
  const origins = ['https://edge.example', ''];
  assert.equal(scriptUrl('https://edge.example/a.js', origins), 'https://edge.example/a.js');
  for (const bad of ['https://evil.example/a.js', 'https://edge.example.evil.example/a.js', 'https://edge.example@evil.example/', 'data:text/javascript,1', 'a.js'])
    assert.throws(() => scriptUrl(bad, origins), bad);
});
