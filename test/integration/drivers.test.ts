// Four major versions of the Node driver and mongoose: each gets from the sandbox what the others get, through weir what it gets
// directly, and weir counts what the driver's own events tell. Invariant: no driver ever clears its pool.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MongoClient, MongoClientOptions } from 'mongodb';
import type { Connection } from 'mongoose';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { OperationReportRow } from '../../src/stats/operation-report.ts';
import { type Results, runDriverScript, runMongooseScript } from './drivers-script.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { LABELS, Ledger, type LedgerRow } from './harness/ledger.ts';

/** What the versions share; their types differ in details that the script does not use. */
type DriverModule = Pick<typeof import('mongodb'), 'MongoClient'>;

const drivers: readonly (readonly [name: string, load: () => Promise<unknown>])[] = [
  ['mongodb 7', async () => await import('mongodb')],
  ['mongodb 6', async () => await import('mongodb6')],
  ['mongodb 5', async () => await import('mongodb5')],
  ['mongodb 4', async () => await import('mongodb4')],
];

/** Commands that drivers send without telling: hellos of their pools and monitors. */
const UNTOLD: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster']);
const NUMBERS = [
  'operations',
  'errors',
  'documentsReturned',
  'documentsChanged',
] as const satisfies readonly (keyof LedgerRow)[];

async function withSandbox(run: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  const sandbox = await startSandbox();
  try {
    await run(sandbox);
  } finally {
    await sandbox.stop();
  }
}

/** Runs through a weir of its own and holds weir's tables against the driver's events. */
async function throughWeir(sandbox: Sandbox, run: (uri: string, ledger: Ledger) => Promise<Results>): Promise<Results> {
  const house = await House.start({ upstreamPort: sandbox.port });
  const ledger = new Ledger();
  try {
    const results = await run(house.uri, ledger);
    await eventually('nothing is under way', async () => (await house.metrics()).sum('weir_operations_active') === 0);
    const rows = await house.callSites();
    for (const number of NUMBERS) {
      const read = (row: LedgerRow): number => row[number];
      assert.deepEqual(countsOf(rows, read), withoutBulkWrite(ledger.by(read)), number);
    }
    const bulkWrites = ledger.by((row) => row.operations, ['command'])['bulkWrite'] ?? 0;
    const counted = rows.filter((row) => row.command === 'bulkWrite');
    assert.equal(
      counted.reduce((sum, row) => sum + row.operations, 0),
      bulkWrites,
      'bulkWrite',
    );
    assert.equal(ledger.poolsCleared, 0);
    return results;
  } finally {
    await house.stop();
  }
}

function countsOf(rows: readonly OperationReportRow[], read: (row: LedgerRow) => number): Record<string, number> {
  const told = rows.filter((row) => !UNTOLD.has(row.command) && row.command !== 'bulkWrite' && read(row) > 0);
  return Object.fromEntries(told.map((row) => [LABELS.map((label) => row[label]).join(' '), read(row)]));
}

/** bulkWrite names its collections in nsInfo, which the ledger does not read: it is counted apart, whatever it names. */
function withoutBulkWrite(sums: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).filter(([key]) => !/ bulkWrite /.test(key)));
}

async function runDriver(driver: DriverModule, uri: string, ledger?: Ledger): Promise<Results> {
  const options: MongoClientOptions = { appName: 'suite', monitorCommands: true };
  const client: MongoClient = new driver.MongoClient(uri, options);
  ledger?.watch(client);
  try {
    return await runDriverScript(await client.connect(), 'suite');
  } finally {
    await client.close();
  }
}

async function runMongoose(uri: string, ledger?: Ledger): Promise<Results> {
  const { createConnection } = await import('mongoose');
  const connection: Connection = await createConnection(uri, {
    appName: 'suite',
    dbName: 'suite',
    monitorCommands: true,
  }).asPromise();
  // mongoose brings a driver of its own; its events are those of `mongodb`.
  ledger?.watch(connection.getClient() as unknown as MongoClient);
  try {
    return await runMongooseScript(connection);
  } finally {
    await connection.close();
  }
}

/** What only newer drivers have is left out where drivers are compared with each other. */
function comparable({ clientBulk: _newer, last: _shaped, ...results }: Results): Results {
  return results;
}

/** Some of it by hand, so that a sandbox that is wrong in the same way everywhere is found. */
const EXPECTED: Results = {
  inserted: 7,
  updated: [3, 3],
  upserted: [1, 50],
  one: { _id: 1, n: 101, list: [1] },
  counted: 3,
  none: null,
  ordered: [1, 5, 5, 1, 1],
  twice: [11_000, [1]],
  duplicate: [11_000, { mail: 'a' }],
  inSession: { _id: 40, n: 1 },
};

/** `client.bulkWrite` came with 6.10. */
const hasClientBulkWrite = (name: string): boolean => name === 'mongodb 7' || name === 'mongodb 6';

let reference: Results | undefined;

for (const [name, load] of drivers) {
  test(`${name}: the same directly, through weir and as the other versions`, async () => {
    await withSandbox(async (sandbox) => {
      const driver = (await load()) as DriverModule;
      const direct = await runDriver(driver, sandbox.uri);
      const through = await throughWeir(sandbox, async (uri, ledger) => await runDriver(driver, uri, ledger));
      assert.deepEqual(JSON.parse(JSON.stringify(through)), JSON.parse(JSON.stringify(direct)));
      const shared: unknown = JSON.parse(JSON.stringify(comparable(direct)));
      reference ??= shared as Results;
      assert.deepEqual(shared, reference);
      assert.deepEqual(Object.fromEntries(Object.keys(EXPECTED).map((key) => [key, direct[key]])), EXPECTED);
      assert.deepEqual(direct['clientBulk'], hasClientBulkWrite(name) ? [1, 1, 1, 1, 60] : undefined);
    });
  });
}

test('mongoose: the same directly and through weir', async () => {
  await withSandbox(async (sandbox) => {
    const direct = await runMongoose(sandbox.uri);
    const client = new (await import('mongodb')).MongoClient(sandbox.uri);
    await client.db('suite').dropDatabase();
    await client.close();
    const through = await throughWeir(sandbox, runMongoose);
    assert.deepEqual(JSON.parse(JSON.stringify(through)), JSON.parse(JSON.stringify(direct)));
    assert.equal((direct['seen'] as unknown[]).length, 5);
  });
});
