// The real driver through weir in front of the sandbox: results are right, few connections go out, and every number that
// weir shows is the one that the driver's own events give. Invariant: no driver ever clears its pool.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type Collection, type Document, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { OperationReportRow } from '../../src/stats/operation-report.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { LABELS, Ledger, type LedgerRow } from './harness/ledger.ts';

const CAP = 4;
/** Commands that drivers send without telling: hellos of their pools and monitors. */
const UNTOLD = new Set(['hello', 'isMaster', 'ismaster']);

let sandbox: Sandbox;
let house: House;
let ledger: Ledger;
const clients: MongoClient[] = [];

before(async () => {
  sandbox = await startSandbox();
});

after(async () => {
  await sandbox.stop();
});

async function open(appName: string, options: MongoClientOptions = {}): Promise<MongoClient> {
  const client = new MongoClient(house.uri, { appName, monitorCommands: true, ...options });
  clients.push(client);
  ledger.watch(client);
  return await client.connect();
}

/** Around each test: a weir and a ledger of its own. */
async function begin(upstream: Sandbox = sandbox): Promise<void> {
  house = await House.start({ upstreamPort: upstream.port, pool: { maxConnections: CAP } });
  ledger = new Ledger();
}

async function end(): Promise<void> {
  for (const client of clients.splice(0)) await client.close();
  sandbox.knobs.failCommands = [];
  sandbox.knobs.latencyMs = 0;
  await house.stop();
}

const told = (rows: readonly OperationReportRow[]): OperationReportRow[] =>
  rows.filter((row) => !UNTOLD.has(row.command));

function byLabels(
  rows: readonly OperationReportRow[],
  labels: readonly ('db' | 'collection' | 'command' | 'callSite' | 'app')[],
  read: (row: OperationReportRow) => number,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const row of rows) if (read(row) > 0) sums[labels.map((label) => row[label]).join(' ')] = read(row);
  return sums;
}

const NUMBERS = [
  'operations',
  'errors',
  'documentsReturned',
  'documentsChanged',
] as const satisfies readonly (keyof LedgerRow)[];

/** Everything weir shows of operations against the ledger. */
async function assertNumbersEqual(): Promise<void> {
  const rows = told(await house.callSites());
  const collections = told(await house.collections());
  for (const number of NUMBERS) {
    const read = (row: LedgerRow): number => row[number];
    assert.deepEqual(byLabels(rows, LABELS, read), ledger.by(read), `callsites: ${number}`);
    const names = ['db', 'collection', 'command'] as const;
    assert.deepEqual(byLabels(collections, names, read), ledger.by(read, names), `collections: ${number}`);
  }
  await assertMetricsEqual();
  const summary = await house.summary();
  const untold = (await house.collections()).filter((row) => UNTOLD.has(row.command));
  const hellos = untold.reduce((total, row) => total + row.operations, 0);
  assert.equal(summary.operations, ledger.total((row) => row.operations) + hellos);
  assert.equal(
    summary.errors,
    ledger.total((row) => row.errors),
  );
  assert.equal(summary.refused, 0);
}

async function assertMetricsEqual(): Promise<void> {
  const metrics = await house.metrics();
  const without = (sums: Record<string, number>, at: number): Record<string, number> =>
    Object.fromEntries(Object.entries(sums).filter(([key]) => !UNTOLD.has(key.split(' ')[at] ?? '')));
  const names = ['db', 'collection', 'command'] as const;
  const operations = (row: LedgerRow): number => row.operations;
  assert.deepEqual(without(metrics.by('weir_operations_total', names), 2), ledger.by(operations, names));
  assert.deepEqual(
    without(metrics.by('weir_callsite_operations_total', ['callsite', ...names]), 3),
    ledger.by(operations, ['callSite', ...names]),
  );
  assert.deepEqual(
    without(metrics.by('weir_reply_documents_total', names), 2),
    ledger.by((row) => row.documentsReturned, names),
  );
  assert.deepEqual(
    without(metrics.by('weir_documents_changed_total', names), 2),
    ledger.by((row) => row.documentsChanged, names),
  );
  assert.equal(metrics.sum('weir_operations_active'), 0);
  assert.equal(metrics.sum('weir_protocol_mismatches_total'), 0);
  assert.deepEqual(metrics.by('weir_decode_errors_total', ['side', 'reason']), {});
}

