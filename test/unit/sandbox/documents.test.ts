// Keys, copies and types of documents. Invariant under test: equal values have equal keys, others never.
// bson itself is not tested here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Binary,
  canonicalKey,
  copyDocument,
  type Doc,
  Double,
  decodeDocument,
  encodeDocument,
  Int32,
  isDocument,
  Long,
  ObjectId,
} from '../../../src/sandbox/documents.ts';

test('numbers of any type have one key by value, other types keep apart', () => {
  for (const one of [1, new Int32(1), new Double(1), Long.fromNumber(1)])
    assert.equal(canonicalKey(one), canonicalKey(1));
  assert.equal(canonicalKey(-0), canonicalKey(0));
  const id = new ObjectId();
  const distinct = [1, '1', true, null, id, id.toHexString(), new Date(1), { v: 1 }, [1], new Binary(Buffer.from('1'))];
  assert.equal(new Set(distinct.map(canonicalKey)).size, distinct.length);
  assert.equal(canonicalKey({ a: 1 }), canonicalKey({ a: 1 }));
  assert.notEqual(canonicalKey({ a: 1, b: 2 }), canonicalKey({ b: 2, a: 1 }));
});

test('a copy shares no bytes with the buffer it was decoded from', () => {
  const wire = Buffer.from(encodeDocument({ b: new Binary(Buffer.from('abc')), inner: [{ d: new Date(5) }] }));
  const copy = copyDocument(decodeDocument(wire));
  wire.fill(0x7a);
  assert.equal((copy['b'] as Binary).toString(), 'abc');
  assert.deepEqual(copy['inner'], [{ d: new Date(5) }]);
});

test('a field named __proto__ stays a field', () => {
  const hostile = decodeDocument(encodeDocument(JSON.parse('{"__proto__": {"polluted": 1}, "a": 1}') as Doc));
  const copy = copyDocument(hostile);
  assert.deepEqual(Object.keys(copy), ['__proto__', 'a']);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  assert.equal(({} as Doc)['polluted'], undefined);
});

test('only plain documents are documents', () => {
  assert.ok(isDocument({}));
  for (const value of [null, [], new Date(), /a/, new ObjectId(), 1, 'a', Long.ONE])
    assert.equal(isDocument(value), false);
});
