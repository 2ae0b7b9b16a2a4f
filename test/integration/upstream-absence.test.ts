// A server that falls silent, is not there, comes back as another process or changes its state, over real sockets.
// Invariant of every test but one (no server within 5 s): the client's own connection to weir survives.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Long, ObjectId } from '../../codecs/index.ts';
import { emptyCursor } from '../support/raw-server.ts';
import { eventually } from './harness/eventually.ts';
import { FaultBench, FIND, LSID, strikeOnce } from './harness/fault-bench.ts';
import { hastyClock } from './harness/hasty-clock.ts';

const bench = new FaultBench();

afterEach(() => bench.clear());

const inTransaction = { lsid: LSID, txnNumber: Long.fromNumber(1), autocommit: false };

describe('a server that never answers', () => {
  test('but says hello: others go on, and a client that leaves frees nothing before its grace', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server, { clock: hastyClock(50), pool: { waitQueueTimeoutMs: 600_000 } });
    const [stuck, other] = [await bench.connectClient(house, 'stuck'), await bench.connectClient(house, 'other')];
    strikeOnce(server, 'find', () => {});
    stuck.say(FIND);
    await eventually('the request arrives', () => server.requestsNamed('find').length === 1);
    assert.equal((await other.ask(FIND))['ok'], 1);
    stuck.destroy();
    // 30 s of weir's time after the client left.
    await eventually('its connection is given up', async () => (await house.closed())['abandoned'] === 1);
    const metrics = await house.metrics();
    assert.equal(metrics.sum('weir_operations_total', { outcome: 'client_gone' }), 1);
    assert.equal(metrics.sum('weir_operations_active'), 0);
    assert.equal((await other.ask(FIND))['ok'], 1);
  });

  test('nor says hello: every operation is answered with 6, and it goes on when it wakes', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server, { clock: hastyClock(20), pool: { waitQueueTimeoutMs: 600_000 } });
    const clients = [await bench.connectClient(house, 'a'), await bench.connectClient(house, 'b')];
    // Both requests must be out on connections of their own before the server falls silent.
    server.script = () => {};
    const asked = clients.map((client) => client.ask(FIND));
    await eventually('both requests arrive', () => server.requestsNamed('find').length === 2);
    server.mayAnswerHello = () => false;
    const answers = await Promise.all(asked);
    assert.deepEqual(
      answers.map((answer): unknown => answer['code']),
      [6, 6],
    );
    assert.equal((await house.closed())['endpoint_silent'], 2);
    const late = await bench.connectSilent(house);
    assert.equal((await late.hello('late'))['msg'], 'isdbgrid', 'hello is answered from the last known values');

    server.mayAnswerHello = () => true;
    server.script = (request) => request.reply(emptyCursor());
    const again = await Promise.all([...clients, late].map((client) => client.ask(FIND)));
    assert.deepEqual(
      again.map((answer): unknown => answer['ok']),
      [1, 1, 1],
    );
  });
});

describe('a server that is not there', () => {
  test('yet: hello waits for it, then all works', async () => {
    const server = await bench.startServer();
    await server.stop();
    const house = await bench.startHouse(server, { isUpstreamAbsent: true });
    const client = await bench.connectSilent(house);
    const hello = client.hello('early');
    await eventually('hello waits', async () => (await house.clients())[0]?.state === 'busy');
    assert.equal((await house.get('/readyz')).status, 503);
    await server.start();
    assert.equal((await hello)['maxWireVersion'], 25);
    assert.equal((await client.ask(FIND))['ok'], 1);
    assert.equal((await house.get('/readyz')).status, 200);
  });

  test('in time: the connection is closed without a word after 5 s', async () => {
    const server = await bench.startServer();
    await server.stop();
    const clock = hastyClock(20);
    const house = await bench.startHouse(server, { isUpstreamAbsent: true, clock });
    const client = await bench.connectSilent(house);
    const beganMs = clock.nowMs();
    client.say({ hello: 1, $db: 'admin' });
    await client.closed();
    assert.ok(clock.nowMs() - beganMs >= 5000);
    assert.equal(client.bytesRead, 0);
    assert.equal((await house.metrics()).sum('weir_downstream_closed_total', { reason: 'no_upstream' }), 1);
  });

  test('for a while: operations wait and then work, nobody is disconnected', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    await server.stop();
    const answer = client.ask(FIND);
    await eventually('it waits', async () => (await house.pools()).some((pool) => pool.waiters === 1));
    await server.start();
    assert.equal((await answer)['ok'], 1);
    assert.equal(client.isClosed, false);
  });
});

