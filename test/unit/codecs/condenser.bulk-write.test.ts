// What is counted of a bulkWrite that streams by: every operation, by kind and namespace, wherever the lists stand; and of
// a killCursors, the ids. Does not test the walk: condenser.test.ts does.
// Invariant: the uses of the condensed message are those of the whole one, for any number of operations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BsonDocument,
  encodeMessage,
  Frame,
  Int32,
  Long,
  MAX_USES,
  type NamespaceUse,
  OPCODE,
  readAnyRequest,
  readSkimmedRequest,
} from '../../../codecs/index.ts';
import { MAX_PLACES } from '../../../codecs/operation-tally.ts';
import { body, condense, FILLER, int32, message, sequence, skim, times } from './large-messages.ts';

type Documents = readonly BsonDocument[];

const HEAD = { bulkWrite: 1, $db: 'admin' };

/** Every way in which a client may put the two lists into a message. */
const WAYS: readonly (readonly [string, (ops: Documents, nsInfo: Documents) => Buffer])[] = [
  [
    'sequences',
    (ops, nsInfo) => message(OPCODE.msg, int32(0), body(HEAD), sequence('nsInfo', nsInfo), sequence('ops', ops)),
  ],
  [
    'sequences, operations first',
    (ops, nsInfo) => message(OPCODE.msg, int32(0), sequence('ops', ops), sequence('nsInfo', nsInfo), body(HEAD)),
  ],
  ['arrays', (ops, nsInfo) => message(OPCODE.msg, int32(0), body({ bulkWrite: 1, nsInfo, ops, $db: 'admin' }))],
  [
    'arrays, operations first',
    (ops, nsInfo) => message(OPCODE.msg, int32(0), body({ bulkWrite: 1, ops, nsInfo, $db: 'admin' })),
  ],
  [
    'operations in the body',
    (ops, nsInfo) => message(OPCODE.msg, int32(0), body({ ...HEAD, ops }), sequence('nsInfo', nsInfo)),
  ],
  [
    'namespaces in the body',
    (ops, nsInfo) => message(OPCODE.msg, int32(0), sequence('ops', ops), body({ ...HEAD, nsInfo })),
  ],
];

const wholeUses = (bytes: Buffer): readonly NamespaceUse[] => readAnyRequest(Frame.of(Buffer.from(bytes))).namespaces();

interface Seen {
  readonly uses: readonly NamespaceUse[];
  readonly statements: number;
}

/** What a skimmer makes of it in chunks of this size, the bounds checked. */
function seenOf(bytes: Buffer, chunkBytes: number): Seen {
  const { seen, unread, most } = skim('client', bytes, chunkBytes);
  const [only] = seen;
  assert.deepEqual([seen.length, unread], [1, []]);
  assert.ok(only !== undefined && only.counts !== null && only.frame.length < 140_000);
  assert.ok(most < 700_000, `${most} bytes were held`);
  const view = readSkimmedRequest(only.frame, only.counts);
  return { uses: view.namespaces(), statements: view.statementCount };
}

const sum = (uses: readonly NamespaceUse[]): number => uses.reduce((all, { statements }) => all + statements, 0);

/** Operations of all kinds and numeric types on `namespaces` places, some of them long, some naming nothing. */
const mixed = (count: number, namespaces: number, filler = ''): BsonDocument[] =>
  times(count, (n) => {
    const place = n % namespaces;
    switch (n % 7) {
      case 0:
        return { insert: new Int32(place), document: { filler } };
      case 1:
        return { update: new Int32(place), filter: { filler }, updateMods: {} };
      case 2:
        return { delete: new Int32(place), filter: {} };
      case 3:
        return { insert: Long.fromNumber(place), document: {} };
      case 4:
        return { delete: place, filter: {} };
      case 5:
        return { insert: new Int32(0), document: { filler: n % 70 === 5 ? FILLER.repeat(5) : '' } };
      default:
        return [{ insert: new Int32(namespaces + 3) }, { upsert: new Int32(0) }, { insert: 'x' }, {}, { update: -1 }][
          n % 5
        ] as BsonDocument;
    }
  });

