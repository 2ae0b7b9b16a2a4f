// Collections, databases and indexes: created, listed, dropped.
// Invariant under test: what is dropped gives back its bytes and its cursors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../../src/sandbox/documents.ts';
import { batchOf, cursorIdOf, makeFixture } from '../fixture.ts';

const names = (reply: Doc): unknown[] => batchOf(reply).map((entry) => entry['name']);

test('collections are created, listed and dropped', async () => {
  const { run } = await makeFixture();
  assert.equal(Number(run({ create: 'a', capped: true, size: 100 })['ok']), 1);
  assert.equal(run({ create: 'a' })['code'], 48);
  assert.equal(run({ create: 'v', viewOn: 'a' })['code'], 20);
  run({ insert: 'b', documents: [{ x: 1 }] });
  assert.deepEqual(names(run({ listCollections: 1 })), ['a', 'b']);
  assert.deepEqual(batchOf(run({ listCollections: 1, filter: { name: 'a' } }))[0]?.['options'], {
    capped: true,
    size: 100,
  });
  assert.deepEqual(batchOf(run({ listCollections: 1, nameOnly: true }))[1], { name: 'b', type: 'collection' });
  assert.equal(run({ drop: 'a' })['nIndexesWas'], 1);
  assert.equal(Number(run({ drop: 'a' })['ok']), 1);
  assert.deepEqual(names(run({ listCollections: 1 })), ['b']);
});

test('databases are listed with their size and dropped', async () => {
  const { run } = await makeFixture();
  run({ insert: 'c', documents: [{ x: 1 }] });
  run({ insert: 'c', documents: [{ x: 1 }] }, 'other');
  const listed = run({ listDatabases: 1 }, 'admin');
  assert.deepEqual(
    (listed['databases'] as Doc[]).map((entry) => entry['name']),
    ['other', 'shop'],
  );
  assert.ok(Number(listed['totalSize']) > 0);
  assert.deepEqual(run({ listDatabases: 1, nameOnly: true, filter: { name: 'shop' } }, 'admin')['databases'], [
    { name: 'shop' },
  ]);
  assert.equal(run({ listDatabases: 1 })['code'], 13);
  assert.equal(run({ dropDatabase: 1 })['dropped'], 'shop');
  assert.equal(run({ dropDatabase: 1 })['dropped'], undefined);
  assert.deepEqual(names(run({ listCollections: 1 })), []);
});

test('dropping ends the cursors and gives the bytes back', async () => {
  const { run, cursors } = await makeFixture({ limitBytes: 2000 });
  const documents = [{ text: 'x'.repeat(600) }, { text: 'x'.repeat(600) }];
  const fill = (): unknown => run({ insert: 'c', documents })['n'];
  assert.equal(fill(), 2);
  const full = run({ insert: 'c', documents });
  assert.equal((full['writeErrors'] as Doc[])[0]?.['code'], 14_031);
  const id = cursorIdOf(run({ find: 'c', batchSize: 1 }));
  run({ drop: 'c' });
  assert.equal(cursors.size, 0);
  assert.equal(run({ getMore: id, collection: 'c' })['code'], 43);
  assert.equal(fill(), 2);
  run({ dropDatabase: 1 });
  assert.equal(fill(), 2);
});

test('indexes are created, enforced, listed and dropped', async () => {
  const { run } = await makeFixture();
  const mail = { key: { mail: 1 }, name: 'mail_1', unique: true };
  const created = run({ createIndexes: 'u', indexes: [mail, { key: { age: -1 }, name: 'age_-1' }] });
  assert.deepEqual(
    [created['numIndexesBefore'], created['numIndexesAfter'], created['createdCollectionAutomatically']],
    [1, 3, true],
  );
  assert.match(String(run({ createIndexes: 'u', indexes: [mail] })['note']), /already exist/);
  assert.deepEqual(names(run({ listIndexes: 'u' })), ['_id_', 'mail_1', 'age_-1']);
  run({ insert: 'u', documents: [{ mail: 'a' }] });
  const [error] = run({ insert: 'u', documents: [{ mail: 'a' }] })['writeErrors'] as Doc[];
  assert.deepEqual([error?.['code'], error?.['keyPattern']], [11_000, { mail: 1 }]);
  assert.equal(run({ dropIndexes: 'u', index: { mail: 1 } })['nIndexesWas'], 3);
  assert.equal(run({ insert: 'u', documents: [{ mail: 'a' }] })['n'], 1);
  assert.equal(run({ dropIndexes: 'u', index: 'none' })['code'], 27);
  assert.equal(run({ dropIndexes: 'u', index: '_id_' })['code'], 72);
  run({ dropIndexes: 'u', index: '*' });
  assert.deepEqual(names(run({ listIndexes: 'u' })), ['_id_']);
  assert.equal(run({ listIndexes: 'nowhere' })['code'], 26);
});

test('a failed createIndexes leaves nothing behind', async () => {
  const { run } = await makeFixture();
  run({ insert: 'u', documents: [{ a: 1 }, { a: 1 }] });
  const failed = run({
    createIndexes: 'u',
    indexes: [
      { key: { b: 1 }, name: 'b' },
      { key: { a: 1 }, name: 'a', unique: true },
    ],
  });
  assert.equal(failed['code'], 11_000);
  assert.deepEqual(names(run({ listIndexes: 'u' })), ['_id_']);
  assert.equal(run({ createIndexes: 'u', indexes: [{ key: { t: 'text' }, name: 't' }] })['code'], 67);
  assert.equal(run({ createIndexes: 'u', indexes: [{ key: {}, name: 't' }] })['code'], 67);
  assert.equal(run({ createIndexes: 'u', indexes: [] })['code'], 2);
});
