// One deployment through the whole proxy: up, silent, killed, moved, demoted; what its clients and tables see of it.
// Single answers are router tests. Invariants tested: the server never sees more than cap + await lane + 1; facts of the
// server (wire version, process) follow what answers now.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeSet } from '../../support/fake-set.ts';
import { makeRig, type Rig, startRig } from '../../support/rig.ts';
import { batchReply, cursorReply, inTransaction, session, type TestClient } from '../../support/test-client.ts';
import { malformedHello } from './fixture.ts';

function clients(rig: Rig, count: number): TestClient[] {
  return Array.from({ length: count }, () => rig.app('shop'));
}

function maxWireVersion(client: TestClient): unknown {
  client.send({ hello: 1, $db: 'admin' });
  return client.last['maxWireVersion'];
}

describe('a silent server', () => {
  test('loses all connections after 10 s without an answer; their operations get 5.6', () => {
    const rig = startRig();
    const [reader, writer, busy] = clients(rig, 3);
    assert.ok(reader && writer && busy);
    reader.send({ find: 'a' });
    writer.send({ insert: 'a', lsid: session(1), txnNumber: 1n });
    rig.answer('find');
    busy.send({ find: 'b' });
    rig.server.answersHello = false;
    rig.clock.advance(19_999);
    assert.equal(rig.server.pooled.length, 2);
    rig.clock.advance(1);
    assert.equal(writer.last['code'], 6);
    assert.deepEqual(writer.last['errorLabels'], ['RetryableWriteError']);
    assert.equal(busy.last['code'], 6);
    assert.equal(busy.last['errorLabels'], undefined);
    assert.equal(rig.cluster.closedFor('endpoint_silent'), 2);
    assert.equal(rig.cluster.isUp, false);
    assert.ok(![reader, writer, busy].some((client) => client.isClosed), 'clients stay connected');
  });

  test('that wakes up is used again', () => {
    const rig = startRig();
    const [client] = clients(rig, 1);
    assert.ok(client);
    rig.server.answersHello = false;
    rig.clock.advance(20_000);
    client.send({ find: 'a' });
    assert.equal(rig.server.open('find').length, 0);
    rig.server.answersHello = true;
    for (const hello of rig.server.silentHellos.splice(0)) hello.reply(rig.server.helloDocument());
    rig.clock.advance(2000);
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(client.last['ok'], 1);
  });
});

describe('a killed server', () => {
  test('new operations wait for it, then go on by themselves', () => {
    const rig = startRig();
    const [client] = clients(rig, 1);
    assert.ok(client);
    rig.server.kill();
    rig.settle();
    client.send({ find: 'a' });
    rig.clock.advance(2000);
    assert.equal(client.replies.length, 1, 'only its hello was answered');
    rig.server.start('64b64c2f1f1f1f1f1f1f1f02');
    rig.clock.advance(2000);
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(client.last['ok'], 1);
  });

  test('that does not come back: 6 with NoWritesPerformed at the deadline', () => {
    const rig = startRig();
    const [client] = clients(rig, 1);
    assert.ok(client);
    rig.server.kill();
    rig.settle();
    client.send({ insert: 'a' });
    rig.clock.advance(4999);
    assert.equal(client.replies.length, 1);
    rig.clock.advance(1);
    assert.equal(client.last['code'], 6);
    assert.deepEqual(client.last['errorLabels'], ['NoWritesPerformed']);
    assert.equal(maxWireVersion(client), 25, 'hello answers from the last known values');
  });

  test('another process: cursors and transactions of the old one are gone', () => {
    const rig = startRig();
    const [client] = clients(rig, 1);
    assert.ok(client);
    const lsid = session(1);
    client.send({ find: 'a', lsid });
    rig.answer('find', cursorReply(5, 'a'));
    client.send({ insert: 'a', ...inTransaction(lsid, 1, true) });
    rig.answer('insert', { n: 1 });
    const { router } = rig.dispatcher;
    assert.deepEqual([router.cursors.size, router.transactions.size], [1, 1]);
    rig.server.kill();
    rig.settle();
    rig.server.start('64b64c2f1f1f1f1f1f1f1f02');
    rig.clock.advance(2000);
    assert.deepEqual([router.cursors.size, router.transactions.size], [0, 0]);
    client.send({ getMore: 5n, collection: 'a', lsid });
    assert.equal(client.last['code'], 43);
    client.send({ insert: 'a', ...inTransaction(lsid, 1) });
    assert.equal(rig.server.take('insert').document['autocommit'], false, 'a statement goes on: the server says 251');
  });

  test('the same process after a network break: cursors and transactions live on', () => {
    const rig = startRig();
    const [client] = clients(rig, 1);
    assert.ok(client);
    const lsid = session(1);
    client.send({ find: 'a', lsid });
    rig.answer('find', cursorReply(5, 'a'));
    for (const connection of rig.server.live) connection.socket.hangUp();
    rig.clock.advance(1000);
    client.send({ getMore: 5n, collection: 'a', lsid });
    rig.answer('getMore', batchReply(0, 'a'));
    assert.equal(client.last['ok'], 1);
    assert.equal(rig.dispatcher.router.cursors.size, 0);
  });
});

