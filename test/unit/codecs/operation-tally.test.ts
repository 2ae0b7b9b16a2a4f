// The tally of a bulkWrite's operations: what it counts, what it leaves out, and its bound.
// Invariant: it grows with the places that are named, never beyond MAX_PLACES.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BsonDocument, Int32, Long, serialize } from '../../../codecs/index.ts';
import { MAX_PLACES, OPERATION_KINDS, OperationTally } from '../../../codecs/operation-tally.ts';

test('places are told apart up to the bound, beyond it there is one sum for each kind', () => {
  const tally = new OperationTally();
  const first = tally.heldBytes;
  for (const place of [0, 0, 31, 32, 5000, MAX_PLACES - 1]) tally.add(1, place);
  assert.deepEqual(
    [0, 1, 31, 32, 5000, MAX_PLACES - 1].map((place) => tally.count(place, 1)),
    [2, 0, 1, 1, 1, 1],
  );
  assert.deepEqual([tally.count(0, 0), tally.count(0, 2), tally.places], [0, 0, MAX_PLACES]);
  const most = tally.heldBytes;
  assert.ok(first < 1000 && most === MAX_PLACES * OPERATION_KINDS.length * 4);
  for (const place of [MAX_PLACES, 2 ** 31, Number.MAX_SAFE_INTEGER]) tally.add(2, place);
  assert.deepEqual([tally.beyond(2), tally.beyond(1), tally.heldBytes], [3, 0, most]);
});

test('an element is counted if it has the name of a kind and a whole number from 0 on', () => {
  const cases: readonly (readonly [BsonDocument, readonly [number, number, number]])[] = [
    [{ insert: new Int32(3) }, [1, 0, 0]],
    [{ update: Long.fromNumber(3) }, [0, 1, 0]],
    [{ delete: 3.0 }, [0, 0, 1]],
    [{ insert: 3.5 }, [0, 0, 0]],
    [{ insert: new Int32(-3) }, [0, 0, 0]],
    [{ insert: Number.NaN }, [0, 0, 0]],
    [{ insert: Number.POSITIVE_INFINITY }, [0, 0, 0]],
    [{ insert: true }, [0, 0, 0]],
    [{ insert: null }, [0, 0, 0]],
    [{ inser: new Int32(3) }, [0, 0, 0]],
    [{ inserts: new Int32(3) }, [0, 0, 0]],
    [{ upsert: new Int32(3) }, [0, 0, 0]],
  ];
  for (const [document, expected] of cases) {
    const tally = new OperationTally();
    const bytes = Buffer.from(serialize(document));
    tally.addElement(bytes, 4, bytes.indexOf(0, 5));
    assert.deepEqual(
      OPERATION_KINDS.map((_, kind) => tally.count(3, kind)),
      expected,
      JSON.stringify(document),
    );
  }
});
