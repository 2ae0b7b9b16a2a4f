// What clients own that said loadBalanced: their drivers pin cursors and transactions to one connection, so that
// connection is the owner. Owners of everybody else are router.cursors.test.ts and clean-up.test.ts.
// Invariants tested: nobody else touches its cursors, not even with its session; all it has open ends when it closes, at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BsonDocument } from '../../../codecs/index.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { batchReply, cursorReply, inTransaction, session, type TestClient } from '../../support/test-client.ts';

function balanced(rig: Rig): TestClient {
  const client = rig.connectClient('10.0.0.1');
  client.hello('shop', { loadBalanced: true });
  return client;
}

function openCursor(rig: Rig, client: TestClient, id: number, fields: BsonDocument = {}): void {
  client.send({ find: 'goods', ...fields });
  rig.answer('find', cursorReply(id, 'goods'));
}

function openTransaction(rig: Rig, client: TestClient, number = 1): void {
  client.send({ insert: 'goods', ...inTransaction(session(number), 5, true) });
  rig.answer('insert', { n: 1 });
}

const killed = (rig: Rig): number[] =>
  rig.server.open('killCursors').flatMap((request) => request.document['cursors'] as number[]);

describe('a cursor of a connection', () => {
  const GET_MORE = { getMore: 7n, collection: 'goods' };
  for (const [what, fields] of [
    ['a session', { lsid: session(1) }],
    ['none', {}],
  ] as const) {
    test(`with ${what}: goes on there, and is 43 on a twin that knows as much`, () => {
      const rig = startRig();
      const [owner, twin] = [balanced(rig), balanced(rig)];
      openCursor(rig, owner, 7, fields);
      twin.send({ ...GET_MORE, ...fields });
      assert.deepEqual([twin.last['code'], twin.last['codeName']], [43, 'CursorNotFound']);
      rig.app('shop', '10.0.0.1').send({ ...GET_MORE, ...fields });
      assert.equal(rig.server.open('getMore').length, 0, 'nor on one that never said loadBalanced');
      owner.send({ ...GET_MORE, ...fields });
      rig.answer('getMore', batchReply(7, 'goods'));
      assert.equal(owner.last['ok'], 1);
    });

    test(`with ${what}: is killed by its connection only`, () => {
      const rig = startRig();
      const [owner, twin] = [balanced(rig), balanced(rig)];
      openCursor(rig, owner, 7, fields);
      twin.send({ killCursors: 'goods', cursors: [7n], ...fields });
      assert.deepEqual(twin.last['cursorsNotFound'], [7]);
      assert.deepEqual(killed(rig), []);
      owner.send({ killCursors: 'goods', cursors: [7n], ...fields });
      assert.deepEqual(killed(rig), [7]);
    });
  }

  test('ends with it at once, whatever twins are left; their own live on', () => {
    const rig = startRig();
    const [owner, twin] = [balanced(rig), balanced(rig)];
    openCursor(rig, owner, 7, { lsid: session(1) });
    openCursor(rig, twin, 8, { lsid: session(1) });
    owner.close();
    assert.deepEqual(killed(rig), [7]);
    twin.send({ getMore: 8n, collection: 'goods', lsid: session(1) });
    rig.answer('getMore', batchReply(8, 'goods'));
    assert.equal(twin.last['ok'], 1);
    twin.close();
    rig.answer('killCursors');
    rig.answer('killCursors');
    assert.equal(rig.dispatcher.router.cursors.size, 0);
    assert.equal(rig.dispatcher.router.cleanUp.pending, 0);
  });

  test('stays its own through later hellos, whatever they say', () => {
    const rig = startRig();
    const owner = rig.connectClient('10.0.0.1');
    owner.send({ hello: 1, loadBalanced: true, $db: 'admin' });
    openCursor(rig, owner, 7);
    owner.hello('shop', { loadBalanced: true });
    owner.send({ hello: 1, $db: 'admin' });
    assert.deepEqual(killed(rig), []);
    owner.send({ getMore: 7n, collection: 'goods' });
    rig.answer('getMore', batchReply(7, 'goods'));
    assert.equal(owner.last['ok'], 1);
  });

  test('that the server opened after it closed is killed at once', () => {
    const rig = startRig();
    const owner = balanced(rig);
    owner.send({ find: 'goods' });
    owner.close();
    rig.answer('find', cursorReply(7, 'goods'));
    assert.deepEqual(killed(rig), [7]);
    assert.equal(rig.dispatcher.router.cursors.size, 0);
  });
});

describe('a transaction of a connection', () => {
  const aborted = (rig: Rig): number[] =>
    rig.server.open('abortTransaction').map((request) => Number(request.document['txnNumber']));

  test('is aborted when it closes, at once, and its reserve is given back', () => {
    const rig = startRig({ pool: { maxConnections: 2, waitQueueTimeoutMs: 60_000 } });
    const [owner, other] = [balanced(rig), balanced(rig)];
    openTransaction(rig, owner);
    other.pipeline({ find: 'a' });
    const third = balanced(rig);
    third.send({ find: 'b' });
    assert.equal(rig.server.open('find').length, 1, 'one connection is kept for the transaction');
    owner.close();
    assert.deepEqual(aborted(rig), [5]);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
    rig.answer('abortTransaction');
    assert.equal(rig.server.open('find').length, 2);
  });

  test('whose first statement was under way is aborted as soon as the server has begun it', () => {
    const rig = startRig();
    const owner = balanced(rig);
    owner.send({ insert: 'goods', ...inTransaction(session(1), 5, true) });
    owner.close();
    assert.deepEqual(aborted(rig), []);
    rig.answer('insert', { n: 1 });
    assert.deepEqual(aborted(rig), [5]);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
  });

  test('whose commit is under way is left to the server: a driver sends it again elsewhere', () => {
    const rig = startRig();
    const [owner, next] = [balanced(rig), balanced(rig)];
    openTransaction(rig, owner);
    owner.send({ commitTransaction: 1, ...inTransaction(session(1), 5), $db: 'admin' });
    owner.close();
    assert.deepEqual(aborted(rig), []);
    next.send({ commitTransaction: 1, ...inTransaction(session(1), 5), $db: 'admin' });
    rig.answer('commitTransaction');
    rig.answer('commitTransaction');
    assert.deepEqual([next.last['ok'], aborted(rig)], [1, []]);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
  });

  test('does not end when another connection closes', () => {
    const rig = startRig();
    const [owner, other] = [balanced(rig), balanced(rig)];
    openTransaction(rig, owner, 1);
    openTransaction(rig, other, 2);
    other.close();
    assert.equal(rig.dispatcher.router.transactions.size, 1);
    owner.send({ commitTransaction: 1, ...inTransaction(session(1), 5), $db: 'admin' });
    rig.answer('commitTransaction');
    assert.equal(owner.last['ok'], 1);
  });
});
