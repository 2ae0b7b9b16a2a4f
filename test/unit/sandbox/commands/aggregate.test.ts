// aggregate through the dispatcher: stages, batches, and the stages that write.
// Invariant under test: no pipeline changes the documents it reads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../../src/sandbox/documents.ts';
import { batchOf, cursorIdOf, type Fixture, makeFixture } from '../fixture.ts';

async function stocked(): Promise<Fixture> {
  const fixture = await makeFixture();
  fixture.run({ insert: 'orders', documents: Array.from({ length: 6 }, (_, n) => ({ _id: n, sku: n % 2, qty: n })) });
  fixture.run({
    insert: 'skus',
    documents: [
      { _id: 0, name: 'bolt' },
      { _id: 1, name: 'nut' },
    ],
  });
  return fixture;
}

const aggregate = (pipeline: readonly Doc[], extra: Doc = {}): Doc => ({
  aggregate: 'orders',
  pipeline,
  cursor: {},
  ...extra,
});

test('groups, joins and unions', async () => {
  const { run } = await stocked();
  const grouped = run(
    aggregate([
      { $match: { qty: { $gt: 0 } } },
      { $group: { _id: '$sku', sum: { $sum: '$qty' } } },
      { $sort: { _id: 1 } },
    ]),
  );
  assert.deepEqual(batchOf(grouped), [
    { _id: 0, sum: 6 },
    { _id: 1, sum: 9 },
  ]);
  const joined = run(
    aggregate([
      { $match: { _id: 3 } },
      { $lookup: { from: 'skus', localField: 'sku', foreignField: '_id', as: 'item' } },
      { $unset: 'item._id' },
    ]),
  );
  assert.deepEqual(batchOf(joined), [{ _id: 3, sku: 1, qty: 3, item: [{ name: 'nut' }] }]);
  assert.deepEqual(
    batchOf(run({ find: 'skus', filter: { _id: 1 } })),
    [{ _id: 1, name: 'nut' }],
    'the joined document is untouched',
  );
  assert.equal(batchOf(run(aggregate([{ $unionWith: 'skus' }]))).length, 8);
  assert.deepEqual(batchOf(run(aggregate([{ $count: 'n' }]))), [{ n: 6 }]);
  assert.deepEqual(
    batchOf(run(aggregate([{ $match: { $expr: { $gt: ['$qty', '$$min'] } } }, { $count: 'n' }], { let: { min: 3 } }))),
    [{ n: 2 }],
  );
});

test('the cursor has batches of the size that was asked', async () => {
  const { run } = await stocked();
  const first = run(aggregate([], { cursor: { batchSize: 4 } }));
  assert.equal(batchOf(first).length, 4);
  assert.equal(batchOf(run({ getMore: cursorIdOf(first), collection: 'orders' })).length, 2);
});

test('$out replaces a collection', async () => {
  const { run, find } = await stocked();
  run({ insert: 'out', documents: [{ _id: 'old' }] });
  assert.deepEqual(batchOf(run(aggregate([{ $match: { sku: 1 } }, { $out: 'out' }]))), []);
  assert.deepEqual(
    find('out').map((document) => document['_id']),
    [1, 3, 5],
  );
  run(aggregate([{ $limit: 1 }, { $out: { db: 'other', coll: 'o' } }]));
  assert.equal(batchOf(run({ find: 'o' }, 'other')).length, 1);
  assert.equal(run(aggregate([{ $out: 'x' }, { $limit: 1 }]))['code'], 40_601);
  assert.equal(run(aggregate([{ $out: 5 }]))['code'], 9);
});

test('$merge by its actions', async () => {
  const { run, find } = await stocked();
  const merge = (spec: Doc, qty = 5): Doc =>
    run(
      aggregate([
        { $match: { _id: { $in: [0, 1] } } },
        { $project: { qty: { $literal: qty } } },
        { $merge: { into: 'm', ...spec } },
      ]),
    );
  run({ insert: 'm', documents: [{ _id: 0, kept: true }] });
  merge({ whenNotMatched: 'discard' });
  assert.deepEqual(find('m'), [{ _id: 0, kept: true, qty: 5 }]);
  merge({ whenMatched: 'keepExisting' }, 6);
  assert.deepEqual(find('m'), [
    { _id: 0, kept: true, qty: 5 },
    { _id: 1, qty: 6 },
  ]);
  merge({ whenMatched: 'replace' }, 7);
  assert.deepEqual(find('m', { _id: 0 }), [{ _id: 0, qty: 7 }]);
  merge({ whenMatched: [{ $set: { qty: { $add: ['$qty', '$$new.qty'] } } }] }, 1);
  assert.deepEqual(find('m', { _id: 0 }), [{ _id: 0, qty: 8 }]);
  assert.equal(merge({ whenMatched: 'fail' })['code'], 11_000);
  assert.equal(merge({ whenMatched: 'never' })['code'], 2);
  assert.equal(merge({ into: 'n', whenNotMatched: 'fail' })['code'], 13_113);
});

test('what has no collection or needs a set is refused by name', async () => {
  const { run } = await stocked();
  assert.equal(run({ aggregate: 1, pipeline: [{ $currentOp: {} }], cursor: {} }, 'admin')['code'], 73);
  assert.deepEqual(batchOf(run({ aggregate: 1, pipeline: [{ $documents: [{ a: 1 }] }], cursor: {} })), [{ a: 1 }]);
  assert.equal(run(aggregate([{ $changeStream: {} }]))['code'], 40_573);
  assert.equal(run(aggregate([{ $nonsense: {} }]))['code'], 40_324);
  assert.equal(run(aggregate([{ $match: {}, $limit: 1 }]))['code'], 40_323);
  assert.equal(run(aggregate([], { explain: true }))['code'], 20);
});