/** Small: closing clients may leave w:0-like endSessions on their way. */
async function assertQuiet(): Promise<void> {
  await eventually('nothing is under way', async () => (await house.metrics()).sum('weir_operations_active') === 0);
  assert.equal(ledger.poolsCleared, 0);
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MongoServerError, String(error));
  return error.code;
}

describe('one driver', () => {
  let orders: Collection<Document & { _id: number }>;

  afterEach(end);

  async function start(name: string): Promise<MongoClient> {
    await begin();
    const client = await open('single');
    orders = client.db('shop').collection(name);
    return client;
  }

  async function fill(count: number): Promise<void> {
    const documents = Array.from({ length: count }, (_, index) => ({
      _id: index,
      group: index % 3,
      text: `n${index}`,
    }));
    await orders.insertMany(documents, { comment: 'fill' });
  }

  test('CRUD, cursors of several batches, aggregates, bulk writes, findAndModify', async () => {
    const client = await start('crud');
    await fill(250);
    const found = await orders.find({}, { comment: 'scan', batchSize: 40 }).sort({ _id: 1 }).toArray();
    assert.deepEqual(
      found.map((document) => document._id),
      Array.from({ length: 250 }, (_, index) => index),
    );
    assert.equal((await orders.findOne({ _id: 7 }, { comment: 'one' }))?.['text'], 'n7');
    const groups = await orders
      .aggregate([{ $group: { _id: '$group', n: { $sum: 1 } } }, { $sort: { _id: 1 } }], {
        comment: 'groups',
        batchSize: 1,
      })
      .toArray();
    assert.deepEqual(groups, [
      { _id: 0, n: 84 },
      { _id: 1, n: 83 },
      { _id: 2, n: 83 },
    ]);
    const bulk = await orders.bulkWrite(
      [
        { insertOne: { document: { _id: 1000 } } },
        { updateMany: { filter: { group: 0 }, update: { $set: { seen: true } } } },
        { updateOne: { filter: { _id: 1001 }, update: { $set: { up: 1 } }, upsert: true } },
        { deleteMany: { filter: { group: 2 } } },
      ],
      { comment: 'bulk' },
    );
    assert.deepEqual([bulk.insertedCount, bulk.modifiedCount, bulk.upsertedCount, bulk.deletedCount], [1, 84, 1, 83]);
    const changed = await orders.findOneAndUpdate(
      { _id: 1 },
      { $inc: { visits: 2 } },
      { comment: 'visit', returnDocument: 'after' },
    );
    assert.equal(changed?.['visits'], 2);
    assert.equal(await orders.countDocuments({ group: 1 }, { comment: 'count' }), 83);
    assert.equal(await orders.estimatedDocumentCount({ comment: 'estimate' }), 169);
    assert.deepEqual((await orders.distinct('group', {}, { comment: 'distinct' })).sort(), [0, 1]);
    assert.equal((await orders.deleteOne({ _id: 1 }, { comment: 'delete' })).deletedCount, 1);
    await orders.createIndex({ group: 1 }, { comment: 'index' });
    assert.equal((await orders.listIndexes({ comment: 'indexes' }).toArray()).length, 2);
    assert.deepEqual(
      (await client.db('shop').listCollections({ name: 'crud' }, { comment: 'list' }).toArray()).map(
        ({ name }) => name,
      ),
      ['crud'],
    );
    await client.db('shop').command({ ping: 1 });
    await assertNumbersEqual();
    await assertQuiet();
  });

  test('a cursor that is closed early is killed, and charged to the code that opened it', async () => {
    await start('early');
    await fill(50);
    const cursor = orders.find({}, { comment: 'early', batchSize: 10 });
    for (let index = 0; index < 15; index++) assert.ok(await cursor.next());
    await cursor.close();
    assert.equal(sandbox.stats().openCursors, 0);
    const rows = (await house.callSites()).filter((row) => row.callSite === 'early');
    assert.deepEqual(rows.map((row) => `${row.command} ${row.operations}`).sort(), [
      'find 1',
      'getMore 1',
      'killCursors 1',
    ]);
    await assertNumbersEqual();
    await assertQuiet();
  });

  test('a read behind an unacknowledged write sees it', async () => {
    await start('unacknowledged');
    for (let index = 0; index < 30; index++) {
      await orders.insertOne({ _id: index }, { comment: 'unacknowledged', writeConcern: { w: 0 } });
    }
    await eventually('all arrived', async () => (await orders.countDocuments({}, { comment: 'behind' })) === 30);
    await assertQuiet();
    const metrics = await house.metrics();
    assert.equal(metrics.sum('weir_callsite_operations_total', { callsite: 'unacknowledged', command: 'insert' }), 30);
    assert.equal(metrics.sum('weir_pins_total', { reason: 'fence' }), 30);
  });

  test('one connection, unacknowledged write then read: order is kept although the server is slow', async () => {
    await begin();
    const client = await open('ordered', { maxPoolSize: 1 });
    orders = client.db('shop').collection('ordered');
    sandbox.knobs.latencyMs = (command) => ('insert' in command ? 50 : 0);
    for (let index = 0; index < 5; index++) {
      await orders.insertOne({ _id: index }, { writeConcern: { w: 0 } });
      assert.deepEqual(await orders.findOne({ _id: index }), { _id: index });
    }
    await assertQuiet();
  });

  test('sessions, causal and plain, end at the server; a transaction is refused by the server itself', async () => {
    const client = await start('sessions');
    await client.withSession({ causalConsistency: true }, async (session) => {
      await orders.insertOne({ _id: 1 }, { session, comment: 'in session' });
      assert.equal((await orders.findOne({ _id: 1 }, { session, comment: 'in session' }))?._id, 1);
    });
    const session = client.startSession();
    session.startTransaction();
    // A write would be reworded by the driver, which takes 20 for a storage engine without retryable writes.
    assert.equal(await codeOf(orders.findOne({ _id: 2 }, { session })), 20);
    await session.abortTransaction();
    await session.endSession();
    const before = sandbox.stats().operations.get('endSessions') ?? 0;
    await client.close();
    await eventually('endSessions arrives', () => (sandbox.stats().operations.get('endSessions') ?? 0) > before);
    await assertQuiet();
  });

  test('errors keep their codes', async () => {
    const client = await start('errors');
    await orders.insertOne({ _id: 1 }, { comment: 'twice' });
    assert.equal(await codeOf(orders.insertOne({ _id: 1 }, { comment: 'twice' })), 11000);
    assert.equal(await codeOf(client.db('shop').command({ inventedCommand: 1 })), 59);
    assert.equal(await codeOf(orders.find({ $invented: 1 }).toArray()), 2);
    sandbox.knobs.latencyMs = 200;
    assert.equal(await codeOf(orders.find({}, { maxTimeMS: 20 }).toArray()), 50);
    sandbox.knobs.latencyMs = 0;
    const rows = await house.collections();
    const codes = rows
      .filter((row) => row.errors > 0)
      .map((row) => `${row.command} ${JSON.stringify(row.errorsByCode)}`);
    assert.deepEqual(codes.sort(), ['find {"2":1,"50":1}', 'insert {"11000":1}', 'inventedCommand {"59":1}']);
    await assertNumbersEqual();
    await assertQuiet();
  });

  test('retryable writes and reads survive a lost connection and a state change, and happen once', async () => {
    await start('retries');
    for (const [index, failure] of [
      { closeConnection: true, code: 0 },
      { code: 91, errorLabels: ['RetryableWriteError'] },
      { code: 10107, errorLabels: ['RetryableWriteError'] },
    ].entries()) {
      sandbox.knobs.failCommands = [{ command: 'insert', times: 1, ...failure }];
      assert.equal((await orders.insertOne({ _id: index }, { comment: 'retried' })).insertedId, index);
      sandbox.knobs.failCommands = [{ command: 'find', times: 1, ...failure }];
      assert.equal((await orders.findOne({ _id: index }, { comment: 'retried' }))?._id, index);
    }
    assert.equal(await orders.countDocuments({}, { comment: 'count' }), 3);
    const insert = (await house.collections()).find((row) => row.command === 'insert');
    assert.deepEqual(insert?.errorsByCode, { 6: 1, 91: 1, 10107: 1 }, "the server's own codes are counted");
    await assertNumbersEqual();
    await assertQuiet();
  });

  test('a login is refused with a sentence', async () => {
    await begin();
    const client = new MongoClient(house.uri.replace('//', '//ann:secret@'));
    clients.push(client);
    await assert.rejects(client.connect(), /logins are not supported/);
  });
});

