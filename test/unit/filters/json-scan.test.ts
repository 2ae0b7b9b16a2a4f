// What the JSON scan reads without the help of the full parse that call-sites.ts falls back to.
// Invariant: a case that becomes `unreadable` is a loss of speed that no label would show.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CallSiteCut, type ScanResult } from '../../../src/filters/call-site-cut.ts';
import { scanJson } from '../../../src/filters/json-scan.ts';

/** What the scan makes of a text without the help of a full parse, and the bytes it cut out. */
function scan(text: string): readonly [ScanResult, string] {
  const bytes = Buffer.from(text);
  const cut = new CallSiteCut();
  const result = scanJson(bytes, 0, bytes.length, cut);
  return [result, result === 'found' ? bytes.toString('utf8', cut.start, cut.end) : ''];
}

describe('scanJson', () => {
  const cases: readonly (readonly [name: string, text: string, result: ScanResult, cut?: string])[] = [
    ['the best key first: the rest is not read', '{"callingFunction":"a.b",!', 'found', 'a.b'],
    ['the best key last', '{"id":"1","n":2,"callingFunction":"a.b"}', 'found', 'a.b'],
    ['deep nesting on the way', '{"a":[{"b":[1,{"c":{}}]},"]}"],"callsite":"c"}', 'found', 'c'],
    ['white space everywhere', '{ "a" : [ ] ,\n"callsite"\t: "c" }', 'found', 'c'],
    ['escapes in values', '{"id":"\\\\\\"","callsite":"c\\n"}', 'found', 'c\\n'],
    ['a trailing comma', '{"callsite":"c",}', 'found', 'c'],
    ['no known key', '{"id":"1","n":null}', 'none'],
    ['empty', '{ }', 'none'],
    ['an escape in a key', '{"\\u0061":1,"callsite":"c"}', 'unreadable'],
    ['cut in a key', '{"callsite":"c","i', 'unreadable'],
    ['cut in a word', '{"callsite":"c","i":tru', 'unreadable'],
    ['cut in a nested value', '{"callsite":"c","i":{"a":[1]', 'unreadable'],
    ['cut in an escape', '{"callsite":"c\\', 'unreadable'],
    ['no colon', '{"callsite" "c"}', 'unreadable'],
    ['no value', '{"callsite":}', 'unreadable'],
    ['no quotes', '{callsite:"c"}', 'unreadable'],
  ];
  for (const [name, text, result, cut = ''] of cases) {
    it(name, () => assert.deepEqual(scan(text), [result, cut]));
  }
});
