// What becomes of a client's cursors, transactions and waiting operations when it is gone, and that nobody else may touch
// them while it lives. Over real sockets; time runs fast where 30 s are to pass.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { type BsonDocument, Long, UUID } from '../../codecs/index.ts';
import type { RawServer } from '../support/raw-server.ts';
import { eventually } from './harness/eventually.ts';
import { FaultBench, FIND, LSID } from './harness/fault-bench.ts';
import { hastyClock } from './harness/hasty-clock.ts';

const CURSOR = Long.fromNumber(77);
const GET_MORE: BsonDocument = { getMore: CURSOR, collection: 'orders' };

const bench = new FaultBench();

afterEach(() => bench.clear());

/** Every find opens a cursor that never ends. */
async function startCursorServer(): Promise<RawServer> {
  const server = await bench.startServer();
  server.script = (request) => {
    if (request.name === 'find') return request.reply({ cursor: { firstBatch: [], id: CURSOR, ns: 'shop.orders' } });
    if (request.name === 'getMore') return request.reply({ cursor: { nextBatch: [], id: CURSOR, ns: 'shop.orders' } });
    request.reply({ cursorsKilled: request.document['cursors'] as unknown, cursorsNotFound: [] });
  };
  return server;
}

const killed = (server: RawServer): unknown[] =>
  server.requestsNamed('killCursors').map(({ document }): unknown => document['cursors']);

describe('a cursor', () => {
  test('without a session is killed when the last connection of its client is gone, not before', async () => {
    const server = await startCursorServer();
    const house = await bench.startHouse(server);
    const [opener, twin] = [await bench.connectClient(house, 'same'), await bench.connectClient(house, 'same')];
    assert.equal((await opener.ask(FIND))['ok'], 1);
    opener.destroy();
    await eventually('weir knows it', async () => (await house.clients()).length === 1);
    assert.equal((await twin.ask(GET_MORE))['ok'], 1, 'another connection of the same client goes on with it');
    assert.deepEqual(killed(server), []);
    twin.destroy();
    await eventually('it is killed', () => killed(server).length === 1);
    assert.deepEqual(killed(server), [[77]]);
    const metrics = await house.metrics();
    assert.equal(metrics.sum('weir_open_cursors'), 0);
    assert.equal(metrics.sum('weir_cleanups_total', { what: 'cursors_killed' }), 1);
  });

  test('without a session belongs to nobody else: 43 and cursorsNotFound, it lives on', async () => {
    const server = await startCursorServer();
    const house = await bench.startHouse(server);
    const [owner, stranger] = [await bench.connectClient(house, 'owner'), await bench.connectClient(house, 'stranger')];
    assert.equal((await owner.ask(FIND))['ok'], 1);
    assert.equal((await stranger.ask(GET_MORE))['code'], 43);
    const answer = await stranger.ask({ killCursors: 'orders', cursors: [CURSOR] });
    assert.equal(answer['ok'], 1);
    assert.deepEqual(answer['cursorsNotFound'], [77]);
    assert.deepEqual(killed(server), []);
    assert.equal((await owner.ask(GET_MORE))['ok'], 1);
    assert.deepEqual((await owner.ask({ killCursors: 'orders', cursors: [CURSOR] }))['cursorsKilled'], [77]);
  });

  test('of a session belongs to whoever knows the session, from any address and client', async () => {
    const server = await startCursorServer();
    const house = await bench.startHouse(server);
    const [opener, other] = [await bench.connectClient(house, 'opener'), await bench.connectClient(house, 'other')];
    assert.equal((await opener.ask({ ...FIND, lsid: LSID }))['ok'], 1);
    assert.equal((await other.ask({ ...GET_MORE, lsid: { id: new UUID() } }))['code'], 43);
    assert.equal((await other.ask(GET_MORE))['code'], 43);
    assert.equal((await other.ask({ ...GET_MORE, lsid: LSID }))['ok'], 1);
  });
});

