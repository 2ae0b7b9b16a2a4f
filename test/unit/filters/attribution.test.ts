// What one command leaves in the tables: its row, its query kind, the collections it names.
// Does not try call sites: call-sites.test.ts does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BsonDocument, encodeMessage, Frame, Int32, readCommand } from '../../../codecs/index.ts';
import type { Client } from '../../../src/core/client.ts';
import { Operation } from '../../../src/core/operation.ts';
import { Attribution } from '../../../src/filters/attribution.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';
import { MAX_LABEL_LENGTH } from '../../../src/stats/label.ts';
import { reportCallSites } from '../../../src/stats/operation-report.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';

const client = { listener: 'main', app: 'app' } as Client;

/** The tables after these commands were begun on database shop, or the one they name. */
function begun(...documents: readonly BsonDocument[]): OperationTable {
  const table = new OperationTable({ maxRows: 20 });
  const attribution = new Attribution(table, new CallSites());
  for (const document of documents) {
    const $db = (document['$db'] as string | undefined) ?? 'shop';
    const command = readCommand(Frame.of(encodeMessage({ ...document, $db }, 1, 0)));
    attribution.begin(new Operation(client, command, 0, { onFinish: () => {} }), () => null);
  }
  return table;
}

function namespacesOf(table: OperationTable): readonly string[] {
  return table.namespaces
    .page()
    .rows.map((row) => `${row.role} ${row.db}.${row.collection} ${row.command} ${row.operations} ${row.statements}`);
}

test('a find is one row, one kind, one namespace', () => {
  const table = begun({ find: 'orders', filter: { _id: 1 }, comment: 'cart.ts:7' });
  const [row] = reportCallSites(table);
  assert.deepEqual(
    [row?.callSite, row?.db, row?.collection, row?.active, row?.queryKinds],
    ['cart.ts:7', 'shop', 'orders', 1, { primaryKey: 1, multiGet: 0, scatterGet: 0 }],
  );
  assert.deepEqual(namespacesOf(table), ['primary shop.orders find 1 0']);
});

test('an aggregate counts in every collection it names, a write its statements', () => {
  const table = begun(
    { aggregate: 'orders', pipeline: [{ $lookup: { from: 'users', as: 'u' } }, { $merge: 'report' }] },
    { insert: 'orders', documents: [{}, {}] },
  );
  assert.deepEqual(namespacesOf(table), [
    'primary shop.orders aggregate 1 0',
    'primary shop.orders insert 1 2',
    'merge shop.report aggregate 1 1',
    'lookup shop.users aggregate 1 1',
  ]);
});

test('what names its database in full is charged to that database', () => {
  const insert = { insert: new Int32(0), document: {} };
  const table = begun(
    { bulkWrite: 1, nsInfo: [{ ns: 'shop.orders' }], ops: [insert, insert], $db: 'admin' },
    { renameCollection: 'shop.old', to: 'archive.old', $db: 'admin' },
  );
  assert.deepEqual(
    reportCallSites(table).map((row) => `${row.db}.${row.collection} ${row.command}`),
    ['shop.old renameCollection', 'shop.orders bulkWrite'],
  );
  assert.deepEqual(namespacesOf(table), [
    'rename_to archive.old renameCollection 1 1',
    'primary shop.old renameCollection 1 0',
    'bulkWrite shop.orders bulkWrite 1 2',
  ]);
});

test('an unknown command passes and counts under its own name, cut where it is too long', () => {
  const long = `x${'y'.repeat(500)}`;
  const table = begun({ frobnicate: 'orders' }, { [long]: 1 });
  const names = reportCallSites(table).map((row) => [row.command.length, row.collection]);
  assert.deepEqual(names, [
    [MAX_LABEL_LENGTH, ''],
    ['frobnicate'.length, 'orders'],
  ]);
});