describe('what hello says of the server', () => {
  test('maxWireVersion follows the process that answers', () => {
    const rig = startRig();
    const [client] = clients(rig, 1);
    assert.ok(client);
    assert.equal(maxWireVersion(client), 25);
    rig.server.hello = { maxWireVersion: 27 };
    rig.clock.advance(10_000);
    assert.equal(maxWireVersion(client), 27);
    rig.server.kill();
    rig.clock.advance(100);
    rig.server.hello = { maxWireVersion: 21 };
    rig.server.start('64b64c2f1f1f1f1f1f1f1f02');
    rig.clock.advance(2000);
    assert.equal(maxWireVersion(client), 21);
  });
});

describe('a demotion', () => {
  test('moves everything to the new primary; running operations end where they are', () => {
    const rig = makeRig({ seeds: FakeSet.seeds('a', 'b') });
    const set = new FakeSet(rig.server, ['a', 'b']);
    rig.cluster.start();
    rig.clock.advance(1000);
    const [first, second] = clients(rig, 2);
    assert.ok(first && second);
    first.send({ find: 'old' });
    set.elect('b');
    rig.clock.advance(10_000);
    second.send({ find: 'new' });
    rig.clock.advance(1000);
    const request = rig.server.open('find').find((open) => open.document['find'] === 'new');
    assert.equal(request?.connection.host, 'b');
    request?.reply(cursorReply(0, 'new'));
    rig.settle();
    assert.equal(second.last['ok'], 1);
    rig.answer('find', cursorReply(0, 'old'));
    assert.equal(first.last['ok'], 1);
    assert.equal(rig.server.pooled.filter((connection) => connection.host === 'a').length, 0);
  });
});

describe('connections of a cluster', () => {
  test('never exceed cap + await lane + 1', () => {
    const rig = startRig({ pool: { maxConnections: 3, awaitConnections: 2 } });
    const many = clients(rig, 20);
    for (const [index, client] of many.entries())
      client.send({ find: 'tail', tailable: true, awaitData: true, lsid: session(index) });
    for (let i = 0; i < 20; i++) rig.answer('find', cursorReply(100 + i, 'tail'));
    for (const [index, client] of many.entries())
      client.send({ getMore: BigInt(100 + index), collection: 'tail', lsid: session(index) });
    const others = clients(rig, 20);
    for (const client of others) client.send({ find: 'a' });
    rig.clock.advance(300);
    assert.equal(rig.server.live.length, 3 + 2 + 1);
    assert.equal(rig.server.peak, 3 + 2 + 1);
    assert.equal(rig.cluster.upstreamConnections, 6);
    assert.deepEqual(
      rig.cluster.snapshot().map(({ lane, busy, waiters, state }) => ({ lane, busy, waiters, state })),
      [
        { lane: 'ordinary', busy: 3, waiters: 17, state: 'up' },
        { lane: 'await', busy: 2, waiters: 18, state: 'up' },
        { lane: 'monitor', busy: 0, waiters: 0, state: 'up' },
      ],
    );
  });

  test('those of the monitor are counted like the others', () => {
    const rig = startRig();
    const monitor = (): unknown => {
      const row = rig.cluster.snapshot().find(({ lane }) => lane === 'monitor');
      return { idle: row?.idle, connects: row?.connects, closed: row?.closed };
    };
    assert.deepEqual(monitor(), { idle: 1, connects: 1, closed: {} });
    rig.server.live.find(({ isMonitor }) => isMonitor)?.socket.hangUp();
    rig.clock.advance(2000);
    rig.settle();
    assert.deepEqual(monitor(), { idle: 1, connects: 2, closed: { peer_closed: 1 } });
  });

  test('a malformed hello on a pool connection costs that connection only', () => {
    const rig = startRig();
    const [client] = clients(rig, 1);
    assert.ok(client);
    rig.server.answersHello = false;
    client.send({ find: 'a' });
    const hello = rig.server.silentHellos.shift();
    assert.ok(hello);
    rig.server.answersHello = true;
    hello.connection.socket.feed(malformedHello(hello.requestId));
    rig.clock.advance(1000);
    assert.equal(hello.connection.isGone, true);
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(client.last['ok'], 1);
  });

  test('stop leaves no connection and no timer', () => {
    const rig = startRig();
    for (const client of clients(rig, 20)) client.send({ find: 'a', maxTimeMS: 3000 });
    rig.cluster.stop();
    rig.settle();
    assert.equal(rig.server.live.length, 0);
    assert.equal(rig.clock.timers, 0);
    assert.equal(rig.table.totals.active, 0);
  });
});