describe('a transaction', () => {
  const inTransaction = { lsid: LSID, txnNumber: Long.fromNumber(1), autocommit: false };

  test('is aborted 30 s after the last connection that carried it closed', async () => {
    const server = await bench.startServer();
    const clock = hastyClock(20);
    const house = await bench.startHouse(server, { clock });
    const client = await bench.connectClient(house);
    assert.equal((await client.ask({ ...FIND, ...inTransaction, startTransaction: true }))['ok'], 1);
    const leftMs = clock.nowMs();
    client.destroy();
    await eventually('it is aborted', () => server.requestsNamed('abortTransaction').length === 1);
    assert.ok(clock.nowMs() - leftMs >= 30_000);
    const abort = server.requestsNamed('abortTransaction')[0]?.document;
    assert.deepEqual(abort?.['lsid'], LSID);
    assert.equal(Number(abort?.['txnNumber']), 1);
    assert.equal(abort?.['autocommit'], false);
    assert.equal((await house.metrics()).sum('weir_cleanups_total', { what: 'transactions_aborted' }), 1);
  });

  test('is kept by another connection that carried it', async () => {
    const server = await bench.startServer();
    const clock = hastyClock(20);
    const house = await bench.startHouse(server, { clock });
    const [first, second] = [await bench.connectClient(house, 'first'), await bench.connectClient(house, 'second')];
    assert.equal((await first.ask({ ...FIND, ...inTransaction, startTransaction: true }))['ok'], 1);
    assert.equal((await second.ask({ ...FIND, ...inTransaction }))['ok'], 1);
    const leftMs = clock.nowMs();
    first.destroy();
    await eventually('40 s pass', () => clock.nowMs() - leftMs > 40_000);
    assert.deepEqual(server.requestsNamed('abortTransaction'), []);
    assert.equal((await second.ask({ commitTransaction: 1, ...inTransaction, $db: 'admin' }))['ok'], 1);
  });
});

describe('a waiting operation', () => {
  test('of a client that is gone leaves the queue at once and never reaches the server', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server, { pool: { maxConnections: 1 } });
    const held: (() => void)[] = [];
    server.script = (request) => held.push(() => request.reply());
    const [busy, leaver, stayer] = [
      await bench.connectClient(house, 'busy'),
      await bench.connectClient(house, 'leaver'),
      await bench.connectClient(house, 'stayer'),
    ];
    const waiters = async (): Promise<number | undefined> => (await house.pools())[0]?.waiters;
    const answered = busy.ask(FIND);
    await eventually('the only connection is busy', () => held.length === 1);
    leaver.say({ ...FIND, comment: 'leaver' });
    await eventually('it waits', async () => (await waiters()) === 1);
    const stayed = stayer.ask({ ...FIND, comment: 'stayer' });
    await eventually('both wait', async () => (await waiters()) === 2);
    leaver.destroy();
    await eventually('it left the queue', async () => (await waiters()) === 1);
    held[0]?.();
    await eventually('the next one is served', () => held.length === 2);
    held[1]?.();
    assert.equal((await answered)['ok'], 1);
    assert.equal((await stayed)['ok'], 1);
    assert.deepEqual(
      server.requests.map(({ document }): unknown => document['comment']),
      [undefined, 'stayer'],
    );
    assert.equal((await house.metrics()).sum('weir_operations_total', { command: 'find', outcome: 'client_gone' }), 1);
  });
});

test('an operation at the server ends with its client where that is asked for: the server sees its connection close', async () => {
  const server = await bench.startServer();
  const house = await bench.startHouse(server, { pool: { onClientGone: 'cancel' } });
  server.script = (request) => {
    if (request.name === 'count') request.reply();
  };
  const [leaver, stayer] = [await bench.connectClient(house, 'leaver'), await bench.connectClient(house, 'stayer')];
  leaver.say(FIND);
  await eventually('it is at the server', () => server.requestsNamed('find').length === 1);
  const [busy] = server.poolConnections;
  leaver.destroy();
  await eventually('its connection is closed', () => busy !== undefined && !server.connections.has(busy));
  assert.equal((await stayer.ask({ count: 'orders' }))['ok'], 1);
  assert.equal((await house.closed())['client_gone_cancel'], 1);
  assert.equal((await house.metrics()).sum('weir_operations_total', { command: 'find', outcome: 'client_gone' }), 1);
});
