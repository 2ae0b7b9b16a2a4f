// The loops over operations: whole, ordinary ones are counted, in front of anything else they stop.
// Invariant: what lies at or behind the end changes nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BsonDocument, Int32, Long, serialize } from '../../../codecs/index.ts';
import { tallyDocuments, tallyElements } from '../../../codecs/operation-hop.ts';
import { OperationTally } from '../../../codecs/operation-tally.ts';

const ORDINARY: readonly BsonDocument[] = [
  { insert: new Int32(0), document: { a: 1 } },
  { update: new Int32(1) },
  { delete: new Int32(1), filter: {} },
];
/** Counted as operations, if not for a place. */
const ODD: readonly (readonly [BsonDocument, number])[] = [
  [{}, 0],
  [{ insert: 0.5 }, 0],
  [{ insert: Long.fromNumber(0) }, 1],
  [{ insert: new Int32(-1) }, 0],
  [{ upsert: new Int32(0) }, 0],
  [{ inserts: new Int32(0), document: {} }, 0],
  [{ a: 'a text' }, 0],
];

interface Counted {
  readonly at: number;
  readonly count: number;
  readonly places: readonly number[];
}

function run(loop: typeof tallyDocuments, bytes: Buffer, start: number, end: number): Counted {
  const list = { count: 0 };
  const tally = new OperationTally();
  const at = loop(list, tally, bytes, { start, end });
  return {
    at,
    count: list.count,
    places: [0, 1].map((place) => [0, 1, 2].reduce((sum, kind) => sum + tally.count(place, kind), 0)),
  };
}

test('documents back to back, whole and cut everywhere', () => {
  const ends: number[] = [];
  const parts = ORDINARY.map((document) => Buffer.from(serialize(document)));
  for (const part of parts) ends.push((ends.at(-1) ?? 0) + part.length);
  const bytes = Buffer.concat(parts);
  assert.deepEqual(run(tallyDocuments, bytes, 0, bytes.length), { at: bytes.length, count: 3, places: [1, 2] });
  for (let end = 0; end < bytes.length; end++) {
    const whole = ends.filter((each) => each <= end);
    for (const some of [bytes, Buffer.from(bytes.subarray(0, end))]) {
      const { at, count } = run(tallyDocuments, some, 0, end);
      assert.deepEqual([at, count], [whole.at(-1) ?? 0, whole.length], `cut at ${end}`);
    }
  }
});

test('elements of an array, whole and cut everywhere', () => {
  const bytes = Buffer.from(serialize({ ops: [...ORDINARY, ...ORDINARY, 5] }));
  const start = 4 + 1 + 4 + 4;
  const last = bytes.length - 2 - 7;
  assert.deepEqual(run(tallyElements, bytes, start, bytes.length - 2), { at: last, count: 6, places: [2, 4] });
  let most = 0;
  for (let end = start; end < bytes.length; end++) {
    const whole = run(tallyElements, bytes, start, end);
    assert.deepEqual(run(tallyElements, Buffer.from(bytes.subarray(0, end)), start, end), whole);
    assert.ok(whole.at <= end && whole.count >= most && whole.count <= most + 1);
    most = whole.count;
  }
  const named = Buffer.from(serialize({ ops: { 'a long name': ORDINARY[0] } }));
  assert.equal(run(tallyElements, named, start, named.length - 2).count, 0);
});

test('an operation that does nothing known is counted all the same', () => {
  for (const [document, places] of ODD) {
    const bytes = Buffer.concat([serialize(document), serialize(ORDINARY[0] as BsonDocument)]);
    const expected = { at: bytes.length, count: 2, places: [1 + places, 0] };
    assert.deepEqual(run(tallyDocuments, bytes, 0, bytes.length), expected, JSON.stringify(document));
  }
});

test('what is malformed, or cannot be told in one look, is left to others', () => {
  const whole = Buffer.from(serialize(ORDINARY[0] as BsonDocument));
  const changes: readonly (readonly [string, number, number])[] = [
    ['shorter than a document', 0, 4],
    ['longer than what is there', 0, whole.length + 1],
    ['no NUL at its end', whole.length - 1, 1],
    ['a type that is none', 4, 0x14],
    ['a regular expression', 4, 0x0b],
    ['a value beyond its end', 12, 0x7f],
  ];
  for (const [name, offset, value] of changes) {
    const bytes = Buffer.from(whole);
    bytes[offset] = value;
    if (offset === 12) bytes[4] = 2;
    const behind = Buffer.concat([whole, bytes, whole]);
    const { at, count } = run(tallyDocuments, behind, 0, whole.length * 2);
    assert.deepEqual([at, count], [whole.length, 1], name);
  }
  const unnamed = Buffer.from(serialize({ a: 1 }));
  unnamed.fill(0x61, 5, unnamed.length - 1);
  assert.equal(run(tallyDocuments, unnamed, 0, unnamed.length).count, 0);
});
