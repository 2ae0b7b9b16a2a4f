// bulkWrite through the dispatcher. Invariant under test: counts hold every op, the cursor what was asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../../src/sandbox/documents.ts';
import { batchOf, cursorIdOf, makeFixture } from '../fixture.ts';

const nsInfo = [{ ns: 'shop.a' }, { ns: 'shop.b' }];
const bulk = (ops: readonly Doc[], extra: Doc = {}): Doc => ({ bulkWrite: 1, ops, nsInfo, ...extra });
const counts = ({ nInserted, nMatched, nModified, nUpserted, nDeleted, nErrors }: Doc): unknown[] => [
  nInserted,
  nMatched,
  nModified,
  nUpserted,
  nDeleted,
  nErrors,
];

test('ops of every kind on two collections', async () => {
  const { run, find } = await makeFixture();
  const ops = [
    { insert: 0, document: { _id: 1, n: 1, l: [1, 9] } },
    { insert: 1, document: { _id: 1 } },
    { update: 0, filter: { _id: 1 }, updateMods: { $set: { 'l.$[e]': 0 } }, arrayFilters: [{ e: { $gt: 5 } }] },
    { update: 1, filter: { _id: 2 }, updateMods: { x: 1 }, upsert: true },
    { update: 1, filter: {}, updateMods: { $set: { y: 1 } }, multi: true },
    { update: 0, filter: {}, updateMods: [{ $set: { n: '$$add' } }], constants: { add: 8 } },
    { delete: 1, filter: {}, multi: true },
  ];
  const reply = run(bulk(ops), 'admin');
  assert.deepEqual(counts(reply), [2, 4, 4, 1, 2, 0]);
  assert.deepEqual(batchOf(reply)[3], { ok: 1, idx: 3, n: 1, nModified: 0, upserted: { _id: 2 } });
  assert.deepEqual([find('a'), find('b')], [[{ _id: 1, n: 8, l: [1, 0] }], []]);
});

test('errors stop an ordered one, and are all that errorsOnly shows', async () => {
  const { run, find } = await makeFixture();
  const ops = [
    { insert: 0, document: { _id: 1 } },
    { insert: 0, document: { _id: 1 } },
    { insert: 0, document: { _id: 2 } },
  ];
  const ordered = run(bulk(ops), 'admin');
  assert.deepEqual([counts(ordered), batchOf(ordered).length], [[1, 0, 0, 0, 0, 1], 2]);
  const short = run(bulk(ops, { ordered: false, errorsOnly: true }), 'admin');
  assert.deepEqual(
    batchOf(short).map((one) => [one['idx'], one['code'], one['n']]),
    [
      [0, 11_000, 0],
      [1, 11_000, 0],
    ],
  );
  assert.equal(find('a').length, 2);
});

test('results come in batches and a retry runs nothing twice', async () => {
  const { run, find } = await makeFixture();
  const ops = [1, 2, 3].map((_id) => ({ insert: 0, document: { _id } }));
  const command = bulk(ops, { cursor: { batchSize: 2 }, lsid: { id: 1 }, txnNumber: 1 });
  const first = run(command, 'admin');
  const rest = run({ getMore: cursorIdOf(first), collection: '$cmd.bulkWrite' }, 'admin');
  assert.deepEqual([batchOf(first).length, batchOf(rest).length], [2, 1]);
  const again = run(command, 'admin');
  assert.deepEqual(
    [counts(again), again['retriedStmtIds']],
    [
      [3, 0, 0, 0, 0, 0],
      [0, 1, 2],
    ],
  );
  assert.equal(find('a').length, 3);
});

test('what is no bulkWrite is refused before anything runs', async () => {
  const { run, find } = await makeFixture();
  const good = { insert: 0, document: { _id: 1 } };
  assert.equal(run(bulk([good]))['code'], 13);
  assert.equal(run(bulk([]), 'admin')['code'], 16);
  assert.equal(run(bulk([good, { insert: 2, document: {} }]), 'admin')['code'], 2);
  assert.equal(run(bulk([good, { replace: 0 }]), 'admin')['code'], 40_415);
  assert.equal(run(bulk([good], { nsInfo: [{ ns: 'shop' }] }), 'admin')['code'], 73);
  assert.equal(run(bulk([good], { nsInfo: 5 }), 'admin')['code'], 14);
  assert.deepEqual(find('a'), []);
});