for (const [name, make] of WAYS) {
  test(`${name}: counted like the whole message, in pieces of any size`, () => {
    for (const namespaces of [1, 50]) {
      const nsInfo = times(namespaces, (n) => ({ ns: `shop.c${n}` }));
      const bytes = make(mixed(1400, namespaces, 'abc'), nsInfo);
      const expected = wholeUses(bytes);
      assert.ok(sum(expected) >= 1200);
      for (const chunkBytes of [bytes.length, 1448, 7]) {
        const seen = seenOf(bytes, chunkBytes);
        assert.deepEqual(seen.uses, expected);
        assert.equal(seen.statements, 1400);
      }
    }
  });

  test(`${name}: a hundred thousand operations are all counted, little is held`, () => {
    const nsInfo = [{ ns: 'shop.items' }, { ns: 'shop.orders' }];
    const bytes = make(
      times(100_000, (n) => (n % 4 === 3 ? { delete: new Int32(1) } : { insert: new Int32(0), document: {} })),
      nsInfo,
    );
    for (const chunkBytes of [65_536, 1448]) {
      const { uses, statements } = seenOf(bytes, chunkBytes);
      assert.equal(statements, 100_000);
      assert.deepEqual(uses, [
        {
          database: 'shop',
          collection: 'items',
          role: 'bulkWrite',
          statements: 75_000,
          inserts: 75_000,
          updates: 0,
          deletes: 0,
        },
        {
          database: 'shop',
          collection: 'orders',
          role: 'bulkWrite',
          statements: 25_000,
          inserts: 0,
          updates: 0,
          deletes: 25_000,
        },
      ]);
    }
  });

  test(`${name}: namespaces beyond those that are kept are one entry, and nothing is lost`, () => {
    for (const namespaces of [10_000, MAX_PLACES + 5000]) {
      const nsInfo = times(namespaces, (n) => ({ ns: `shop.a-long-collection-name-${n}` }));
      const bytes = make(
        times(2 * namespaces, (n) => ({ update: new Int32(n % namespaces) })),
        nsInfo,
      );
      const { uses } = seenOf(bytes, 65_536);
      assert.equal(uses.length, MAX_USES);
      assert.deepEqual(uses, wholeUses(bytes));
      assert.deepEqual([sum(uses), uses.at(-1)?.collection, uses[0]?.updates], [2 * namespaces, '', 2]);
    }
  });

  test(`${name}: namespaces with schemas beside them keep their places`, () => {
    const nsInfo = times(40, (n) => ({
      ...(n % 2 === 0 ? { encryptionInformation: { schema: FILLER.repeat(n % 4 === 0 ? 90 : 3), re: /x/ } } : {}),
      ns: `shop.c${n}`,
    }));
    const bytes = make(mixed(400, 40), nsInfo);
    for (const chunkBytes of [bytes.length, 1448, 7])
      assert.deepEqual(seenOf(bytes, chunkBytes).uses, wholeUses(bytes));
  });
}

test('operations on places beyond what can be told apart, where there are none, are not counted', () => {
  const ops = times(8000, (n) => ({ insert: new Int32(n % 2 === 0 ? 0 : MAX_PLACES + n) }));
  const bytes = message(OPCODE.msg, int32(0), body(HEAD), sequence('ops', ops), sequence('nsInfo', [{ ns: 'a.b' }]));
  const { uses } = seenOf(bytes, 65_536);
  assert.deepEqual([uses, sum(uses)], [wholeUses(bytes), 4000]);
});

