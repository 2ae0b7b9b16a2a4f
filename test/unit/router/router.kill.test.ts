// Operations that a person ends (weir kill operation): in the queue, at the server, in a transaction, on a cursor.
// Invariants tested: its client is told once, 11601; what the server still says goes to nobody; nothing that it opened stays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientConnection } from '../../../src/downstream/client-connection.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { batchReply, cursorReply, FLAG, inTransaction, session, type TestClient } from '../../support/test-client.ts';

const ONE = { pool: { maxConnections: 1 } };

function connectionOf(rig: Rig, client: TestClient): ClientConnection {
  const found = [...rig.downstream.connections].find(({ remotePort }) => remotePort === client.socket.remotePort);
  assert.ok(found);
  return found;
}

/** Ends what the client is doing, and ends the turn. */
function kill(rig: Rig, client: TestClient): string {
  const connection = connectionOf(rig, client);
  const number = Number(connection.current()?.id.split('.')[1] ?? 0);
  const how = connection.killOperation(number);
  rig.settle();
  return how;
}

const rowOf = (rig: Rig, command: string) => rig.table.rows().find((row) => row.command === command);

describe('killed in the queue', () => {
  test('it leaves, its client is told, and the next one gets its turn', () => {
    const rig = startRig(ONE);
    rig.app('busy').send({ count: 'a' });
    const [killed, next] = [rig.app('killed'), rig.app('next')];
    killed.send({ find: 'never' });
    next.send({ distinct: 'a' });
    rig.clock.advance(100);
    assert.equal(kill(rig, killed), 'left_queue');
    assert.deepEqual([killed.last['code'], killed.last['codeName']], [11_601, 'Interrupted']);
    assert.deepEqual(killed.last['errorLabels'], ['NoWritesPerformed']);
    const row = rowOf(rig, 'find');
    assert.deepEqual([row?.countOf('killed'), row?.active, rig.cluster.snapshot()[0]?.waiters], [1, 0, 1]);
    rig.answer('count', { n: 1 });
    rig.answer('distinct', { values: [] });
    assert.equal(next.last['ok'], 1);
    assert.equal(
      rig.server.requests.some(({ name }) => name === 'find'),
      false,
    );
    assert.equal(killed.replies.length, 2, 'hello and the error');
  });

  test('a commit leaves its transaction as open as before', () => {
    const rig = startRig(ONE);
    const killed = rig.app('killed');
    killed.send({ insert: 'a', ...inTransaction(session(1), 1, true) });
    rig.answer('insert', { n: 1 });
    rig.app('busy').send({ count: 'a' });
    killed.send({ commitTransaction: 1, ...inTransaction(session(1), 1), $db: 'admin' });
    assert.equal(kill(rig, killed), 'left_queue');
    killed.close();
    rig.answer('count', { n: 1 });
    rig.clock.advance(40_000);
    assert.equal(rig.server.open('abortTransaction').length, 1, 'an orphan, as any other');
  });

  test('a write that wants no answer leaves without a word', () => {
    const rig = startRig(ONE);
    rig.app('busy').send({ count: 'a' });
    const killed = rig.app('killed');
    killed.send({ insert: 'logs', documents: [{}] }, FLAG.moreToCome);
    assert.equal(kill(rig, killed), 'left_queue');
    assert.deepEqual([killed.replies.length, rowOf(rig, 'insert')?.countOf('killed')], [1, 1]);
    killed.send({ ping: 1, $db: 'admin' });
    assert.equal(killed.last['ok'], 1);
  });
});