describe('many drivers', () => {
  let crowded: Sandbox;

  beforeEach(async () => {
    crowded = await startSandbox();
    await begin(crowded);
  });

  afterEach(async () => {
    await end();
    await crowded.stop();
  });

  test('40 clients with 5 operations each at a time go through 4 connections', async () => {
    const opened = await Promise.all(Array.from({ length: 40 }, (_, index) => open(`app-${index % 4}`)));
    await Promise.all(
      opened.map((client, owner) => Promise.all(Array.from({ length: 5 }, (_, lane) => work(client, owner, lane)))),
    );

    const { peakConnections, operations } = crowded.stats();
    assert.ok(peakConnections <= CAP + 1, `${peakConnections} connections at the server`);
    const pools = await house.pools();
    assert.deepEqual(
      pools.map(({ lane, maxConnections }) => [lane, maxConnections]),
      [
        ['ordinary', CAP],
        ['await', 2],
        ['monitor', 1],
      ],
    );
    const ordinary = pools[0];
    assert.ok(ordinary && ordinary.idle + ordinary.busy <= CAP && ordinary.waiters === 0);
    assert.equal((await house.summary()).downstreamConnections, (await house.clients()).length);
    const shown = await house.clients();
    // One monitor each, and a connection for each operation that ran at the same time.
    assert.ok(shown.length >= 80, `${shown.length} client connections`);
    assert.deepEqual([...new Set(shown.map(({ app }) => app))].sort(), ['app-0', 'app-1', 'app-2', 'app-3']);
    assert.ok(shown.every(({ driver }) => driver.startsWith('nodejs 7.')));
    await assertNumbersEqual();
    for (const command of ['find', 'insert', 'update', 'getMore', 'aggregate', 'findAndModify']) {
      assert.equal(
        operations.get(command),
        ledger.by((row) => row.operations, ['command'])[command],
        `${command} at the server`,
      );
    }
    assert.deepEqual(await house.limits(), []);
    await assertQuiet();
  });
});

