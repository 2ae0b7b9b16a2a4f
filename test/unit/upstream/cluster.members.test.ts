// A replica set through the whole proxy: its primary moves, its members come and go. What the topology makes of answers is
// topology.test.ts, several mongos are cluster.mongos.test.ts. Invariants tested: new work goes to members that take it and
// waits while there is none; a member sees at most its lanes and one monitor; a loss costs only what that member had.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeSet } from '../../support/fake-set.ts';
import { makeRig, type Rig, type RigOptions, startRig } from '../../support/rig.ts';
import { batchReply, cursorReply, inTransaction, session, type TestClient } from '../../support/test-client.ts';

interface SetRig {
  readonly rig: Rig;
  readonly set: FakeSet;
  readonly client: TestClient;
}

/** A set of a, b and c with primary a, found from all three seeds or from those given. */
function startSet(options: RigOptions = {}): SetRig {
  const rig = makeRig({ seeds: FakeSet.seeds('a', 'b', 'c'), ...options });
  const set = new FakeSet(rig.server);
  rig.cluster.start();
  rig.clock.advance(600);
  return { rig, set, client: rig.app('shop') };
}

const hostOf = (rig: Rig, name: string): string => rig.server.take(name).connection.host;
const states = (rig: Rig): string[] =>
  rig.cluster.members().map(({ address, type, isInWindow }) => `${address} ${type}${isInWindow ? ' *' : ''}`);

describe('a replica set', () => {
  for (const seeds of [['a'], ['b'], ['c', 'b']]) {
    test(`is found from ${seeds.join(' and ')}`, () => {
      const { rig, client } = startSet({ seeds: FakeSet.seeds(...seeds) });
      client.send({ find: 'x' });
      assert.equal(hostOf(rig, 'find'), 'a');
      assert.deepEqual(states(rig).toSorted(), ['a:27017 primary *', 'b:27017 secondary', 'c:27017 secondary']);
    });
  }

  test('of another name is not used', () => {
    const { rig } = startSet({ replicaSet: 'other' });
    assert.equal(rig.cluster.isUp, false);
    assert.equal(rig.server.pooled.length, 0);
  });

  test('has one monitor connection to each member, and a pool to the primary only', () => {
    const { rig } = startSet({ pool: { maxConnections: 3 } });
    for (const client of Array.from({ length: 10 }, () => rig.app('shop'))) client.send({ find: 'x' });
    rig.clock.advance(100);
    const counts = ['a', 'b', 'c'].map((host) => rig.server.liveAt(host).length);
    assert.deepEqual(counts, [3 + 1, 1, 1]);
    assert.equal(rig.cluster.upstreamConnections, 6);
  });

  test('directly: its only seed is used as it is', () => {
    const { rig, client } = startSet({ seeds: FakeSet.seeds('a'), cluster: { directConnection: true } });
    client.send({ find: 'x' });
    assert.equal(hostOf(rig, 'find'), 'a');
    assert.deepEqual(states(rig), ['a:27017 primary *']);
  });

  test('hello tells of the least wire version that a live member has', () => {
    const { rig, set, client } = startSet();
    set.say('c', { maxWireVersion: 21 });
    rig.clock.advance(10_000);
    client.send({ hello: 1, $db: 'admin' });
    assert.equal(client.last['maxWireVersion'], 21);
    set.kill('c');
    rig.clock.advance(10_000);
    client.send({ hello: 1, $db: 'admin' });
    assert.equal(client.last['maxWireVersion'], 25);
  });
});

