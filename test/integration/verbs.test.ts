// What people ask of a running weir over its admin address, with clients on real sockets: pause and resume under load,
// reconnect, kill, drain, and the lists that they read before. Invariant tested: nobody gets somebody else's answer, and
// nobody an error that the verb does not promise.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { KilledOperation } from '../../src/core/verbs.ts';
import { emptyCursor, type RawRequest, RawServer } from '../support/raw-server.ts';
import { eventually, within } from './harness/eventually.ts';
import { House, type HouseOptions } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';

let server: RawServer;
let house: House;
const clients: RawClient[] = [];
const held: RawRequest[] = [];

/** With its own query, so that a stranger's answer would show. */
function answerCount(request: RawRequest): void {
  request.reply({ n: request.document['query'] as unknown });
}

beforeEach(async () => {
  server = new RawServer();
  server.script = answerCount;
  await server.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  held.length = 0;
  await house.stop();
  await server.stop();
});

async function begin(options: Partial<HouseOptions> = {}): Promise<void> {
  house = await House.start({ upstreamPort: server.port, ...options });
}

async function open(app: string): Promise<RawClient> {
  const client = await RawClient.connect(house.port);
  clients.push(client);
  await client.hello(app);
  return client;
}

function holdFinds(): void {
  server.script = (request) => {
    if (request.name === 'find') held.push(request);
    else answerCount(request);
  };
}

const isHeld = (count: number): Promise<void> => eventually(`${count} are held`, () => held.length === count);

/** Asks again and again until told to stop, checking every answer; how many there were. */
function ask(client: RawClient, name: string): { readonly asked: () => number; end(): Promise<void> } {
  let isOver = false;
  let asked = 0;
  const work = (async () => {
    while (!isOver) {
      const query = `${name}-${asked}`;
      const answer = await client.ask({ count: 'orders', query });
      assert.deepEqual([answer['ok'], answer['n']], [1, query]);
      asked++;
    }
  })();
  return {
    asked: () => asked,
    end: async () => {
      isOver = true;
      await within('the last answer', work);
    },
  };
}

describe('pause', () => {
  test('under load holds all, loses none, and resume lets them go on', async () => {
    await begin();
    const apps = await Promise.all(Array.from({ length: 12 }, (_, index) => open(`app${index}`)));
    const loads = apps.map((client, index) => ask(client, `app${index}`));
    await eventually('all are busy', () => loads.every((load) => load.asked() > 5));
    await house.obey('pause');
    await eventually('all wait', async () => (await house.pools())[0]?.waiters === 12);
    const before = server.requests.length;
    const bystander = await open('bystander');
    assert.equal((await bystander.ask({ ping: 1, $db: 'admin' }))['ok'], 1);
    assert.deepEqual((await house.summary()).paused, ['test']);
    assert.equal((await house.metrics()).sum('weir_pool_paused'), 1);
    assert.equal((await house.get('/readyz')).status, 200, 'a paused weir is wanted so');
    assert.equal(server.requests.length, before);
    const counts = loads.map((load) => load.asked());
    await house.obey('resume');
    await eventually('all go on', () => loads.every((load, index) => load.asked() > (counts[index] ?? 0) + 5));
    for (const load of loads) await load.end();
    assert.equal((await house.metrics()).sum('weir_protocol_mismatches_total'), 0);
  });

  test('a deadline that passes is told as 462', async () => {
    await begin({ pool: { waitQueueTimeoutMs: 50 } });
    const client = await open('late');
    await house.obey('pause', { cluster: 'test' });
    const answer = await client.ask({ count: 'orders', query: 1 });
    assert.equal(answer['code'], 462);
    assert.equal((await house.metrics()).sum('weir_operations_total', { outcome: 'wait_timeout' }), 1);
  });

  test('of a cluster that is not there is refused', async () => {
    await begin();
    await assert.rejects(house.obey('pause', { cluster: 'tset' }), /404 there is no cluster 'tset'; there are: test/);
    assert.deepEqual((await house.summary()).paused, []);
  });
});

test('reconnect under load renews every connection, and no client has an error', async () => {
  await begin();
  const apps = await Promise.all(Array.from({ length: 8 }, (_, index) => open(`app${index}`)));
  const loads = apps.map((client, index) => ask(client, `app${index}`));
  await eventually('all are busy', () => loads.every((load) => load.asked() > 5));
  const before = new Set(server.poolConnections);
  assert.ok(before.size > 0);
  await house.obey('reconnect');
  await eventually('none of the old is left', () => server.poolConnections.every((one) => !before.has(one)));
  const counts = loads.map((load) => load.asked());
  await eventually('all go on', () => loads.every((load, index) => load.asked() > (counts[index] ?? 0)));
  for (const load of loads) await load.end();
  assert.ok(((await house.closed())['recycled'] ?? 0) >= before.size);
});

