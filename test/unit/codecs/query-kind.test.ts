// The kind of a query by its _id, in every command that has a predicate, and on bytes that are damaged.
// Does not try reports: test/unit/stats does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BsonDocument,
  DecodeError,
  encodeMessage,
  Frame,
  Int32,
  Long,
  ObjectId,
  type QueryKind,
  readCommand,
  serialize,
} from '../../../codecs/index.ts';
import { readQueryKind } from '../../../codecs/query-kind.ts';

const kindOf = (predicate: BsonDocument): QueryKind => {
  const bytes = Buffer.from(serialize(predicate));
  return readQueryKind(bytes, 0, bytes.length);
};

const ofCommand = (document: BsonDocument): QueryKind =>
  readCommand(Frame.of(encodeMessage({ ...document, $db: 'shop' }, 1, 0))).queryKind;

/** `{_id: 1}` inside this many `$and`s. */
function nested(levels: number): BsonDocument {
  return levels === 0 ? { _id: 1 } : { $and: [nested(levels - 1)] };
}

test('one value of _id is a primary key, several are a multi get, the rest scatters', () => {
  const cases: readonly (readonly [BsonDocument, QueryKind])[] = [
    [{ _id: 1 }, 'primary_key'],
    [{ _id: 'text' }, 'primary_key'],
    [{ _id: new ObjectId() }, 'primary_key'],
    [{ _id: Long.fromNumber(1), user: 'x' }, 'primary_key'],
    [{ user: 'x', age: { $gt: 1 }, _id: null }, 'primary_key'],
    [{ _id: {} }, 'primary_key'],
    [{ _id: { a: 1, $b: 2 } }, 'primary_key'],
    [{ _id: { $ref: 'a', $id: 1 } }, 'primary_key'],
    [{ _id: [1, 2] }, 'primary_key'],
    [{ _id: { $eq: 1 } }, 'primary_key'],
    [{ _id: { $gt: 0, $eq: 1 } }, 'primary_key'],
    [{ _id: { $in: [1] } }, 'primary_key'],
    [{ _id: { $in: [1, 2] } }, 'multi_get'],
    [{ _id: { $in: [] } }, 'multi_get'],
    [{ _id: { $gt: 0, $in: [1, 2] } }, 'multi_get'],
    [{ _id: { $in: 5 } }, 'scatter_get'],
    [{ _id: { $gt: 1 } }, 'scatter_get'],
    [{ _id: { $ne: 1 } }, 'scatter_get'],
    [{ _id: { $nin: [1] } }, 'scatter_get'],
    [{ _id: { $regex: 'a' } }, 'scatter_get'],
    [{ _id: { $refs: 'a' } }, 'scatter_get'],
    [{ _id: /a/ }, 'scatter_get'],
    [{ _idx: 1, id: 1, '_id.a': 1 }, 'scatter_get'],
    [{}, 'scatter_get'],
    [{ a: { _id: 1 } }, 'scatter_get'],
    [{ $or: [{ _id: 1 }] }, 'scatter_get'],
    [{ $and: [{ a: 1 }, { _id: 1 }] }, 'primary_key'],
    [{ $and: [{ _id: { $in: [1, 2] } }, { a: 1 }] }, 'multi_get'],
    [{ $and: [{ _id: { $in: [1, 2] } }, { _id: 2 }] }, 'primary_key'],
    [{ $and: [5, { $and: [{ _id: 1 }] }] }, 'primary_key'],
    [{ $and: { _id: 1 } }, 'scatter_get'],
    [{ $and: [] }, 'scatter_get'],
    [nested(8), 'primary_key'],
    [nested(9), 'scatter_get'],
  ];
  for (const [predicate, kind] of cases) {
    assert.equal(kindOf(predicate), kind, JSON.stringify(predicate));
  }
});

