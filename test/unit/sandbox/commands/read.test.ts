// find, getMore, killCursors, count and distinct through the dispatcher.
// Invariant under test: a cursor sees the documents as they were when it was opened.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../../src/sandbox/documents.ts';
import { batchOf, cursorIdOf, type Fixture, makeFixture } from '../fixture.ts';

async function stocked(): Promise<Fixture> {
  const fixture = await makeFixture();
  const documents = Array.from({ length: 10 }, (_, n) => ({
    _id: n,
    n,
    odd: n % 2 === 1,
    tags: [`t${n % 3}`, { k: n }],
  }));
  fixture.run({ insert: 'items', documents });
  return fixture;
}

const ids = (reply: Doc): unknown[] => batchOf(reply).map((document) => document['_id']);

test('find filters, sorts, skips, limits and projects', async () => {
  const { run } = await stocked();
  assert.deepEqual(ids(run({ find: 'items', filter: { odd: true }, sort: { n: -1 }, skip: 1, limit: 2 })), [7, 5]);
  assert.deepEqual(ids(run({ find: 'items', skip: 8 })), [8, 9]);
  assert.deepEqual(ids(run({ find: 'items', limit: 2 })), [0, 1]);
  assert.deepEqual(ids(run({ find: 'items', sort: { $natural: -1 }, limit: 2 })), [9, 8]);
  assert.deepEqual(batchOf(run({ find: 'items', filter: { _id: 3 }, projection: { n: 1 } })), [{ _id: 3, n: 3 }]);
  assert.deepEqual(batchOf(run({ find: 'items', filter: { _id: 3 }, projection: { _id: 0, n: 1 } })), [{ n: 3 }]);
  assert.deepEqual(ids(run({ find: 'nowhere' })), []);
  assert.equal(run({ find: 'items', skip: -1 })['code'], 51_024);
});

test('an _id is found through the map, and only whole', async () => {
  const { run, find } = await stocked();
  run({ insert: 'items', documents: [{ _id: 'abc' }, { _id: { a: 1, b: 2 } }, { _id: null }] });
  assert.deepEqual(find('items', { _id: { $eq: 4 } }).length, 1);
  assert.deepEqual(ids(run({ find: 'items', filter: { _id: { $in: [9, 1, 99, 1] } } })).length, 2);
  assert.deepEqual(find('items', { _id: { a: 1, b: 2 } }).length, 1);
  assert.deepEqual(find('items', { _id: { a: 1 } }).length, 0);
  assert.deepEqual(find('items', { _id: null }).length, 1);
  assert.deepEqual(find('items', { _id: /^a/ }).length, 1);
  assert.deepEqual(
    find('items', { _id: { $gt: 7 } }).map((document) => document['_id']),
    [8, 9],
  );
  assert.deepEqual(find('items', { _id: 3, odd: false }).length, 0);
  assert.deepEqual(find('items', { _id: 3, $comment: 'x' }).length, 1);
});

test('a cursor goes on with getMore and sees no later change', async () => {
  const { run, cursors } = await stocked();
  const first = run({ find: 'items', batchSize: 4 });
  assert.equal(batchOf(first).length, 4);
  run({ delete: 'items', deletes: [{ q: {}, limit: 0 }] });
  const second = run({ getMore: cursorIdOf(first), collection: 'items', batchSize: 5 });
  assert.deepEqual(ids(second), [4, 5, 6, 7, 8]);
  const third = run({ getMore: cursorIdOf(second), collection: 'items' });
  assert.deepEqual([ids(third), cursorIdOf(third), cursors.size], [[9], 0, 0]);
  assert.equal(run({ getMore: cursorIdOf(first), collection: 'items' })['code'], 43);
  assert.equal(cursorIdOf(run({ find: 'nowhere', batchSize: 1 })), 0);
});

test('a single batch leaves no cursor, a foreign namespace is refused', async () => {
  const { run, cursors } = await stocked();
  run({ find: 'items', batchSize: 2, singleBatch: true });
  assert.equal(cursors.size, 0);
  const id = cursorIdOf(run({ find: 'items', batchSize: 2 }));
  assert.equal(run({ getMore: id, collection: 'other' })['code'], 13);
  const killed = run({ killCursors: 'items', cursors: [id, 5] });
  assert.deepEqual([String(killed['cursorsKilled']), String(killed['cursorsNotFound'])], [String(id), '5']);
  assert.equal(cursors.size, 0);
});

test('count and distinct', async () => {
  const { run } = await stocked();
  assert.equal(run({ count: 'items' })['n'], 10);
  assert.equal(run({ count: 'items', query: { odd: true }, skip: 1, limit: 3 })['n'], 3);
  assert.equal(run({ count: 'items', skip: 4 })['n'], 6);
  assert.equal(run({ count: 'nowhere', query: {} })['n'], 0);
  assert.deepEqual(run({ distinct: 'items', key: 'odd' })['values'], [false, true]);
  assert.deepEqual(run({ distinct: 'items', key: 'tags.k', query: { n: { $lt: 2 } } })['values'], [0, 1]);
  assert.deepEqual(run({ distinct: 'items', key: 'tags.0' })['values'], ['t0', 't1', 't2']);
  assert.equal((run({ distinct: 'items', key: 'tags' })['values'] as unknown[]).length, 13);
});
