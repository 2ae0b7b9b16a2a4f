// Clients that leave with an operation on its way: their place in the queue, what is learned all the same, and the
// connection that a silent server would hold for ever. Invariants tested: the operation is finished once, as
// client_gone; nobody else waits longer because of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Rig, startRig } from '../../support/rig.ts';
import { cursorReply, session, type TestClient } from '../../support/test-client.ts';

const rowOf = (rig: Rig, command: string) => rig.table.rows().find((row) => row.command === command);

describe('a client that leaves while it waits', () => {
  test('leaves the queue at once', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    rig.app('busy').send({ count: 'a' });
    const gone = rig.app('gone');
    gone.send({ find: 'never' });
    const next = rig.app('next');
    next.send({ distinct: 'a' });
    assert.equal(rig.cluster.snapshot()[0]?.waiters, 2);
    gone.close();
    assert.equal(rig.cluster.snapshot()[0]?.waiters, 1);
    assert.equal(rowOf(rig, 'find')?.countOf('client_gone'), 1);
    assert.equal(rowOf(rig, 'find')?.active, 0);
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.open('distinct').length, 1);
    assert.equal(
      rig.server.requests.some((request) => request.name === 'find'),
      false,
    );
  });

  test('in hundreds leaves nothing behind', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    rig.app('busy').send({ count: 'a' });
    const timers = rig.clock.timers;
    for (let i = 0; i < 500; i++) {
      const client = rig.app('gone');
      client.send({ find: 'never', maxTimeMS: 4000 });
      client.close();
    }
    assert.equal(rig.cluster.snapshot()[0]?.waiters, 0);
    assert.ok(rig.clock.timers - timers <= 64, `${rig.clock.timers - timers} timers`);
    assert.equal(rowOf(rig, 'find')?.countOf('client_gone'), 500);
    assert.equal(rig.downstream.connections.size, 1);
  });
});

describe('a client that leaves while the server works', () => {
  test('leaves the connection in use; the reply is learned from and goes nowhere', () => {
    const rig = startRig();
    rig.app('shop');
    const gone = rig.app('shop');
    gone.send({ find: 'goods' });
    gone.close();
    assert.equal(rowOf(rig, 'find')?.active, 1, 'it is still running');
    rig.answer('find', cursorReply(3, 'goods', [{ a: 1 }, { a: 2 }]));
    assert.equal(rowOf(rig, 'find')?.countOf('client_gone'), 1);
    assert.equal(rowOf(rig, 'find')?.documentsReturned, 2);
    assert.equal(rig.server.pooled[0]?.isGone, false, 'the connection lives on');
  });

  test('a cursor that its reply opens is killed at once: nobody knows of it', () => {
    const rig = startRig();
    rig.app('shop');
    const gone = rig.app('shop');
    gone.send({ find: 'goods', lsid: session(1) });
    gone.close();
    rig.answer('find', cursorReply(3, 'goods', [{ a: 1 }]));
    assert.deepEqual(rig.server.take('killCursors').document['cursors'], [3]);
    assert.equal(rig.dispatcher.router.cursors.size, 0);
  });

  test('is given up with its connection after 30 s', () => {
    const rig = startRig();
    const gone = rig.app('shop');
    gone.send({ find: 'goods' });
    gone.close();
    rig.clock.advance(29_999);
    assert.equal(rig.server.pooled.length, 1);
    rig.clock.advance(1);
    assert.equal(rig.server.pooled.length, 0);
    assert.equal(rig.cluster.closedFor('abandoned'), 1);
    assert.equal(rowOf(rig, 'find')?.countOf('client_gone'), 1);
    assert.equal(rowOf(rig, 'find')?.active, 0);
  });

  test('behind another one, too, as soon as it comes first', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const clients = Array.from({ length: 40 }, () => rig.app('shop'));
    const [stays, gone] = clients;
    assert.ok(stays !== undefined && gone !== undefined);
    const ask = (client: TestClient): number => client.send({ find: 'goods', filter: { a: 1 } });
    for (let round = 0; round < 300 && (rig.cluster.snapshot()[0]?.depth ?? 1) < 2; round++) {
      clients.forEach(ask);
      for (let open = rig.server.open('find'); open.length > 0; open = rig.server.open('find')) {
        rig.clock.advance(2);
        for (const request of open) request.reply(cursorReply(0, 'goods'));
        rig.settle();
      }
    }
    ask(stays);
    ask(gone);
    assert.equal(rig.server.open('find').length, 2, 'they share a connection');
    gone.close();
    rig.clock.advance(31_000);
    rig.answer('find', cursorReply(0, 'goods'));
    assert.equal(rig.cluster.closedFor('abandoned'), 0);
    rig.clock.advance(30_000);
    assert.equal(rig.cluster.closedFor('abandoned'), 1);
    assert.equal(rowOf(rig, 'find')?.active, 0);
  });

  test('an answer in time stops that clock: a later user of the connection is safe', () => {
    const rig = startRig();
    const gone = rig.app('shop');
    gone.send({ find: 'goods' });
    gone.close();
    rig.clock.advance(29_000);
    rig.answer('find', cursorReply(0, 'goods'));
    const next = rig.app('next');
    next.send({ count: 'slow' });
    rig.clock.advance(60_000);
    assert.equal(rig.server.pooled.length, 1);
    rig.answer('count', { n: 1 });
    assert.equal(next.last['ok'], 1);
    assert.equal(rig.cluster.closedFor('abandoned'), 0);
  });

  test('and the connection is lost: finished once, as client_gone', () => {
    const rig = startRig();
    const gone = rig.app('shop');
    gone.send({ find: 'goods' });
    gone.close();
    rig.server.pooled[0]?.socket.hangUp();
    rig.clock.advance(60_000);
    assert.equal(rowOf(rig, 'find')?.operations, 1);
    assert.equal(rowOf(rig, 'find')?.countOf('client_gone'), 1);
  });

  test('a write is carried out and counted', () => {
    const rig = startRig();
    const gone = rig.app('shop');
    gone.send({ insert: 'goods' });
    gone.close();
    rig.answer('insert', { n: 3 });
    assert.equal(rowOf(rig, 'insert')?.documentsChanged, 3);
    assert.equal(rowOf(rig, 'insert')?.countOf('client_gone'), 1);
  });
});
