// Guards the rows of the JSON API: their exact shape, order, sums and bounds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  pageCallSites,
  pageCollections,
  reportCallSites,
  reportCollections,
} from '../../../src/stats/operation-report.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { runOperation } from './results.ts';

function makeTable(): OperationTable {
  const table = new OperationTable({ maxRows: 3 });
  const a = table.row('main', 'app1', 'x', 'shop', 'orders', 'find');
  for (let i = 0; i < 3; i += 1) runOperation(a, { serverMs: 10 });
  const b = table.row('main', 'app2', 'y', 'shop', 'orders', 'find');
  runOperation(b, { outcome: 'command_error', errorCode: 59, serverMs: 40, waitMs: 8 });
  const c = table.row('main', 'app1', 'x', 'shop', 'items', 'insert');
  for (let i = 0; i < 5; i += 1) runOperation(c, { documentsChanged: 2 });
  return table;
}

test('call sites are not summed, busiest first, and an unused other is left out', () => {
  const rows = reportCallSites(makeTable());
  assert.deepEqual(
    rows.map((row) => [row.callSite, row.app, row.collection, row.operations]),
    [
      ['x', 'app1', 'items', 5],
      ['x', 'app1', 'orders', 3],
      ['y', 'app2', 'orders', 1],
    ],
  );
});

test('collections sum over call sites and apps, percentiles over all of them', () => {
  const rows = reportCollections(makeTable());
  assert.deepEqual(
    rows.map((row) => [row.collection, row.operations]),
    [
      ['items', 5],
      ['orders', 4],
    ],
  );
  const orders = rows[1];
  assert.ok(orders);
  const { serverMs, waitMs, ...rest } = orders;
  assert.deepEqual(rest, {
    listener: '',
    db: 'shop',
    collection: 'orders',
    command: 'find',
    callSite: '',
    app: '',
    operations: 4,
    errors: 1,
    errorsByCode: { 59: 1 },
    documentsReturned: 4,
    documentsChanged: 0,
    requestBytes: 400,
    replyBytes: 800,
    active: 0,
    queryKinds: { primaryKey: 0, multiGet: 0, scatterGet: 0 },
  });
  assert.ok(Math.abs(serverMs.p50 - 10) < 0.16);
  assert.equal(serverMs.p99, 40);
  assert.equal(serverMs.max, 40);
  assert.deepEqual([waitMs.p50, waitMs.p99, waitMs.max], [0, 8, 8]);
});

test('listeners have rows of their own, and collections sum over them', () => {
  const table = new OperationTable({ maxRows: 10 });
  runOperation(table.row('one', 'app', 'x', 'shop', 'orders', 'find'));
  runOperation(table.row('two', 'app', 'x', 'shop', 'orders', 'find'));
  assert.deepEqual(
    reportCallSites(table).map((row) => [row.listener, row.operations]),
    [
      ['one', 1],
      ['two', 1],
    ],
  );
  assert.deepEqual(
    reportCollections(table).map((row) => [row.listener, row.operations]),
    [['', 2]],
  );
});

test('errors of both origins are summed by code', () => {
  const table = new OperationTable({ maxRows: 10 });
  const row = table.row('main', 'app', 'x', 'shop', 'orders', 'find');
  for (const errorOrigin of ['upstream', 'proxy'] as const) {
    runOperation(row, { outcome: 'command_error', errorCode: 50, errorOrigin });
  }
  assert.deepEqual(reportCallSites(table)[0]?.errorsByCode, { 50: 2 });
});

test('a page says how many rows there are in all', () => {
  const table = makeTable();
  assert.deepEqual([pageCallSites(table, 1).rows.length, pageCallSites(table, 1).total], [1, 3]);
  assert.deepEqual([pageCollections(table, 1).rows.length, pageCollections(table, 1).total], [1, 2]);
});

test('a limit keeps the busiest', () => {
  assert.deepEqual(
    reportCallSites(makeTable(), 1).map((row) => row.operations),
    [5],
  );
  assert.deepEqual(
    reportCollections(makeTable(), 1).map((row) => row.operations),
    [5],
  );
});

test('beyond the cap everything is in the row other, and sums still equal the totals', () => {
  const table = makeTable();
  for (let i = 0; i < 9; i += 1) runOperation(table.row('main', 'late', 'z', 'shop', `late${i}`, 'find'));
  for (const rows of [reportCallSites(table), reportCollections(table)]) {
    assert.equal(rows[0]?.collection, 'other');
    assert.equal(rows[0]?.operations, 9);
    assert.equal(
      rows.reduce((sum, row) => sum + row.operations, 0),
      table.totals.operations,
    );
  }
});

test('rows with equal counts have a fixed order', () => {
  const table = new OperationTable({ maxRows: 10 });
  for (const name of ['b', 'c', 'a']) runOperation(table.row('main', 'app', '-', 'db', name, 'find'));
  assert.deepEqual(
    reportCallSites(table).map((row) => row.collection),
    ['a', 'b', 'c'],
  );
});

test('query kinds are counted at the beginning, per row and summed', () => {
  const table = new OperationTable({ maxRows: 3 });
  const row = table.row('main', 'app', 'x', 'shop', 'orders', 'find');
  for (const kind of ['primary_key', 'primary_key', 'multi_get', 'scatter_get', 'none'] as const) row.begin(kind);
  table.row('main', 'app', 'y', 'shop', 'orders', 'find').begin('scatter_get');
  assert.deepEqual(
    reportCallSites(table).map(({ callSite, queryKinds }) => [callSite, queryKinds]),
    [
      ['x', { primaryKey: 2, multiGet: 1, scatterGet: 1 }],
      ['y', { primaryKey: 0, multiGet: 0, scatterGet: 1 }],
    ],
  );
  assert.deepEqual(reportCollections(table)[0]?.queryKinds, { primaryKey: 2, multiGet: 1, scatterGet: 2 });
  assert.deepEqual(table.queryKinds, { primaryKey: 2, multiGet: 1, scatterGet: 2 });
});
