// What SIGTERM does to clients: idle ones are closed, what runs comes to its end, an open transaction may be committed, and
// the deadline ends the rest. Invariant: an answer that was owed and came in time reaches its client whole.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type BsonDocument, Long, UUID } from '../../codecs/index.ts';
import { emptyCursor, type RawRequest, RawServer } from '../support/raw-server.ts';
import { eventually, within } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';

const FIND = { find: 'orders', filter: {} };

let server: RawServer;
let house: House;
const clients: RawClient[] = [];
const held: RawRequest[] = [];

beforeEach(async () => {
  server = new RawServer();
  server.script = (request) => request.reply(emptyCursor());
  await server.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  held.length = 0;
  await house.stop();
  await server.stop();
});

async function begin(drainTimeoutMs?: number): Promise<void> {
  house = await House.start({ upstreamPort: server.port, ...(drainTimeoutMs === undefined ? {} : { drainTimeoutMs }) });
}

async function open(app: string): Promise<RawClient> {
  const client = await RawClient.connect(house.port);
  clients.push(client);
  await client.hello(app);
  return client;
}

/** Keeps the answer to every find back. */
function holdFinds(): void {
  server.script = (request) => {
    if (request.name === 'find') held.push(request);
    else request.reply();
  };
}

const isHeld = (count: number): Promise<void> => eventually(`${count} requests are held`, () => held.length === count);

describe('a drain', () => {
  test('closes idle clients, accepts nobody, and is over when nothing runs', async () => {
    await begin();
    const idle = await Promise.all([open('a'), open('b')]);
    await within('the drain', house.weir.drain());
    for (const client of idle) await client.closed();
    const late = await RawClient.connect(house.port);
    clients.push(late);
    await late.closed();
    assert.equal(late.bytesRead, 0);
    assert.equal((await house.metrics()).sum('weir_downstream_closed_total', { reason: 'drained' }), 2);
  });

  test('lets a running operation finish and then closes its client', async () => {
    await begin();
    holdFinds();
    const [busy, idle] = [await open('busy'), await open('idle')];
    const answer = busy.ask(FIND);
    await isHeld(1);
    const drained = house.weir.drain();
    await idle.closed();
    assert.equal(busy.isClosed, false);
    const reply = { cursor: { firstBatch: [{ text: 'x'.repeat(3_000_000) }], id: 0, ns: 'shop.orders' } };
    held[0]?.reply(reply);
    assert.equal((await answer)['ok'], 1);
    await busy.closed();
    await within('the drain', drained);
  });

  test('serves a waiting operation too, but nothing that is queued behind', async () => {
    house = await House.start({ upstreamPort: server.port, pool: { maxConnections: 1 } });
    holdFinds();
    const [first, second] = [await open('first'), await open('second')];
    const answers = [first.ask(FIND), second.ask(FIND)];
    first.say(FIND);
    await isHeld(1);
    await eventually('the second waits', async () => (await house.pools())[0]?.waiters === 1);
    const drained = house.weir.drain();
    held[0]?.reply(emptyCursor());
    await isHeld(2);
    held[1]?.reply(emptyCursor());
    for (const answer of answers) assert.equal((await answer)['ok'], 1);
    await within('the drain', drained);
    await first.closed();
    assert.equal(first.replies.length, 2, 'hello and one find');
    assert.equal(held.length, 2);
  });

  test('lets an open transaction go on to its commit', async () => {
    await begin();
    const transaction = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false };
    const [owner, idle] = [await open('owner'), await open('idle')];
    assert.equal((await owner.ask({ ...FIND, ...transaction, startTransaction: true }))['ok'], 1);
    const drained = house.weir.drain();
    await idle.closed();
    assert.equal((await owner.ask({ ...FIND, ...transaction }))['ok'], 1);
    assert.equal(owner.isClosed, false);
    const commit: BsonDocument = { commitTransaction: 1, ...transaction, $db: 'admin' };
    assert.equal((await owner.ask(commit))['ok'], 1);
    await owner.closed();
    await within('the drain', drained);
    assert.deepEqual(
      server.requests.map(({ name }) => name),
      ['find', 'find', 'commitTransaction'],
    );
  });

  test('ends what still runs at the deadline, and aborts what is left open', async () => {
    await begin(200);
    const transaction = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false };
    const owner = await open('owner');
    assert.equal((await owner.ask({ ...FIND, ...transaction, startTransaction: true }))['ok'], 1);
    holdFinds();
    const busy = await open('busy');
    busy.say(FIND);
    await isHeld(1);
    await within('the drain', house.weir.drain());
    await busy.closed();
    await owner.closed();
    assert.equal(busy.replies.length, 1, 'only hello was answered');
    await within('the stop', house.weir.stop());
    assert.equal(server.requestsNamed('abortTransaction').length, 1);
    await eventually('no connection is left at the server', () => server.connections.size === 0);
  });

  test('kills the cursors of those it closes', async () => {
    await begin();
    server.script = (request) =>
      request.reply(
        request.name === 'find'
          ? { cursor: { firstBatch: [], id: Long.fromNumber(77), ns: 'shop.orders' } }
          : { cursorsKilled: [Long.fromNumber(77)] },
      );
    const client = await open('cursor');
    assert.equal((await client.ask(FIND))['ok'], 1);
    await within('the drain', house.weir.drain());
    await within('the stop', house.weir.stop());
    assert.deepEqual(
      server.requestsNamed('killCursors').map(({ document }) => document['cursors'] as unknown),
      [[77]],
    );
  });
});
