// Rate limits as drivers feel them: the refusal's form, the driver's own waiting and trying again, observe mode, other call
// sites, unacknowledged writes. Rates are so low that no token comes back during a test, unless the test is about that.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Document, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb';
import type { LimitSnapshot } from '../../src/core/snapshots.ts';
import type { LimitOptions } from '../../src/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';

const LABELS = ['SystemOverloadedError', 'RetryableError', 'NoWritesPerformed'];
/** One token in 17 minutes. */
const NEVER_PER_SECOND = 0.001;

let sandbox: Sandbox;
let house: House;
const opened: { close(): Promise<void> | void }[] = [];
let poolsCleared = 0;

before(async () => {
  sandbox = await startSandbox();
});

after(async () => {
  await sandbox.stop();
});

afterEach(async () => {
  for (const client of opened.splice(0)) await client.close();
  await house.stop();
  sandbox.knobs.onCommand = null;
});

function limitOn(callSite: string, rest: Partial<LimitOptions> = {}): LimitOptions {
  return {
    name: 'tight',
    match: { callSite },
    per: [],
    ratePerSecond: NEVER_PER_SECOND,
    burst: 3,
    mode: 'enforce',
    ...rest,
  };
}

async function begin(...limits: readonly LimitOptions[]): Promise<void> {
  house = await House.start({ upstreamPort: sandbox.port, limits });
  poolsCleared = 0;
}

async function openDriver(options: MongoClientOptions = {}): Promise<MongoClient> {
  const client = new MongoClient(house.uri, { appName: 'limited', monitorCommands: true, ...options });
  client.on('connectionPoolCleared', () => {
    poolsCleared++;
  });
  opened.push(client);
  return await client.connect();
}

async function openRaw(hello: Document = {}): Promise<RawClient> {
  const client = await RawClient.connect(house.port);
  opened.push({ close: () => client.destroy() });
  await client.hello('raw', hello);
  return client;
}

async function only(): Promise<Omit<LimitSnapshot, 'mode'>> {
  const [row] = await house.limits();
  assert.ok(row);
  const { name, matched, allowed, observed, refused } = row;
  return { name, matched, allowed, observed, refused };
}

const find = (comment: string): Document => ({ find: 'orders', filter: {}, comment });

/** Commands of this name that reach the server from now on. */
function arrivals(name: string): () => number {
  const beforehand = sandbox.stats().operations.get(name) ?? 0;
  return () => (sandbox.stats().operations.get(name) ?? 0) - beforehand;
}

