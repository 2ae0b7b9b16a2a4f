// Batches, limits and ends of cursors. Invariant under test: the table never exceeds its limit.
// Batches are cut from plain arrays; no command is involved.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CursorTable } from '../../../src/sandbox/cursors.ts';
import type { Doc } from '../../../src/sandbox/documents.ts';

const numbered = (count: number): Doc[] => Array.from({ length: count }, (_, _id) => ({ _id }));

test('the first batch has 101 documents, the next one the rest', () => {
  const table = new CursorTable();
  const first = table.open('a.b', numbered(250), null);
  assert.equal(first.documents.length, 101);
  const second = table.next(first.id.toNumber(), 'a.b', null);
  assert.equal(second.documents.length, 149);
  assert.deepEqual(second.documents[0], { _id: 101 });
  assert.ok(second.id.isZero());
  assert.equal(table.size, 0);
});

test('batch sizes are kept, 0 opens an empty first batch, single closes at once', () => {
  const table = new CursorTable();
  const empty = table.open('a.b', numbered(5), 0);
  assert.deepEqual(empty.documents, []);
  assert.equal(table.next(empty.id.toNumber(), 'a.b', 2).documents.length, 2);
  assert.equal(table.next(empty.id.toNumber(), 'a.b', 0).documents.length, 3);
  assert.ok(table.open('a.b', numbered(5), 2, true).id.isZero());
  assert.equal(table.size, 0);
});

test('a batch ends before 16 MiB but always moves on', () => {
  const table = new CursorTable();
  const big = Array.from({ length: 4 }, (_, _id) => ({ _id, text: 'x'.repeat(9_000_000) }));
  const first = table.open('a.b', big, null);
  assert.equal(first.documents.length, 1);
  assert.equal(table.next(first.id.toNumber(), 'a.b', null).documents.length, 1);
});

test('unknown ids are 43, another namespace is 13 and does not harm the cursor', () => {
  const table = new CursorTable();
  const id = table.open('a.b', numbered(5), 1).id.toNumber();
  assert.throws(() => table.next(id + 1, 'a.b', null), { code: 43 });
  assert.throws(() => table.next(id, 'a.c', null), { code: 13 });
  assert.equal(table.kill(id, 'a.c'), false);
  assert.equal(table.next(id, 'a.b', null).documents.length, 4);
});

test('beyond the limit the oldest cursor goes', () => {
  const table = new CursorTable(2);
  const ids = [1, 2, 3].map(() => table.open('a.b', numbered(5), 1).id.toNumber());
  assert.equal(table.size, 2);
  assert.throws(() => table.next(ids[0] ?? 0, 'a.b', null), { code: 43 });
  assert.equal(table.next(ids[2] ?? 0, 'a.b', null).documents.length, 4);
});

test('dropping a namespace ends its cursors only', () => {
  const table = new CursorTable();
  table.open('a.b', numbered(5), 1);
  const kept = table.open('a.c', numbered(5), 1).id.toNumber();
  table.killNamespace('a.b');
  assert.equal(table.size, 1);
  assert.ok(table.kill(kept));
});