describe('killed at the server', () => {
  test('its client is told at once and goes on; the late answer goes to nobody', () => {
    const rig = startRig({ pool: { maxConnections: 2 } });
    const killed = rig.app('killed');
    killed.send({ find: 'slow' });
    rig.clock.advance(250);
    const late = rig.server.take('find');
    assert.equal(kill(rig, killed), 'answered');
    assert.deepEqual([killed.last['code'], killed.last['errorLabels'] ?? []], [11_601, []]);
    killed.send({ count: 'quick' });
    late.reply(cursorReply(0, 'slow', [{ secret: 1 }]));
    rig.settle();
    rig.answer('count', { n: 7 });
    assert.deepEqual(
      killed.replies.slice(1).map(({ document }) => Number(document['n'] ?? document['code'])),
      [11_601, 7],
    );
    assert.equal(rowOf(rig, 'find')?.countOf('killed'), 1);
    assert.equal(rig.cluster.snapshot()[0]?.busy, 0, 'both connections are free again');
    assert.equal(rig.server.pooled.length, 2, 'and alive');
  });

  test('a server that never answers costs its connection after 30 s', () => {
    const rig = startRig();
    const killed = rig.app('killed');
    killed.send({ find: 'slow' });
    kill(rig, killed);
    rig.clock.advance(30_000);
    assert.deepEqual([rig.server.pooled.length, rig.cluster.closedFor('abandoned')], [0, 1]);
    assert.equal(killed.replies.length, 2);
    assert.equal(killed.isClosed, false);
  });

  test('and the connection is lost: nothing more is said', () => {
    const rig = startRig();
    const killed = rig.app('killed');
    killed.send({ find: 'slow' });
    kill(rig, killed);
    rig.server.pooled[0]?.socket.hangUp();
    rig.settle();
    assert.equal(killed.replies.length, 2);
  });

  test('a cursor that it opened is killed', () => {
    const rig = startRig();
    const killed = rig.app('killed');
    killed.send({ find: 'goods' });
    kill(rig, killed);
    rig.answer('find', cursorReply(77, 'goods', [{ a: 1 }]));
    assert.equal(rig.dispatcher.router.cursors.size, 0);
    assert.deepEqual(rig.server.take('killCursors').document['cursors'], [77]);
  });

  test('the cursor of a getMore is killed, whether it lives on or not', () => {
    for (const [left, kills] of [
      [5, 1],
      [0, 0],
    ] as const) {
      const rig = startRig();
      const killed = rig.app('killed');
      killed.send({ find: 'goods' });
      rig.answer('find', cursorReply(5, 'goods'));
      killed.send({ getMore: 5n, collection: 'goods' });
      kill(rig, killed);
      rig.answer('getMore', batchReply(left, 'goods'));
      assert.deepEqual([rig.dispatcher.router.cursors.size, rig.server.open('killCursors').length], [0, kills]);
    }
  });

  test('the transaction of its statement is aborted, the first one included', () => {
    for (const first of [true, false]) {
      const rig = startRig();
      const killed = rig.app('killed');
      if (!first) {
        killed.send({ find: 'goods', ...inTransaction(session(1), 1, true) });
        rig.answer('find', cursorReply(0, 'goods'));
      }
      killed.send({ count: 'goods', ...inTransaction(session(1), 1, first) });
      assert.equal(kill(rig, killed), 'answered');
      rig.answer('count', { n: 1 });
      assert.equal(rig.dispatcher.router.transactions.size, 0);
      const abort = rig.server.take('abortTransaction').document;
      assert.deepEqual([Number(abort['txnNumber']), abort['autocommit']], [1, false]);
    }
  });

  test('a write that wants no answer cannot be ended: its client waits for it', () => {
    const rig = startRig();
    const client = rig.app('client');
    client.send({ insert: 'logs', documents: [{}] }, FLAG.moreToCome);
    assert.equal(kill(rig, client), 'unanswerable');
    client.send({ count: 'logs' });
    assert.equal(rig.server.open('count').length, 0, 'behind the fence');
  });
});

test('what is over, or weir itself answers, is not killed', () => {
  const rig = startRig(ONE);
  const client = rig.app('client');
  client.send({ count: 'a' });
  const connection = connectionOf(rig, client);
  assert.equal(connection.killOperation(1), 'over', 'that was the hello');
  rig.answer('count', { n: 1 });
  assert.equal(connection.killOperation(2), 'over');
  assert.deepEqual(
    client.replies.map(({ document }) => Number(document['ok'])),
    [1, 1],
  );
});

test('what an operation is doing can be seen', () => {
  const rig = startRig(ONE);
  const [first, second] = [rig.app('first'), rig.app('second')];
  first.send({ find: 'orders', comment: 'Orders.list' });
  rig.clock.advance(40);
  second.send({ count: 'a\u001b[2J' });
  rig.clock.advance(60);
  const seen = [first, second].map((client) => connectionOf(rig, client).current());
  assert.deepEqual(
    seen.map((current) => [current?.state, current?.ms, current?.waitedMs, current?.command, current?.callSite]),
    [
      ['at_server', 100, 0, 'find', 'Orders.list'],
      ['waiting', 60, 60, 'count', '-'],
    ],
  );
  assert.equal(seen[0]?.namespace, 'shop.orders');
  assert.equal(seen[1]?.namespace, 'shop.a\u{fffd}[2J');
  rig.answer('find', cursorReply(0, 'orders'));
  assert.deepEqual(
    [first, second].map((client) => connectionOf(rig, client).current()?.waitedMs),
    [undefined, 60],
  );
});
