// Guards the namespace table: what counts where, bounds, labels, order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCleanLabel, MAX_LABEL_LENGTH } from '../../../src/stats/label.ts';
import { MAX_NAMESPACES, type NamespaceMention, NamespaceTable } from '../../../src/stats/namespace-table.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';

const mention = (collection: string, role: string, statements = 1): NamespaceMention => ({
  database: 'shop',
  collection,
  role,
  statements,
});

function shown(table: NamespaceTable): readonly (readonly unknown[])[] {
  return table
    .page()
    .rows.map((row) => [row.db, row.collection, row.command, row.role, row.operations, row.statements]);
}

test('rows of one collection and command share an entry, whoever sent them', () => {
  const table = new OperationTable({ maxRows: 10 });
  table.row('main', 'app1', 'x', 'shop', 'orders', 'insert').begin('none', 3);
  table.row('main', 'app2', 'y', 'shop', 'orders', 'insert').begin('none', 4);
  table.row('main', 'app2', 'y', 'shop', 'orders', 'find').begin('scatter_get');
  table.row('main', 'app2', 'y', 'admin', '', 'hello').begin();
  assert.deepEqual(shown(table.namespaces), [
    ['shop', 'orders', 'insert', 'primary', 2, 7],
    ['shop', 'orders', 'find', 'primary', 1, 0],
  ]);
});

test('further collections count by role; the primary one is the row, but for a bulkWrite', () => {
  const table = new OperationTable({ maxRows: 10 });
  table.row('main', 'app', 'x', 'shop', 'orders', 'aggregate').begin();
  table.namespaces.countFurther('aggregate', [mention('orders', 'primary'), mention('users', 'lookup', 2)]);
  table.row('main', 'app', 'x', 'shop', 'orders', 'bulkWrite').begin('none', 9);
  table.namespaces.countFurther('bulkWrite', [mention('orders', 'bulkWrite', 9), mention('', 'bulkWrite', 5)]);
  assert.deepEqual(shown(table.namespaces), [
    ['other', 'other', 'other', 'other', 1, 5],
    ['shop', 'orders', 'aggregate', 'primary', 1, 0],
    ['shop', 'orders', 'bulkWrite', 'bulkWrite', 1, 9],
    ['shop', 'users', 'aggregate', 'lookup', 1, 2],
  ]);
});

test('what comes after the cap is counted in other, and nothing that was admitted vanishes', () => {
  const table = new NamespaceTable(2);
  for (const name of ['a', 'b', 'c', 'd', 'a']) table.countFurther('aggregate', [mention(name, 'lookup', 2)]);
  assert.deepEqual(shown(table), [
    ['other', 'other', 'other', 'other', 2, 4],
    ['shop', 'a', 'aggregate', 'lookup', 2, 4],
    ['shop', 'b', 'aggregate', 'lookup', 1, 2],
  ]);
  assert.equal(table.entries().length, 3);
});

test('the default cap holds, and an operation table that is full counts in other', () => {
  const table = new OperationTable({ maxRows: 1 });
  table.row('main', 'app', 'x', 'shop', 'orders', 'find').begin();
  table.row('main', 'app', 'x', 'shop', 'users', 'find').begin('none', 2);
  assert.deepEqual(shown(table.namespaces), [
    ['other', 'other', 'other', 'other', 1, 2],
    ['shop', 'orders', 'find', 'primary', 1, 0],
  ]);
  const many = new NamespaceTable();
  for (let index = 0; index < MAX_NAMESPACES + 10; index++)
    many.countFurther('aggregate', [mention(`c${index}`, 'out')]);
  assert.equal(many.entries().length, MAX_NAMESPACES + 1);
  assert.equal(many.other.operations, 10);
});

test('hostile texts are cleaned and cut, and one that is not yet clean finds its entry', () => {
  const table = new NamespaceTable();
  const hostile = `evil\u0000\u202e${'x'.repeat(1000)}`;
  for (let i = 0; i < 2; i++) table.countFurther(hostile, [{ ...mention(hostile, 'out'), database: hostile }]);
  const [row] = table.page().rows;
  assert.equal(row?.operations, 2);
  assert.equal(row.db.length, MAX_LABEL_LENGTH);
  assert.ok(isCleanLabel(row.db) && isCleanLabel(row.collection) && isCleanLabel(row.command));
});

test('a page is the busiest first and says how many there are', () => {
  const table = new NamespaceTable();
  for (const name of ['c', 'a', 'b', 'b']) table.countFurther('aggregate', [mention(name, 'out')]);
  const { rows, total } = table.page(2);
  assert.deepEqual([rows.map((row) => row.collection), total], [['b', 'a'], 3]);
});
