// Hopping over lists that are only counted: the same count as element by element, and a stop where something is cut or odd.
// Does not test who goes on there. Invariant: whatever the bytes and the end, nothing beyond the end is counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ElementCursor, serialize } from '../../../codecs/index.ts';
import { type CountedList, hopDocuments, hopElements } from '../../../codecs/list-hop.ts';

/** Elements of every size rule, under names of every length up to the longest that is taken for one. */
function makeArray(): Buffer {
  const values = [1, 'text', { a: 1 }, [1, 2], true, null, new Date(0), /a+/i, Buffer.from('abc'), 1.5, {}];
  const names = [1, 5, 7, 8, 40, 1023].map((length) => 'n'.repeat(length));
  return serialize(
    Object.fromEntries(
      names.flatMap((name) => values.map((value, n) => [name.slice(0, -1) + (n % 10) + (n > 9 ? 'x' : ''), value])),
    ),
  );
}

/** Where the elements of an array start that are wholly in front of `end`, and where the last of them ends. */
function countUpTo(bytes: Buffer, end: number): { count: number; at: number } {
  const cursor = new ElementCursor(bytes, 0, bytes.length);
  let count = 0;
  let at = 4;
  while (cursor.next() && cursor.valueEnd <= end && cursor.type !== 11) {
    count++;
    at = cursor.valueEnd;
  }
  return { count, at };
}

test('elements: every end gives what lies wholly in front of it', () => {
  const documents = serialize(Object.fromEntries(Array.from({ length: 120 }, (_, n) => [String(n), { n }])));
  for (const bytes of [documents, makeArray()]) {
    for (let end = 4; end < bytes.length; end++) {
      const list: CountedList = { count: 0 };
      const at = hopElements(list, bytes, 4, end);
      assert.deepEqual({ count: list.count, at }, countUpTo(bytes, end), `up to ${end}`);
    }
  }
});

test('elements: it stops in front of lengths that lie, unknown types, names too long or without an end', () => {
  const good = serialize({ 0: { a: 1 } }).subarray(4, -1);
  const long = (name: string): Buffer => serialize({ [name]: { a: 1 } }).subarray(4, -1);
  const changed = (offset: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes[offset] = value;
    return bytes;
  };
  for (const bad of [
    changed(0, 0x7e),
    changed(0, 0),
    changed(3, 4),
    changed(3, 200),
    changed(6, 0x80),
    long('n'.repeat(1024)),
    Buffer.concat([Buffer.from([3]), Buffer.alloc(1100, 0x61)]),
  ]) {
    const list: CountedList = { count: 5 };
    const bytes = Buffer.concat([good, good, bad, good]);
    assert.equal(hopElements(list, bytes, 0, bytes.length), 2 * good.length);
    assert.equal(list.count, 7);
  }
});

test('documents: every end gives what lies wholly in front of it, lengths that lie stop it', () => {
  const documents = [{}, { a: 1 }, { text: 'x'.repeat(50) }, {}].map((each) => serialize(each));
  const bytes = Buffer.concat(documents);
  for (let end = 0; end <= bytes.length; end++) {
    const list: CountedList = { count: 0 };
    let [count, at] = [0, 0];
    for (const { length } of documents) {
      if (at + length > end) break;
      at += length;
      count++;
    }
    assert.deepEqual([hopDocuments(list, bytes, 0, end), list.count], [at, count], `up to ${end}`);
  }
  for (const lie of [4, 0, -1, 0x7fff_ffff]) {
    const bad = Buffer.concat([serialize({}), serialize({ a: 1 })]);
    bad.writeInt32LE(lie, 5);
    const list: CountedList = { count: 0 };
    assert.deepEqual([hopDocuments(list, bad, 0, bad.length), list.count], [5, 1]);
  }
});

test('nothing beyond the end is counted, whatever the bytes are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (noise, cut) => {
      const bytes = Buffer.from(noise);
      const end = Math.min(cut, bytes.length);
      for (const hop of [hopElements, hopDocuments]) {
        const list: CountedList = { count: 0 };
        const at = hop(list, bytes, 0, end);
        assert.ok(at >= 0 && at <= end && list.count <= end);
      }
    }),
    { numRuns: 2000 },
  );
});