describe('a primary that is killed', () => {
  test('what runs there gets 6, what comes then waits for the next one', () => {
    const { rig, set, client } = startSet();
    const other = rig.app('shop');
    client.send({ insert: 'x', lsid: session(1), txnNumber: 1n });
    rig.server.take('insert');
    set.kill('a');
    rig.settle();
    assert.equal(client.last['code'], 6);
    assert.deepEqual(client.last['errorLabels'], ['RetryableWriteError']);
    rig.clock.advance(200);
    other.send({ find: 'x' });
    rig.clock.advance(2000);
    assert.equal(rig.server.open('find').length, 0);
    set.elect('b');
    rig.clock.advance(600);
    assert.equal(hostOf(rig, 'find'), 'b');
    rig.answer('find', cursorReply(0, 'x'));
    assert.equal(other.last['ok'], 1);
  });

  test('those who waited in its queue go on at the next one, in their order', () => {
    const { rig, set } = startSet({ pool: { maxConnections: 1 } });
    const clients = Array.from({ length: 4 }, () => rig.app('shop'));
    for (const [index, client] of clients.entries()) client.send({ find: `f${index}` });
    rig.clock.advance(10);
    set.kill('a');
    set.elect('b');
    rig.clock.advance(1000);
    const seen: unknown[] = [];
    for (let i = 0; i < 3; i++) seen.push(rig.answer('find', cursorReply(0, 'x')).document['find'] as string);
    assert.deepEqual(seen, ['f1', 'f2', 'f3']);
    assert.deepEqual(
      clients.map((client) => Number(client.last['ok'])),
      [0, 1, 1, 1],
    );
  });

  test('with nobody after it: 6 with NoWritesPerformed at the deadline', () => {
    const { rig, set, client } = startSet();
    set.kill('a');
    rig.clock.advance(100);
    client.send({ insert: 'x' });
    client.send({ hello: 1, $db: 'admin' });
    rig.clock.advance(4900);
    assert.equal(
      client.replies.some(({ document }) => document['code'] === 6),
      false,
    );
    rig.clock.advance(200);
    const refused = client.replies.find(({ document }) => document['code'] === 6);
    assert.deepEqual(refused?.document['errorLabels'], ['NoWritesPerformed']);
  });

  test('its cursors are gone at once when another is elected, and only its own', () => {
    const { rig, set, client } = startSet();
    const lsid = session(1);
    client.send({ find: 'x', lsid });
    rig.answer('find', cursorReply(7, 'x'));
    set.kill('a');
    set.elect('b');
    rig.clock.advance(1000);
    client.send({ find: 'y', lsid });
    rig.answer('find', cursorReply(8, 'y'));
    client.send({ getMore: 7n, collection: 'x', lsid });
    assert.equal(client.last['code'], 43);
    client.send({ getMore: 8n, collection: 'y', lsid });
    assert.equal(rig.answer('getMore', batchReply(0, 'y')).connection.host, 'b');
    assert.equal(client.last['ok'], 1);
  });

  test('comes back as a secondary: nothing goes there', () => {
    const { rig, set, client } = startSet();
    set.kill('a');
    set.elect('b');
    rig.clock.advance(1000);
    set.start('a');
    rig.clock.advance(12_000);
    client.send({ find: 'x' });
    assert.equal(hostOf(rig, 'find'), 'b');
    assert.deepEqual(states(rig), ['a:27017 secondary', 'b:27017 primary *', 'c:27017 secondary']);
    assert.equal(rig.server.liveAt('a').length, 1);
  });
});