/** One line of work of one client; everything it reads must be its own. */
async function work(client: MongoClient, owner: number, lane: number): Promise<void> {
  const db = owner % 2 === 0 ? 'shop' : 'stock';
  const mine = client.db(db).collection<Document & { _id: string }>(`c${lane % 3}`);
  const ids = Array.from({ length: 12 }, (_, index) => `${owner}/${lane}/${index}`);
  await mine.insertMany(
    ids.map((_id) => ({ _id, owner, lane })),
    { comment: `work.insert.${lane}` },
  );
  const found = await mine
    .find({ owner, lane }, { comment: `work.find.${lane}`, batchSize: 5 })
    .sort({ _id: 1 })
    .toArray();
  assert.deepEqual(
    found.map((document) => document._id),
    [...ids].sort(),
  );
  const updated = await mine.updateMany({ owner, lane }, { $set: { done: true } }, { comment: 'work.update' });
  assert.equal(updated.modifiedCount, ids.length);
  const [sum] = await mine
    .aggregate([{ $match: { owner, lane, done: true } }, { $group: { _id: '$owner', n: { $sum: 1 } } }], {
      comment: 'work.sum',
    })
    .toArray();
  assert.deepEqual(sum, { _id: owner, n: ids.length });
  const one = await mine.findOneAndUpdate({ _id: ids[0] ?? '' }, { $inc: { n: 1 } }, { returnDocument: 'after' });
  assert.equal(one?.['n'], 1);
}