describe('a limit that is enforced', () => {
  test('refuses with 462, its three labels and the wait, and touches no other call site', async () => {
    await begin(limitOn('reports.*'));
    const arrived = arrivals('find');
    const client = await openRaw({ backpressure: '2' });
    for (let index = 0; index < 3; index++) assert.equal((await client.ask(find('reports.daily')))['ok'], 1);
    const refusal = await client.ask(find('reports.weekly'));
    assert.equal(refusal['ok'], 0);
    assert.equal(refusal['code'], 462);
    assert.equal(refusal['codeName'], 'IngressRequestRateLimitExceeded');
    assert.deepEqual(refusal['errorLabels'], LABELS);
    assert.match(String(refusal['errmsg']), /limit 'tight'/);
    assert.equal(refusal['baseBackoffMS'], 10_000, 'at a rate of nearly nothing the longest wait is told');
    for (let index = 0; index < 5; index++) assert.equal((await client.ask(find('shop.list')))['ok'], 1);
    assert.equal((await client.ask({ find: 'orders', filter: {} }))['ok'], 1);

    assert.deepEqual(await only(), { name: 'tight', matched: 4, allowed: 3, observed: 0, refused: 1 });
    assert.equal(arrived(), 9, 'what is refused does not reach the server');
    const metrics = await house.metrics();
    assert.deepEqual(metrics.by('weir_limit_decisions_total', ['limit', 'decision']), {
      'tight allowed': 3,
      'tight refused': 1,
    });
    assert.equal(metrics.sum('weir_operations_total', { command: 'find', outcome: 'refused' }), 1);
    assert.equal(metrics.sum('weir_errors_total', { code: '462' }), 1);
    assert.equal((await house.summary()).refused, 1);
  });

  test('tells the wait only to clients that understand it', async () => {
    await begin(limitOn('reports.*', { burst: 1 }));
    const client = await openRaw();
    await client.ask(find('reports.a'));
    const refusal = await client.ask(find('reports.a'));
    assert.equal(refusal['code'], 462);
    assert.equal('baseBackoffMS' in refusal, false);
  });

  test('counts each value of its dimensions apart', async () => {
    await begin(limitOn('reports.*', { per: ['callSite', 'collection'], burst: 1 }));
    const client = await openRaw();
    const codes: unknown[] = [];
    for (const [callSite, collection] of [
      ['reports.a', 'orders'],
      ['reports.a', 'orders'],
      ['reports.b', 'orders'],
      ['reports.a', 'stock'],
      ['reports.b', 'orders'],
    ] as const) {
      codes.push((await client.ask({ find: collection, filter: {}, comment: callSite }))['code'] ?? 'ok');
    }
    assert.deepEqual(codes, ['ok', 462, 'ok', 'ok', 462]);
  });

  test('never refuses what ends or goes on with something open', async () => {
    await begin(limitOn('*', { burst: 2 }));
    const client = await openRaw();
    const documents = Array.from({ length: 9 }, (_, index) => ({ _id: index }));
    assert.equal((await client.ask({ insert: 'open', documents, comment: 'open' }))['ok'], 1);
    const opening = await client.ask({ find: 'open', filter: {}, batchSize: 2, comment: 'open' });
    const cursor = opening['cursor'] as { id: unknown };
    const getMore = { getMore: cursor.id, collection: 'open', batchSize: 2 };
    assert.equal((await client.ask(getMore))['ok'], 1);
    assert.equal((await client.ask(find('open')))['code'], 462);
    assert.equal((await client.ask(getMore))['ok'], 1);
    assert.equal((await client.ask({ killCursors: 'open', cursors: [cursor.id] }))['ok'], 1);
    assert.equal((await client.ask({ endSessions: [], $db: 'admin' }))['ok'], 1);
  });

  test('drops an unacknowledged write, counts it, and stays in step', async () => {
    await begin(limitOn('w0', { burst: 2 }));
    const arrived = arrivals('insert');
    const client = await openRaw();
    for (let index = 0; index < 5; index++) {
      client.say({ insert: 'dropped', documents: [{ _id: index }], comment: 'w0', writeConcern: { w: 0 } }, 2);
    }
    assert.equal((await client.ask({ count: 'dropped' }))['n'], 2);
    assert.equal(client.replies.length, 2, 'hello and count');
    assert.equal(arrived(), 2);
    assert.deepEqual(await only(), { name: 'tight', matched: 5, allowed: 2, observed: 0, refused: 3 });
    const metrics = await house.metrics();
    assert.equal(metrics.sum('weir_operations_total', { command: 'insert', outcome: 'dropped' }), 3);
    assert.equal(metrics.sum('weir_operations_total', { command: 'insert', outcome: 'ok' }), 2);
    assert.equal((await house.summary()).refused, 3);
  });

  test('with the driver: it waits and tries again by itself, then surfaces 462 and keeps its pool', async (context) => {
    await begin(
      limitOn('reports.daily', { burst: 1, ratePerSecond: 20 }),
      limitOn('reports.never', { name: 'shut', burst: 1 }),
    );
    const client = await openDriver();
    const orders = client.db('shop').collection('orders');
    const attempts = new Map<unknown, number>();
    client.on('commandStarted', ({ command }) => {
      attempts.set(command['comment'], (attempts.get(command['comment']) ?? 0) + 1);
    });
    // The driver's wait is random: made long here, so that the next token (one each 50 ms) is there when it is over.
    const random = context.mock.method(Math, 'random', () => 0.99);
    for (let index = 0; index < 4; index++) await orders.findOne({}, { comment: 'reports.daily' });
    const daily = (await house.limits()).find(({ name }) => name === 'tight');
    assert.equal(daily?.allowed, 4);
    assert.ok((attempts.get('reports.daily') ?? 0) >= 4);
    assert.equal(attempts.get('reports.daily'), daily?.matched);

    // And short here, where no token comes at all.
    random.mock.mockImplementation(() => 0.01);
    await orders.findOne({}, { comment: 'reports.never' });
    sandbox.knobs.onCommand = (command) => {
      assert.notEqual(command['comment'], 'reports.never');
      return undefined;
    };
    const error: unknown = await orders.findOne({}, { comment: 'reports.never' }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof MongoServerError);
    assert.equal(error.code, 462);
    assert.deepEqual([...error.errorLabels].sort(), [...LABELS].sort());
    assert.equal(attempts.get('reports.never'), 1 + 3, 'one that passed, one refused and its two retries');
    assert.equal(await orders.countDocuments({}, { comment: 'shop.count' }), 0);
    assert.equal(poolsCleared, 0);
  });

  test('holds its rate against drivers that push, and others feel nothing', async () => {
    await begin(limitOn('reports.daily', { burst: 10, ratePerSecond: 50 }));
    const pushers = await Promise.all(Array.from({ length: 5 }, () => openDriver()));
    const quiet = await openDriver();
    let passed = 0;
    sandbox.knobs.onCommand = (command) => {
      if (command['comment'] === 'reports.daily') passed++;
      return undefined;
    };
    const beganMs = performance.now();
    const isOver = (): boolean => performance.now() - beganMs > 1500;
    let refused = 0;
    const push = async (client: MongoClient): Promise<void> => {
      const orders = client.db('shop').collection('orders');
      while (!isOver()) {
        await orders.findOne({}, { comment: 'reports.daily' }).catch((error: unknown) => {
          assert.equal((error as MongoServerError).code, 462);
          refused++;
        });
      }
    };
    const others = async (): Promise<number> => {
      const orders = quiet.db('shop').collection('orders');
      let done = 0;
      while (!isOver()) {
        await orders.findOne({}, { comment: 'shop.list' });
        done++;
      }
      return done;
    };
    const [done] = await Promise.all([others(), ...pushers.flatMap((client) => [push(client), push(client)])]);
    const seconds = (performance.now() - beganMs) / 1000;
    assert.ok(passed <= 10 + 50 * seconds + 1, `${passed} passed in ${seconds} s`);
    assert.ok(passed >= 20, `${passed} passed in ${seconds} s`);
    assert.ok(done > 0);
    const row = await only();
    assert.equal(row.allowed, passed);
    assert.equal(row.matched, row.allowed + row.refused);
    assert.ok(row.refused >= refused);
    assert.equal(poolsCleared, 0);
  });
});

describe('a limit that observes', () => {
  test('lets everything through and counts what it would have refused', async () => {
    await begin(limitOn('reports.*', { mode: 'observe' }));
    const arrived = arrivals('find');
    const client = await openDriver();
    const orders = client.db('shop').collection('orders');
    for (let index = 0; index < 8; index++) await orders.findOne({}, { comment: 'reports.daily' });
    assert.equal(arrived(), 8);
    assert.deepEqual(await only(), { name: 'tight', matched: 8, allowed: 3, observed: 5, refused: 0 });
    assert.equal((await house.limits())[0]?.mode, 'observe');
    await eventually('all are counted', async () => (await house.metrics()).sum('weir_operations_active') === 0);
    assert.equal((await house.summary()).refused, 0);
    assert.equal((await house.summary()).errors, 0);
  });
});