describe('a primary that steps down', () => {
  test('says so in an error: nothing more goes there, and the next one is found within one check', () => {
    const { rig, set, client } = startSet();
    const other = rig.app('shop');
    rig.clock.advance(9300);
    client.send({ insert: 'x', lsid: session(1), txnNumber: 1n });
    rig.clock.advance(300);
    set.elect('b');
    rig.server.take('insert').reply({ ok: 0, code: 10_107, codeName: 'NotWritablePrimary', errmsg: 'not primary' });
    rig.settle();
    assert.equal(client.last['code'], 6, 'rewritten');
    other.send({ find: 'x' });
    assert.equal(rig.server.open('find').length, 0, 'it waits');
    rig.clock.advance(500);
    assert.equal(hostOf(rig, 'find'), 'b');
  });

  test('that was a false alarm: it goes on', () => {
    const { rig, client } = startSet();
    rig.clock.advance(5000);
    client.send({ insert: 'x' });
    rig.server.take('insert').reply({ ok: 0, code: 10_107, codeName: 'NotWritablePrimary', errmsg: 'not primary' });
    rig.settle();
    client.send({ find: 'x' });
    rig.clock.advance(0);
    assert.equal(hostOf(rig, 'find'), 'a');
  });

  test('a heartbeat tells it too; its idle connections end, busy ones after their answer', () => {
    const { rig, set, client } = startSet();
    const [idle] = [rig.app('shop')];
    client.send({ find: 'busy' });
    idle.send({ find: 'idle' });
    rig.clock.advance(10);
    rig.server.open('find')[1]?.reply(cursorReply(0, 'x'));
    set.elect('b');
    rig.clock.advance(10_500);
    assert.equal(rig.server.liveAt('a').length, 1 + 1);
    rig.answer('find', cursorReply(0, 'x'));
    assert.equal(client.last['ok'], 1);
    assert.equal(rig.server.liveAt('a').length, 1);
  });

  test('its cursors live on, and are asked there', () => {
    const { rig, set, client } = startSet();
    const lsid = session(1);
    client.send({ find: 'x', lsid });
    rig.answer('find', cursorReply(7, 'x'));
    set.elect('b');
    rig.clock.advance(10_500);
    client.send({ getMore: 7n, collection: 'x', lsid });
    rig.clock.advance(10);
    assert.equal(rig.answer('getMore', batchReply(7, 'x')).connection.host, 'a');
    assert.equal(client.last['ok'], 1);
    client.send({ killCursors: 'x', cursors: [7n], lsid });
    rig.clock.advance(10);
    assert.equal(hostOf(rig, 'killCursors'), 'a');
  });

  test('a connection that a cursor needs there is not given up by a heartbeat, however long it takes to make', () => {
    const { rig, set, client } = startSet();
    client.send({ find: 'x' });
    rig.answer('find', cursorReply(9, 'x'));
    set.elect(null);
    rig.clock.advance(11_000);
    rig.server.hosts.set('a', { ...rig.server.hosts.get('a'), answersHello: false });
    client.send({ getMore: 9n, collection: 'x' });
    rig.clock.advance(0);
    const [own] = rig.server.silentHellos.splice(0);
    // Nobody is primary, so each member is asked twice a second.
    for (let ms = 0; ms < 2000; ms += 100) {
      rig.clock.advance(100);
      for (const hello of rig.server.silentHellos.splice(0)) hello.reply(rig.server.helloDocument('a'));
    }
    assert.equal(own?.connection.isGone, false);
    own?.reply(rig.server.helloDocument('a'));
    rig.settle();
    rig.answer('getMore', batchReply(0, 'x'));
    assert.equal(client.last['ok'], 1);
  });

  test('no connection is kept to it: one that a cursor needed ends with the next heartbeat', () => {
    const { rig, set, client } = startSet({ pool: { minConnections: 2 } });
    const lsid = session(1);
    client.send({ find: 'x', lsid });
    rig.answer('find', cursorReply(7, 'x'));
    set.elect('b');
    rig.clock.advance(10_500);
    client.send({ getMore: 7n, collection: 'x', lsid });
    rig.clock.advance(10);
    rig.answer('getMore', batchReply(7, 'x'));
    assert.equal(rig.server.liveAt('a').length, 2);
    rig.clock.advance(10_000);
    assert.equal(rig.server.liveAt('a').length, 1);
    assert.equal(rig.server.liveAt('b').length, 1 + 2, 'the minimum is kept where the work is');
  });
});