describe('kill', () => {
  test('an operation at the server, found in the list: its client goes on, the late answer reaches nobody', async () => {
    await begin({ pool: { maxConnections: 1 } });
    holdFinds();
    const [slow, other] = [await open('slow'), await open('other')];
    const answer = slow.ask({ find: 'orders', filter: {}, comment: 'Reports.all' });
    await isHeld(1);
    const waiting = other.ask({ count: 'orders', query: 'other' });
    await eventually('the other waits', async () => (await house.operations()).length === 2);
    const operations = await house.operations();
    assert.deepEqual(
      operations.map(({ app, command, namespace, callSite, state, server: at }) => [
        [app, command, namespace, callSite],
        [state, at],
      ]),
      [
        [
          ['slow', 'find', 'shop.orders', 'Reports.all'],
          ['at_server', `127.0.0.1:${server.port}`],
        ],
        [
          ['other', 'count', 'shop.orders', '-'],
          ['waiting', ''],
        ],
      ],
    );
    const operation = operations[0]?.id;
    const { how } = (await house.obey('kill', { operation })) as KilledOperation;
    assert.equal(how, 'answered');
    assert.equal((await answer)['code'], 11_601);
    const next = slow.ask({ count: 'orders', query: 'slow' });
    held[0]?.reply({ cursor: { firstBatch: [{ secret: 1 }], id: 0, ns: 'shop.orders' } });
    assert.equal((await waiting)['n'], 'other');
    assert.equal((await next)['n'], 'slow');
    assert.deepEqual([slow.replies.length, other.replies.length], [3, 2]);
    await assert.rejects(house.obey('kill', { operation }), /404 operation .* is over/);
  });

  test('an operation in the queue, and a client', async () => {
    await begin({ pool: { maxConnections: 1 } });
    holdFinds();
    const [slow, waits, leaves] = [await open('slow'), await open('waits'), await open('leaves')];
    const answer = slow.ask({ find: 'orders' });
    await isHeld(1);
    const waiting = waits.ask({ count: 'orders', query: 1 });
    leaves.say({ count: 'orders', query: 2 });
    await eventually('both wait', async () => (await house.pools())[0]?.waiters === 2);
    const idOf = async (app: string) => (await house.operations()).find((one) => one.app === app)?.id;
    const killed = (await house.obey('kill', { operation: await idOf('waits') })) as KilledOperation;
    assert.deepEqual([killed.how, (await waiting)['code']], ['left_queue', 11_601]);
    const client = (await house.clients()).find((one) => one.app === 'leaves');
    await house.obey('kill', { client: client?.id });
    await leaves.closed();
    assert.equal((await house.pools())[0]?.waiters, 0);
    held[0]?.reply(emptyCursor());
    assert.equal((await answer)['ok'], 1);
    assert.equal(server.requests.filter(({ name }) => name === 'count').length, 0);
    await assert.rejects(house.obey('kill', { client: client?.id }), /404 there is no client/);
  });
});

describe('the lists', () => {
  test('show who is there, what it does and what it holds open', async () => {
    await begin();
    server.script = (request) =>
      request.reply(request.name === 'find' ? { cursor: { firstBatch: [], id: 9, ns: 'shop.orders' } } : {});
    const client = await open('reader');
    await client.ask({ find: 'orders', comment: 'Orders.list' });
    assert.deepEqual(
      (await house.clients()).map(({ app, driver, operations, current, bytesIn, bytesOut }) => [
        [app, driver, operations, current],
        [bytesIn > 100, bytesOut],
      ]),
      [
        [
          ['reader', 'raw 1', 2, null],
          [true, client.bytesRead],
        ],
      ],
    );
    assert.deepEqual(
      (await house.cursors()).map(({ id, namespace, app, address, callSite, lane }) => [
        [id, namespace, app],
        [address, callSite, lane],
      ]),
      [
        [
          ['9', 'shop.orders', 'reader'],
          ['127.0.0.1', 'Orders.list', 'ordinary'],
        ],
      ],
    );
    assert.deepEqual(
      (await house.servers()).map(({ cluster, state, isInWindow }) => [cluster, state, isInWindow]),
      [['test', 'up', true]],
    );
    assert.deepEqual(await house.operations(), []);
    assert.equal((await house.summary()).multiplexRatio, 1);
  });
});

test('drain: nobody new, what runs ends, the probe says no, and whoever started weir is told', async () => {
  await begin();
  holdFinds();
  const [busy, idle] = [await open('busy'), await open('idle')];
  const answer = busy.ask({ find: 'orders' });
  await isHeld(1);
  assert.deepEqual(await house.obey('drain', { timeoutMs: 60_000 }), { clients: 2, leftMs: 60_000 });
  await idle.closed();
  assert.equal(await within('it is told', house.weir.drainAsked), 60_000);
  const probe = await house.get('/readyz');
  assert.deepEqual([probe.status, await probe.text()], [503, 'draining\n']);
  const again = (await house.obey('drain', { timeoutMs: 1 })) as { leftMs: number };
  assert.ok(again.leftMs > 1000, 'the drain that runs goes on');
  held[0]?.reply(emptyCursor());
  assert.equal((await answer)['ok'], 1);
  await within('the drain', house.weir.drain());
  await busy.closed();
});

test('in mode passthrough a client can be ended; what weir does not send it cannot hold', async () => {
  await begin({ mode: 'passthrough' });
  holdFinds();
  const client = await open('sniffed');
  client.say({ find: 'orders' });
  await isHeld(1);
  await eventually('it is seen', async () => (await house.operations()).length === 1);
  const [operation] = await house.operations();
  assert.deepEqual([operation?.state, operation?.namespace, operation?.app], ['passing', 'shop.orders', 'sniffed']);
  await assert.rejects(house.obey('kill', { operation: operation?.id }), /409 .*is passed through/);
  await assert.rejects(house.obey('pause'), /409 everything is passed through/);
  await house.obey('kill', { client: operation?.client });
  await client.closed();
  assert.equal((await house.metrics()).sum('weir_downstream_closed_total', { reason: 'killed' }), 1);
});