describe('a server that was restarted', () => {
  test('as another process: 43 for its cursors, its transactions are forgotten, new work goes on', async () => {
    const server = await bench.startServer();
    server.script = (request) => {
      if (request.name === 'commitTransaction')
        return request.reply({ ok: 0, code: 251, codeName: 'NoSuchTransaction' });
      request.reply({ cursor: { firstBatch: [], id: Long.fromNumber(77), ns: 'shop.orders' } });
    };
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    assert.equal((await client.ask({ ...FIND, ...inTransaction, startTransaction: true }))['ok'], 1);
    let metrics = await house.metrics();
    assert.equal(metrics.sum('weir_open_cursors'), 1);
    assert.equal(metrics.sum('weir_open_transactions'), 1);

    await server.stop();
    server.processId = new ObjectId();
    await server.start();
    await eventually('the tables are empty', async () => (await house.metrics()).sum('weir_open_cursors') === 0);
    metrics = await house.metrics();
    assert.equal(metrics.sum('weir_open_transactions'), 0);
    const getMore = await client.ask({ getMore: Long.fromNumber(77), collection: 'orders', lsid: LSID });
    assert.equal(getMore['code'], 43);
    assert.equal(getMore['codeName'], 'CursorNotFound');
    const commit = await client.ask({ commitTransaction: 1, ...inTransaction, $db: 'admin' });
    assert.equal(commit['code'], 251);
    assert.equal((await client.ask(FIND))['ok'], 1);
  });

  test('as the same process (a network fault): cursors live on', async () => {
    const server = await bench.startServer();
    server.script = (request) => {
      const batch = request.name === 'find' ? { firstBatch: [] } : { nextBatch: [] };
      request.reply({ cursor: { ...batch, id: Long.fromNumber(request.name === 'find' ? 77 : 0), ns: 'shop.orders' } });
    };
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    assert.equal((await client.ask({ ...FIND, lsid: LSID }))['ok'], 1);
    await server.stop();
    await server.start();
    const getMore = await client.ask({ getMore: Long.fromNumber(77), collection: 'orders', lsid: LSID });
    assert.equal(getMore['ok'], 1);
  });
});

describe('what a server says of its state', () => {
  test('codes of a state change become 6, labels stay, topologyVersion goes', async () => {
    const server = await bench.startServer();
    const house = await bench.startHouse(server);
    const client = await bench.connectClient(house);
    for (const code of [91, 189, 10107, 11600, 11602, 13435, 13436]) {
      strikeOnce(server, 'insert', (request) =>
        request.reply({
          ok: 0,
          code,
          codeName: 'Changed',
          errmsg: 'not primary',
          errorLabels: ['RetryableWriteError'],
          topologyVersion: { processId: server.processId, counter: Long.fromNumber(2) },
        }),
      );
      const answer = await client.ask({ insert: 'orders', documents: [{ _id: 1 }] });
      assert.equal(answer['code'], 6, `${code}`);
      assert.equal(answer['codeName'], 'HostUnreachable');
      assert.deepEqual(answer['errorLabels'], ['RetryableWriteError']);
      assert.equal('topologyVersion' in answer, false);
    }
  });
});
