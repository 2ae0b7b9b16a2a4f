// The real driver through a pass-through weir: results are the server's own, every operation is counted as the driver says
// it sent it, the server sees one connection per connection, and a driver that leaves is noticed.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type Collection, type Document, MongoClient, type MongoClientOptions } from 'mongodb';
import type { Logger } from '../../src/core/logger.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { OperationReportRow } from '../../src/stats/operation-report.ts';
import { eventually, within } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { LABELS, Ledger, type LedgerRow } from './harness/ledger.ts';
import { RawClient } from './harness/raw-client.ts';

/** What drivers send without telling. */
const UNTOLD = new Set(['hello', 'isMaster', 'ismaster']);
const NUMBERS = [
  'operations',
  'errors',
  'documentsReturned',
  'documentsChanged',
] as const satisfies readonly (keyof LedgerRow)[];

let sandbox: Sandbox;
let house: House;
let ledger: Ledger;
let warnings: string[];
const clients: MongoClient[] = [];

before(async () => {
  sandbox = await startSandbox();
});

after(async () => {
  await sandbox.stop();
});

beforeEach(async () => {
  warnings = [];
  ledger = new Ledger();
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: (_fields, sentence) => warnings.push(sentence),
    error: (_fields, sentence) => warnings.push(sentence),
  };
  house = await House.start({ upstreamPort: sandbox.port, mode: 'passthrough', logger });
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  sandbox.knobs.onCommand = null;
  sandbox.knobs.latencyMs = 0;
  await house.stop();
});

async function open(appName: string, options: MongoClientOptions = {}): Promise<MongoClient> {
  const client = new MongoClient(house.uri, { appName, directConnection: true, monitorCommands: true, ...options });
  clients.push(client);
  ledger.watch(client);
  return await client.connect();
}

async function assertNumbersEqual(): Promise<void> {
  // Monitors wait for news at the server, so something is always under way.
  const toldRows = async (): Promise<OperationReportRow[]> =>
    (await house.callSites()).filter((row) => !UNTOLD.has(row.command));
  await eventually('nothing else is under way', async () => (await toldRows()).every((row) => row.active === 0));
  const rows = await toldRows();
  for (const number of NUMBERS) {
    const sums: Record<string, number> = {};
    for (const row of rows) if (row[number] > 0) sums[nameOf(row)] = row[number];
    assert.deepEqual(
      sums,
      ledger.by((row) => row[number]),
      number,
    );
  }
  const metrics = await house.metrics();
  assert.deepEqual(metrics.by('weir_decode_errors_total', ['side', 'reason']), {});
  assert.deepEqual(metrics.by('weir_sniffing_ended_total', ['reason']), {});
}

const nameOf = (row: OperationReportRow): string => LABELS.map((label) => row[label]).join(' ');

/** What the shop of these tests does: reads, writes, cursors of several batches, an error. */
async function work(orders: Collection<Document & { _id: number }>): Promise<void> {
  const documents = Array.from({ length: 200 }, (_, index) => ({
    _id: index,
    group: index % 3,
    text: 'x'.repeat(500),
  }));
  await orders.insertMany(documents, { comment: 'Shop.fill' });
  const found = await orders.find({}, { comment: 'Shop.scan', batchSize: 30 }).sort({ _id: 1 }).toArray();
  assert.deepEqual(
    found.map(({ _id }) => _id),
    documents.map(({ _id }) => _id),
  );
  const cursor = orders.find({}, { comment: 'Shop.early', batchSize: 10 });
  for (let index = 0; index < 15; index++) assert.ok(await cursor.next());
  await cursor.close();
  const updated = await orders.updateMany({ group: 1 }, { $set: { seen: true } }, { comment: 'Shop.see' });
  assert.equal(updated.modifiedCount, 67);
  const counts = await orders
    .aggregate([{ $group: { _id: '$group', n: { $sum: 1 } } }, { $sort: { _id: 1 } }], { comment: 'Shop.groups' })
    .toArray();
  assert.deepEqual(
    counts.map(({ n }) => n as number),
    [67, 67, 66],
  );
  assert.equal((await orders.deleteMany({ group: 2 }, { comment: 'Shop.forget' })).deletedCount, 66);
  await assert.rejects(orders.insertOne({ _id: 0 }, { comment: 'Shop.twice' }), /duplicate key|E11000/);
}

