// Which operations may share a connection: each exclusion by itself, on a row that is known to be short.
// Invariant tested: what is not listed is not short.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, encodeMessage, Frame, Int32, Long, readCommand } from '../../../codecs/index.ts';
import type { Client } from '../../../src/core/client.ts';
import { Operation } from '../../../src/core/operation.ts';
import { isShort } from '../../../src/router/short-ones.ts';

const FIND: BsonDocument = { find: 'orders', filter: { _id: 1 }, $db: 'shop' };

function operation(document: BsonDocument, options: { known?: boolean; flags?: number } = {}): Operation {
  const { known = true, flags = 0 } = options;
  const command = readCommand(Frame.of(encodeMessage(document, 1, 0, flags)));
  const made = new Operation({} as Client, command, 0, { onFinish: () => {} });
  made.record = { begin: () => {}, finish: () => {}, isShort: known };
  return made;
}

describe('short', () => {
  const short: readonly BsonDocument[] = [
    FIND,
    { aggregate: 'orders', pipeline: [{ $match: { a: 1 } }], cursor: {}, $db: 'shop' },
    { aggregate: 'orders', pipeline: [{ $lookup: { from: 'items', as: 'i', pipeline: [] } }], cursor: {}, $db: 'shop' },
    { count: 'orders', $db: 'shop' },
    { distinct: 'orders', key: 'a', $db: 'shop' },
    { getMore: Long.fromNumber(7), collection: 'orders', $db: 'shop' },
    { insert: 'orders', documents: [{ a: 1 }], $db: 'shop' },
    { update: 'orders', updates: [{ q: {}, u: { $set: { a: 1 } } }], txnNumber: Long.fromNumber(3), $db: 'shop' },
    { delete: 'orders', deletes: [{ q: {}, limit: 1 }], $db: 'shop' },
    { findAndModify: 'orders', query: {}, remove: true, $db: 'shop' },
  ];
  for (const document of short) {
    test(`${Object.keys(document)[0]} ${JSON.stringify(document).slice(0, 60)}`, () => {
      assert.equal(isShort(operation(document)), true);
    });
  }
});

describe('not short', () => {
  test('a row that is unknown or slow, or none', () => {
    assert.equal(isShort(operation(FIND, { known: false })), false);
    const without = operation(FIND);
    without.record = null;
    assert.equal(isShort(without), false);
  });

  test('a request that is large', () => {
    assert.equal(isShort(operation({ ...FIND, comment: 'x'.repeat(20_000) })), false);
  });

  test('what wants no answer, or a stream of them', () => {
    assert.equal(isShort(operation({ insert: 'orders', documents: [{ a: 1 }], $db: 'shop' }, { flags: 2 })), false);
    assert.equal(
      isShort(operation({ getMore: Long.fromNumber(7), collection: 'o', $db: 'shop' }, { flags: 0x1_0000 })),
      false,
    );
  });

  const long: readonly BsonDocument[] = [
    { ...FIND, autocommit: false, txnNumber: Long.fromNumber(1) },
    { ...FIND, tailable: true, awaitData: true },
    { aggregate: 'orders', pipeline: [{ $changeStream: {} }], cursor: {}, $db: 'shop' },
    { aggregate: 'orders', pipeline: [{ $out: 'copy' }], cursor: {}, $db: 'shop' },
    { aggregate: 'orders', pipeline: [{ $merge: { into: 'copy' } }], cursor: {}, $db: 'shop' },
    { createIndexes: 'orders', indexes: [], $db: 'shop' },
    { drop: 'orders', $db: 'shop' },
    { killCursors: 'orders', cursors: [Long.fromNumber(1)], $db: 'shop' },
    { bulkWrite: new Int32(1), ops: [], nsInfo: [], $db: 'admin' },
    { commitTransaction: new Int32(1), $db: 'admin' },
    { serverStatus: new Int32(1), $db: 'admin' },
    { whatever: 'orders', $db: 'shop' },
  ];
  for (const document of long) {
    test(JSON.stringify(document).slice(0, 70), () => {
      assert.equal(isShort(operation(document)), false);
    });
  }
});
