// insert, update, delete and findAndModify through the dispatcher, with the counts that drivers read.
// Invariant under test: an `_id` never changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../../src/sandbox/documents.ts';
import { makeFixture } from '../fixture.ts';

const one = (q: Doc, u: unknown, extra: Doc = {}): Doc => ({ update: 'items', updates: [{ q, u, ...extra }] });

test('operators change one or many, and count what changed', async () => {
  const { run, find } = await makeFixture();
  run({
    insert: 'items',
    documents: [
      { _id: 1, n: 1 },
      { _id: 2, n: 1 },
      { _id: 3, n: 2 },
    ],
  });
  const single = run(one({ n: 1 }, { $inc: { n: 10 } }));
  assert.deepEqual([single['n'], single['nModified']], [1, 1]);
  const many = run(one({}, { $set: { n: 2 } }, { multi: true }));
  assert.deepEqual([many['n'], many['nModified']], [3, 2]);
  const none = run(one({ n: 99 }, { $set: { n: 2 } }));
  assert.deepEqual([none['n'], none['nModified']], [0, 0]);
  assert.deepEqual(find('items'), [
    { _id: 1, n: 2 },
    { _id: 2, n: 2 },
    { _id: 3, n: 2 },
  ]);
});

test('replacements keep the _id, pipelines compute, positional paths find their element', async () => {
  const { run, find } = await makeFixture();
  run({ insert: 'items', documents: [{ _id: 1, n: 1, list: [{ a: 1 }, { a: 2 }] }] });
  run(one({ n: 1, 'list.a': 2 }, { $set: { 'list.$.a': 9 } }));
  assert.deepEqual(find('items'), [{ _id: 1, n: 1, list: [{ a: 1 }, { a: 9 }] }]);
  run(one({ _id: 1 }, [{ $set: { n: { $add: ['$n', 5] } } }, { $unset: 'list' }]));
  assert.deepEqual(find('items'), [{ _id: 1, n: 6 }]);
  run(one({ _id: 1 }, { other: true }));
  assert.deepEqual(find('items'), [{ _id: 1, other: true }]);
});

test('what an update may not do', async () => {
  const { run } = await makeFixture();
  run({ insert: 'items', documents: [{ _id: 1, n: 1 }] });
  const codeOf = (reply: Doc): unknown => (reply['writeErrors'] as Doc[] | undefined)?.[0]?.['code'];
  assert.equal(codeOf(run(one({}, { a: 1, $set: { b: 1 } }))), 52);
  assert.equal(codeOf(run(one({}, { a: 1 }, { multi: true }))), 9);
  assert.equal(codeOf(run(one({}, { $set: { _id: 2 } }))), 66);
  assert.equal(codeOf(run(one({}, { _id: 2 }))), 66);
  assert.equal(codeOf(run(one({}, { $set: 1 }))), 9);
  assert.equal(codeOf(run(one({}, 'x'))), 9);
  assert.equal(codeOf(run(one({}, { $set: { _id: 1, a: 1 } }))), undefined);
});

test('an upsert starts from the equalities of the filter', async () => {
  const { run, find } = await makeFixture();
  const upsert = { upsert: true };
  const q = { _id: 'a', 'x.y': 1, $and: [{ z: { $eq: 2 } }], n: { $gt: 5 } };
  const reply = run(one(q, { $set: { s: 1 }, $setOnInsert: { t: 1 }, $inc: { c: 1 } }, upsert));
  assert.deepEqual([reply['n'], reply['nModified'], reply['upserted']], [1, 0, [{ index: 0, _id: 'a' }]]);
  assert.deepEqual(find('items'), [{ _id: 'a', x: { y: 1 }, z: 2, c: 1, s: 1, t: 1 }]);
  const again = run(one({ _id: 'a' }, { $set: { s: 1 }, $setOnInsert: { t: 2 } }, upsert));
  assert.deepEqual([again['n'], again['nModified'], again['upserted']], [1, 0, undefined]);
  run(one({ _id: 'b' }, { plain: 1 }, upsert));
  run(one({ k: 1 }, { $setOnInsert: { _id: 'c' } }, upsert));
  run(one({ k: 2 }, [{ $set: { v: { $add: ['$k', 1] } } }], upsert));
  assert.deepEqual(find('items', { _id: 'b' }), [{ _id: 'b', plain: 1 }]);
  assert.deepEqual(find('items', { _id: 'c' }), [{ _id: 'c', k: 1 }]);
  assert.equal(find('items', { k: 2, v: 3 }).length, 1);
});

test('ordered batches stop at the first error, unordered go on', async () => {
  const { run, find } = await makeFixture();
  const documents = [{ _id: 1 }, { _id: 1 }, { _id: 2 }];
  const ordered = run({ insert: 'a', documents });
  assert.deepEqual([ordered['n'], Number(ordered['ok'])], [1, 1]);
  const [error] = ordered['writeErrors'] as Doc[];
  assert.deepEqual([error?.['index'], error?.['code'], error?.['keyValue']], [1, 11_000, { _id: 1 }]);
  assert.equal(run({ insert: 'b', documents, ordered: false })['n'], 2);
  assert.equal(find('b').length, 2);
  assert.equal(run({ insert: 'a', documents: [] })['code'], 16);
});

test('delete takes one or all', async () => {
  const { run } = await makeFixture();
  run({ insert: 'items', documents: [{ a: 1 }, { a: 1 }, { a: 2 }] });
  assert.equal(run({ delete: 'items', deletes: [{ q: { a: 1 }, limit: 1 }] })['n'], 1);
  assert.equal(
    run({
      delete: 'items',
      deletes: [
        { q: {}, limit: 0 },
        { q: {}, limit: 0 },
      ],
    })['n'],
    2,
  );
  assert.equal(run({ delete: 'nowhere', deletes: [{ q: {}, limit: 0 }] })['n'], 0);
});

test('findAndModify returns the document before, after, without, or none', async () => {
  const { run, find } = await makeFixture();
  run({
    insert: 'items',
    documents: [
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ],
  });
  const modify = (fields: Doc): Doc => run({ findAndModify: 'items', ...fields });
  const last = { sort: { n: -1 }, update: { $inc: { n: 1 } } };
  assert.deepEqual(modify(last)['value'], { _id: 2, n: 2 });
  assert.deepEqual(modify({ ...last, new: true, fields: { _id: 0 } })['value'], { n: 4 });
  assert.deepEqual(modify({ query: { _id: 9 }, update: { a: 1 } })['value'], null);
  const upserted = modify({ query: { _id: 9 }, update: { $set: { a: 1 } }, upsert: true, new: true });
  assert.deepEqual(upserted['value'], { _id: 9, a: 1 });
  assert.deepEqual(upserted['lastErrorObject'], { n: 1, updatedExisting: false, upserted: 9 });
  assert.deepEqual(modify({ query: { _id: 1 }, remove: true })['value'], { _id: 1, n: 1 });
  assert.deepEqual(modify({ query: { _id: 1 }, remove: true })['lastErrorObject'], { n: 0 });
  assert.equal(modify({ remove: true, update: {} })['code'], 9);
  assert.equal(modify({})['code'], 9);
  assert.equal(find('items').length, 2);
});