test('of several lists of the same name the one that a reader takes is counted', () => {
  const ops = (kind: string): Documents => times(4000, () => ({ [kind]: new Int32(0) }));
  const nsInfo = [{ ns: 'a.b' }];
  const nested = { ops: ops('delete'), deeper: { ops: ops('update') } };
  const bytes = message(OPCODE.msg, int32(0), body({ bulkWrite: nested, ops: ops('insert'), nsInfo, $db: 'admin' }));
  for (const chunkBytes of [bytes.length, 1448]) assert.deepEqual(seenOf(bytes, chunkBytes).uses, wholeUses(bytes));
  assert.deepEqual(
    wholeUses(bytes).map(({ inserts, deletes }) => [inserts, deletes]),
    [[4000, 0]],
  );
  const tooMany = { a: { ops: ops('delete') }, ops: ops('update') };
  const flood = message(OPCODE.msg, int32(0), body({ bulkWrite: tooMany, ops: ops('insert'), nsInfo, $db: 'admin' }));
  const { uses, statements } = seenOf(flood, 1448);
  assert.deepEqual([sum(uses), statements], [0, 4000], 'beyond a sane number of lists only the sum is known');
});

test('elements of nsInfo that are no documents keep the places of the others', () => {
  // Larger than what is kept as it is.
  const long = 'x'.repeat(70_000);
  const nsInfo = [long, 5, [long], { ns: 'a.b' }, /x/, Buffer.from(long), { ns: 'a.c' }];
  const ops = times(5000, (n) => ({ insert: new Int32(n % 3) }));
  for (const document of [
    { bulkWrite: 1, nsInfo, ops, $db: 'admin' },
    { bulkWrite: 1, ops: [1, /x/, ...ops], nsInfo: [{ long, ns: 'a.b' }, /x/], $db: 'admin' },
    { bulkWrite: 1, ops, nsInfo: [{ ns: 'a.b' }, long], $db: 'admin' },
  ]) {
    const bytes = message(OPCODE.msg, int32(0), body(document));
    for (const chunkBytes of [bytes.length, 7]) {
      assert.deepEqual(seenOf(bytes, chunkBytes).uses, wholeUses(bytes));
      const [only] = skim('client', bytes, chunkBytes).seen;
      assert.ok(only !== undefined);
      const { collection } = readSkimmedRequest(only.frame, only.counts);
      assert.equal(collection, readAnyRequest(Frame.of(bytes)).collection);
    }
  }
});

test('what is counted does not hold the operations: the view does with what is small', () => {
  const ops = times(MAX_PLACES, (n) => ({ insert: new Int32(n) }));
  const bytes = message(OPCODE.msg, int32(0), sequence('ops', ops), sequence('nsInfo', [{ ns: 'a.b' }]), body(HEAD));
  const { frame, counts } = condense(bytes, []);
  assert.ok(counts.heldBytes > 100_000 && counts.heldBytes < 400_000, `${counts.heldBytes} bytes`);
  const view = readSkimmedRequest(frame, counts);
  assert.deepEqual(view.namespaces(), view.knownUses);
  assert.ok(frame.length < 1000);
});

test('a killCursors keeps its first ids and counts all', () => {
  for (const count of [9000, 100_000]) {
    const cursors = times(count, (n) => Long.fromNumber(n + 1));
    const ids = Buffer.alloc(count * 8);
    for (let n = 0; n < count; n++) ids.writeInt32LE(n + 1, n * 8);
    for (const bytes of [
      encodeMessage({ killCursors: 'items', cursors, $db: 'shop' }, 77, 0),
      message(OPCODE.killCursors, int32(0), int32(count), ids),
    ]) {
      for (const chunkBytes of [bytes.length, 1448, 7]) {
        const [only] = skim('client', bytes, chunkBytes).seen;
        assert.ok(only !== undefined && only.frame.length < 140_000);
        const view = readSkimmedRequest(only.frame, only.counts);
        const kept = view.cursorIds;
        assert.equal(view.cursorCount, count);
        assert.ok(kept.length >= 4000 && kept.length < 8000, `${kept.length} ids`);
        assert.deepEqual([kept[0], kept.at(-1)], [1n, BigInt(kept.length)]);
      }
    }
  }
  const small = readAnyRequest(Frame.of(message(OPCODE.killCursors, int32(0), int32(2), Buffer.alloc(16, 1))));
  assert.equal(small.cursorCount, 2);
});
