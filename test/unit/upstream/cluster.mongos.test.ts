// Several mongos through the whole proxy: who is used, and what stays where it began.
// Invariant tested: a cursor or transaction never changes its mongos while that lives.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeSet } from '../../support/fake-set.ts';
import { makeRig, type Rig, type RigOptions } from '../../support/rig.ts';
import { cursorReply, inTransaction, session } from '../../support/test-client.ts';

/** Two mongos, `far` this many ms away. */
function startMongos(farMs = 0, options: RigOptions = {}): Rig {
  const rig = makeRig({ seeds: FakeSet.seeds('m', 'n'), ...options });
  for (const [host, processId] of [
    ['m', '64b64c2f1f1f1f1f1f1f1f0a'],
    ['n', '64b64c2f1f1f1f1f1f1f1f0b'],
  ] as const) {
    const hello = { msg: 'isdbgrid', setName: undefined };
    rig.server.hosts.set(host, { hello, processId, answersHello: host === 'm' || farMs === 0 });
  }
  rig.cluster.start();
  rig.clock.advance(farMs);
  for (const hello of rig.server.silentHellos.splice(0)) hello.reply(rig.server.helloDocument('n'));
  rig.server.hosts.set('n', { ...rig.server.hosts.get('n'), answersHello: true });
  rig.clock.advance(0);
  return rig;
}

const hostOf = (rig: Rig, name: string): string => rig.server.take(name).connection.host;
const states = (rig: Rig): string[] =>
  rig.cluster.members().map(({ address, type, isInWindow }) => `${address} ${type}${isInWindow ? ' *' : ''}`);

describe('several mongos', () => {
  test('share the work: the least busy one is next', () => {
    const rig = startMongos();
    for (const client of Array.from({ length: 6 }, () => rig.app('shop'))) client.send({ find: 'x' });
    rig.clock.advance(10);
    const hosts = rig.server.open('find').map(({ connection }) => connection.host);
    assert.deepEqual(hosts.toSorted(), ['m', 'm', 'm', 'n', 'n', 'n']);
    assert.deepEqual(states(rig), ['m:27017 mongos *', 'n:27017 mongos *']);
  });

  for (const [thresholdMs, expected] of [
    [undefined, ['m:27017 mongos *', 'n:27017 mongos']],
    [50, ['m:27017 mongos *', 'n:27017 mongos *']],
  ] as const) {
    test(`one that is 40 ms away, with a window of ${thresholdMs ?? 15} ms`, () => {
      const rig = startMongos(40, thresholdMs === undefined ? {} : { cluster: { localThresholdMs: thresholdMs } });
      assert.deepEqual(states(rig), expected);
    });
  }

  test('a far one is used when the near one is lost', () => {
    const rig = startMongos(40);
    rig.server.hosts.set('m', { ...rig.server.hosts.get('m'), isAccepting: false });
    for (const connection of rig.server.liveAt('m')) connection.socket.hangUp();
    rig.clock.advance(10);
    rig.app('shop').send({ find: 'x' });
    assert.equal(hostOf(rig, 'find'), 'n');
  });

  test('cursors and transactions stay where they began; the commit of a lost one goes to another', () => {
    const rig = startMongos();
    const clients = [rig.app('shop'), rig.app('shop')];
    for (const [index, client] of clients.entries())
      client.send({ insert: 'x', ...inTransaction(session(index), 1, true) });
    rig.clock.advance(10);
    const began = rig.server.open('insert').map((request) => {
      request.reply({ n: 1 });
      return request.connection.host;
    });
    rig.settle();
    assert.deepEqual(began.toSorted(), ['m', 'n']);
    for (let round = 0; round < 3; round++) {
      for (const [index, client] of clients.entries()) {
        client.send({ insert: 'x', ...inTransaction(session(index), 1) });
        assert.equal(rig.answer('insert', { n: 1 }).connection.host, began[index]);
      }
    }
    const lost = began[0] ?? '';
    rig.server.hosts.set(lost, { ...rig.server.hosts.get(lost), isAccepting: false });
    for (const connection of rig.server.liveAt(lost)) connection.socket.hangUp();
    rig.clock.advance(1000);
    clients[0]?.send({ insert: 'x', ...inTransaction(session(0), 1) });
    assert.deepEqual(clients[0]?.last['errorLabels'], ['TransientTransactionError', 'NoWritesPerformed'].slice(0, 2));
    clients[0]?.send({ commitTransaction: 1, ...inTransaction(session(0), 1), recoveryToken: {}, $db: 'admin' });
    assert.equal(rig.server.take('commitTransaction').connection.host, began[1]);
  });

  test('whoever waits at one that is lost is told, and does not wait on', () => {
    const rig = startMongos(0, { pool: { awaitConnections: 1 } });
    const clients = [1, 2, 3].map((number) => {
      const client = rig.app('watch');
      client.send({ aggregate: 'x', pipeline: [{ $changeStream: {} }], cursor: {}, lsid: session(number) });
      return { client, number, host: rig.answer('aggregate', cursorReply(number, 'x')).connection.host };
    });
    const lost = clients[0]?.host ?? '';
    assert.ok(clients.every(({ host }) => host === lost));
    for (const { client, number } of clients) {
      client.send({ getMore: BigInt(number), collection: 'x', lsid: session(number), maxTimeMS: 600_000 });
    }
    assert.equal(rig.server.open('getMore').length, 1);
    rig.server.hosts.set(lost, { ...rig.server.hosts.get(lost), isAccepting: false });
    for (const connection of rig.server.liveAt(lost)) connection.socket.hangUp();
    rig.clock.advance(1000);
    assert.deepEqual(
      clients.map(({ client }) => Number(client.last['code'])),
      [6, 43, 43],
    );
  });

  test('a commit that is sent again goes to the mongos that did it', () => {
    const rig = startMongos();
    const clients = Array.from({ length: 4 }, () => rig.app('shop'));
    for (const [index, client] of clients.entries()) {
      client.send({ insert: 'x', ...inTransaction(session(index), 1, true) });
      const { host } = rig.answer('insert', { n: 1 }).connection;
      const commit = { commitTransaction: 1, ...inTransaction(session(index), 1), $db: 'admin' };
      for (let round = 0; round < 3; round++) {
        client.send(commit);
        assert.equal(rig.answer('commitTransaction').connection.host, host);
      }
    }
  });
});