describe('a transaction across a failover', () => {
  function begun(): SetRig {
    const started = startSet();
    started.client.send({ insert: 'x', ...inTransaction(session(1), 1, true) });
    started.rig.answer('insert', { n: 1 });
    return started;
  }

  test('a statement goes to the new primary, which says that it knows no such transaction', () => {
    const { rig, set, client } = begun();
    set.elect('b');
    rig.clock.advance(10_500);
    client.send({ insert: 'x', ...inTransaction(session(1), 1) });
    rig.clock.advance(10);
    const request = rig.server.take('insert');
    assert.equal(request.connection.host, 'b');
    request.reply({ ok: 0, code: 251, errmsg: 'no such transaction', errorLabels: ['TransientTransactionError'] });
    rig.settle();
    assert.deepEqual(client.last['errorLabels'], ['TransientTransactionError']);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
  });

  for (const how of ['steps down', 'dies'] as const) {
    test(`its commit finds the new primary after the old one ${how}`, () => {
      const { rig, set, client } = begun();
      const commit = { commitTransaction: 1, ...inTransaction(session(1), 1), $db: 'admin' };
      client.send(commit);
      set.elect('b');
      if (how === 'dies') {
        set.kill('a');
        rig.settle();
        assert.deepEqual(client.last['errorLabels'], ['RetryableWriteError']);
      } else {
        rig.server
          .take('commitTransaction')
          .reply({ ok: 0, code: 10_107, errmsg: 'no', errorLabels: ['RetryableWriteError'] });
        rig.settle();
      }
      client.send(commit);
      rig.clock.advance(2000);
      const again = rig.server.take('commitTransaction');
      assert.equal(again.connection.host, 'b');
      again.reply({});
      rig.settle();
      assert.equal(client.last['ok'], 1);
      assert.equal(rig.dispatcher.router.transactions.size, 0);
    });
  }
});

describe('a member that is silent', () => {
  test('loses its connections and its cursors, once others serve; its own return changes nothing for them', () => {
    const { rig, set, client } = startSet();
    const lsid = session(1);
    client.send({ find: 'x', lsid });
    rig.answer('find', cursorReply(7, 'x'));
    set.silence('a');
    set.elect('b');
    rig.clock.advance(25_000);
    assert.equal(rig.dispatcher.router.cursors.size, 0);
    assert.equal(rig.server.liveAt('a').filter((connection) => !connection.isMonitor).length, 0);
    client.send({ find: 'y' });
    assert.equal(hostOf(rig, 'find'), 'b');
  });
});

describe('a member that is taken out of the set', () => {
  test('is let go: no connection is left, its cursors are not found', () => {
    const { rig, set, client } = startSet();
    const lsid = session(1);
    client.send({ find: 'x', lsid });
    rig.answer('find', cursorReply(7, 'x'));
    set.elect('b');
    for (const host of ['b', 'c']) set.say(host, { hosts: ['b:27017', 'c:27017'] });
    rig.clock.advance(11_000);
    assert.equal(rig.server.liveAt('a').length, 0);
    assert.deepEqual(states(rig), ['b:27017 primary *', 'c:27017 secondary']);
    client.send({ getMore: 7n, collection: 'x', lsid });
    assert.equal(client.last['code'], 43);
    assert.equal(rig.cluster.closedFor('endpoint_changed'), 1, 'what it counted stays counted');
  });
});

describe('pause and reconnect', () => {
  test('a pause holds for members that come later as well', () => {
    const { rig, set, client } = startSet();
    rig.cluster.pause();
    set.kill('a');
    set.elect('b');
    rig.clock.advance(1000);
    client.send({ find: 'x' });
    rig.clock.advance(1000);
    assert.equal(rig.server.open('find').length, 0);
    rig.cluster.resume();
    rig.clock.advance(10);
    assert.equal(hostOf(rig, 'find'), 'b');
  });

  test('stop leaves no connection and no timer, whoever waits', () => {
    const { rig, set, client } = startSet();
    client.send({ find: 'x' });
    set.kill('a');
    rig.clock.advance(100);
    rig.app('shop').send({ find: 'y', maxTimeMS: 3000 });
    rig.cluster.stop();
    rig.settle();
    assert.equal(rig.server.live.length, 0);
    assert.equal(rig.clock.timers, 0);
    assert.equal(rig.table.totals.active, 0);
  });
});

describe('one server', () => {
  test('shows its lanes, its monitor and those who wait for it', () => {
    const rig = startRig();
    const client = rig.app('shop');
    rig.server.kill();
    rig.clock.advance(100);
    client.send({ find: 'x' });
    assert.deepEqual(
      rig.cluster.snapshot().map(({ endpoint, lane, state, waiters }) => ({ endpoint, lane, state, waiters })),
      [
        { endpoint: 'db:27017', lane: 'ordinary', state: 'down', waiters: 1 },
        { endpoint: 'db:27017', lane: 'await', state: 'down', waiters: 0 },
        { endpoint: 'db:27017', lane: 'monitor', state: 'down', waiters: 0 },
      ],
    );
  });
});