describe('a driver with directConnection', { timeout: 60_000 }, () => {
  test('gets the right results, and weir counts what it sent', async () => {
    const client = await open('shop');
    await work(client.db('shop').collection('single'));
    await assertNumbersEqual();
    assert.equal(ledger.poolsCleared, 0);
  });

  test('has as many connections at the server as here, all of them shown', async () => {
    const opened = await Promise.all(['a', 'b', 'c'].map((app) => open(app)));
    await Promise.all(opened.map((client, index) => work(client.db('shop').collection(`many${index}`))));
    await assertNumbersEqual();
    const shown = await house.clients();
    assert.deepEqual(new Set(shown.map(({ app }) => app)), new Set(['a', 'b', 'c']));
    assert.ok(shown.every(({ driver, state }) => driver.startsWith('nodejs') && state === 'reading'));
    const [pool, ...others] = await house.pools();
    assert.deepEqual(others, [], 'no pool and no monitor');
    assert.equal(pool?.lane, 'passthrough');
    assert.equal(pool.state, 'up');
    // Drivers open another connection for their monitor when they like.
    await eventually('all sides count the same', async () => {
      const { downstreamConnections, upstreamConnections } = await house.summary();
      const busy = (await house.pools())[0]?.busy;
      const { connections } = sandbox.stats();
      return [upstreamConnections, busy, connections].every((count) => count === downstreamConnections);
    });
  });

  test('is drained: what runs comes to its end, what is idle is closed', async () => {
    // Closing a driver asks for a server, and there will be none.
    const client = await open('shop', { serverSelectionTimeoutMS: 500 });
    const orders = client.db('shop').collection('drained');
    await orders.findOne({}, { comment: 'warm' });
    sandbox.knobs.latencyMs = 300;
    const slow = orders.findOne({}, { comment: 'slow' });
    await eventually('it runs', async () => {
      return (await house.callSites()).some((row) => row.callSite === 'slow' && row.active > 0);
    });
    const drained = house.weir.drain();
    assert.equal(await slow, null);
    await within('the drain', drained);
    const { downstreamConnections } = await house.summary();
    assert.equal(downstreamConnections, 0);
  });
});

describe('the way round', { timeout: 60_000 }, () => {
  const leaves = async (): Promise<number> =>
    (await house.metrics()).sum('weir_driver_leaves_proxy', { listener: 'main' });

  /** The sandbox as the only member of a set that names this address. */
  function becomeMember(address: string): void {
    sandbox.knobs.onCommand = (command) => {
      if (!UNTOLD.has(Object.keys(command)[0] ?? '')) return undefined;
      return {
        isWritablePrimary: true,
        setName: 'rs0',
        setVersion: 1,
        hosts: [address],
        primary: address,
        me: address,
        minWireVersion: 0,
        maxWireVersion: 25,
        logicalSessionTimeoutMinutes: 30,
        maxBsonObjectSize: 16_777_216,
        maxMessageSizeBytes: 48_000_000,
        maxWriteBatchSize: 100_000,
        ok: 1,
      };
    };
  }

  async function ask(client: MongoClient): Promise<void> {
    await client.db('shop').collection('way').findOne({}, { comment: 'Way.ask' });
  }

  const seen = async (): Promise<number> =>
    (await house.metrics()).sum('weir_callsite_operations_total', { callsite: 'Way.ask' });

  test('is taken without directConnection: weir warns once and shows it', async () => {
    becomeMember(`127.0.0.1:${sandbox.port}`);
    for (const app of ['first', 'second']) await ask(await open(app, { directConnection: false }));
    await eventually('it is noticed', async () => (await leaves()) === 1);
    assert.equal(await seen(), 0, 'the driver went to the server itself');
    await eventually('both have left', async () => (await house.summary()).downstreamConnections === 0);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /directConnection=true.*under its own name.*mode pool/);
  });

  test('is not taken with directConnection, and nobody is warned', async () => {
    becomeMember(`127.0.0.1:${sandbox.port}`);
    const client = await open('direct');
    await ask(client);
    await client.close();
    await eventually('it closed', async () => (await house.summary()).downstreamConnections === 0);
    assert.equal(await seen(), 1);
    assert.deepEqual([await leaves(), warnings], [0, []]);
  });

  test('is not taken when the set names the listener', async () => {
    becomeMember(`127.0.0.1:${house.port}`);
    const client = await open('member', { directConnection: false });
    await ask(client);
    await client.close();
    await eventually('it closed', async () => (await house.summary()).downstreamConnections === 0);
    assert.equal(await seen(), 1);
    assert.deepEqual([await leaves(), warnings], [0, []]);
  });

  test('is forgotten when that application comes back with directConnection', async () => {
    becomeMember(`127.0.0.1:${sandbox.port}`);
    const lost = await open('shop', { directConnection: false });
    await ask(lost);
    await eventually('it is noticed', async () => (await leaves()) === 1);
    await ask(await open('shop'));
    await eventually('it is back', async () => (await leaves()) === 0);
  });
});

describe('what is no MongoDB', { timeout: 60_000 }, () => {
  for (const [what, bytes, reason] of [
    ['TLS', Buffer.from('1603010200010001fc0303'.padEnd(120, '7a'), 'hex'), 'tls'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'http'],
  ] as const) {
    test(`${what} is passed on, not read, counted, and said once`, async () => {
      const opened = [await RawClient.connect(house.port), await RawClient.connect(house.port)];
      for (const client of opened) client.send(bytes);
      const count = async (): Promise<number> =>
        (await house.metrics()).sum('weir_sniffing_ended_total', { listener: 'main', reason });
      await eventually('both are counted', async () => (await count()) === 2);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', new RegExp(what));
      for (const client of opened) client.destroy();
    });
  }
});