test('each command has its predicate in its own place', () => {
  const one = { _id: new Int32(1) };
  const cases: readonly (readonly [BsonDocument, QueryKind])[] = [
    [{ find: 'a', filter: one }, 'primary_key'],
    [{ find: 'a' }, 'scatter_get'],
    [{ find: 'a', filter: 5 }, 'scatter_get'],
    [{ find: 'a', query: one }, 'scatter_get'],
    [{ count: 'a', query: one }, 'primary_key'],
    [{ distinct: 'a', key: 'x', query: one }, 'primary_key'],
    [{ findAndModify: 'a', query: one }, 'primary_key'],
    [{ findandmodify: 'a', query: one }, 'primary_key'],
    [{ aggregate: 'a', pipeline: [{ $match: one }] }, 'primary_key'],
    [{ aggregate: 'a', pipeline: [{ $sort: one }, { $match: one }] }, 'scatter_get'],
    [{ aggregate: 'a', pipeline: [{ $match: 5 }] }, 'scatter_get'],
    [{ aggregate: 'a', pipeline: [] }, 'scatter_get'],
    [{ aggregate: 'a', pipeline: [{}] }, 'scatter_get'],
    [{ aggregate: 'a', pipeline: [5] }, 'scatter_get'],
    [{ aggregate: 'a' }, 'scatter_get'],
    [{ aggregate: 'a', pipeline: [{ $changeStream: {} }] }, 'none'],
    [{ aggregate: 1, pipeline: [{ $currentOp: {} }] }, 'none'],
    [{ update: 'a', updates: [{ q: one, u: {} }] }, 'primary_key'],
    [
      {
        update: 'a',
        updates: [
          { q: {}, u: {} },
          { q: one, u: {} },
        ],
      },
      'scatter_get',
    ],
    [{ update: 'a', updates: [{ u: {} }] }, 'none'],
    [{ update: 'a', updates: [] }, 'none'],
    [{ delete: 'a', deletes: [{ q: { _id: { $in: [1, 2] } }, limit: 0 }] }, 'multi_get'],
    [{ explain: { find: 'a', filter: one } }, 'primary_key'],
    [{ explain: { aggregate: 'a', pipeline: [{ $match: one }] } }, 'primary_key'],
    [{ explain: { delete: 'a', deletes: [{ q: one, limit: 1 }] } }, 'primary_key'],
    [{ explain: { explain: { find: 'a', filter: one } } }, 'none'],
    [{ explain: { frobnicate: 'a', filter: one } }, 'none'],
    [{ insert: 'a', documents: [one] }, 'none'],
    [{ ping: 1, filter: one }, 'none'],
    [{ frobnicate: 'a', filter: one }, 'none'],
    [{ getMore: Long.fromNumber(3), collection: 'a' }, 'none'],
  ];
  for (const [document, kind] of cases) {
    assert.equal(ofCommand(document), kind, JSON.stringify(document));
  }
});

test('a predicate that is cut or damaged is a DecodeError or a kind', () => {
  const whole = Buffer.from(serialize({ a: 1, $and: [{ _id: { $in: [1, 2] } }], _id: { $gt: 1, $lt: [5] } }));
  for (let length = 0; length < whole.length; length++) {
    const cut = Buffer.from(whole.subarray(0, length));
    assert.throws(() => readQueryKind(cut, 0, length), DecodeError);
    if (length >= 4) {
      cut.writeInt32LE(length, 0);
      assert.throws(() => readQueryKind(cut, 0, length), DecodeError);
    }
  }
  for (let at = 0; at < whole.length; at++) {
    for (const byte of [0, 1, 3, 4, 0x24, 0x7f, 0xff]) {
      const damaged = Buffer.from(whole);
      damaged[at] = byte;
      try {
        assert.match(readQueryKind(damaged, 0, damaged.length), /_/);
      } catch (error) {
        assert.ok(error instanceof DecodeError);
      }
    }
  }
});

test('a lone _id is told by its type, and a document that ends within it is refused', () => {
  const whole = Buffer.from(serialize({ _id: new Int32(5) }));
  assert.equal(readQueryKind(whole, 0, whole.length), 'primary_key');
  for (let length = 0; length <= 10; length++) {
    assert.throws(() => readQueryKind(whole, 0, length), DecodeError, `${length} bytes`);
  }
  const behind = Buffer.from([5, 0, 0, 0, 0, 0x5f, 0x69, 0x64, 0]);
  assert.equal(readQueryKind(behind, 0, 5), 'scatter_get');
});
