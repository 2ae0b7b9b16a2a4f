// Transactions: what makes one open, what closes it, and the connection that is kept for it.
// Orphans are clean-up.test.ts. Invariants tested: statements, commit and abort are never kept out by other work while a
// transaction is open and the cap is above 1; the count of open ones is right after every kind of end.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BsonDocument } from '../../../codecs/index.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { inTransaction, session, type TestClient } from '../../support/test-client.ts';

const LSID = session(1);

/** Sends the first statement of a transaction and answers it. */
function open(rig: Rig, client: TestClient, lsid: BsonDocument = LSID, txnNumber = 1): void {
  client.send({ update: 'stock', ...inTransaction(lsid, txnNumber, true) });
  rig.answer('update', { n: 1, nModified: 1 });
}

const openCount = (rig: Rig): number => rig.dispatcher.router.transactions.size;

describe('the reserved connection', () => {
  test('cap 8, one open transaction, 20 plain writes on its document: the commit goes first', () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client);
    const writers = Array.from({ length: 20 }, () => rig.app('writer'));
    // The server holds them: they wait for the lock of the transaction.
    for (const writer of writers) writer.send({ delete: 'stock' });
    assert.equal(rig.server.open('delete').length, 7);
    const sentMs = rig.clock.nowMs();
    client.send({ commitTransaction: 1, ...inTransaction(LSID, 1), $db: 'admin' });
    rig.answer('commitTransaction');
    assert.equal(client.last['ok'], 1);
    assert.ok(rig.clock.nowMs() - sentMs < 1000);
    rig.settle();
    assert.equal(rig.server.open('delete').length, 8, 'the reserve is over with the transaction');
    for (let i = 0; i < 20; i++) rig.answer('delete', { n: 1 });
    assert.ok(writers.every((writer) => writer.last['ok'] === 1));
  });

  test('writes that came before the first reply leave room too', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ update: 'stock', ...inTransaction(LSID, 1, true) });
    const writers = Array.from({ length: 20 }, () => rig.app('writer'));
    for (const writer of writers) writer.send({ delete: 'stock' });
    assert.equal(rig.server.open('delete').length, 7, 'the statement itself holds the eighth');
    rig.answer('update', { n: 1 });
    assert.equal(rig.server.open('delete').length, 7, 'nobody takes the place of the statement');
    client.send({ insert: 'log', ...inTransaction(LSID, 1) });
    rig.answer('insert', { n: 1 });
    client.send({ commitTransaction: 1, ...inTransaction(LSID, 1), $db: 'admin' });
    rig.answer('commitTransaction');
    assert.equal(client.last['ok'], 1);
  });

  test('many transactions at once all come to their end', () => {
    const rig = startRig({ pool: { maxConnections: 2 } });
    const clients = Array.from({ length: 12 }, () => rig.app('shop'));
    for (const [index, client] of clients.entries()) {
      client.send({ update: 'stock', ...inTransaction(session(index), 1, true) });
    }
    for (let i = 0; i < 12; i++) rig.answer('update', { n: 1 });
    assert.equal(openCount(rig), 12);
    for (const [index, client] of clients.entries()) {
      client.send({ commitTransaction: 1, ...inTransaction(session(index), 1), $db: 'admin' });
    }
    for (let i = 0; i < 12; i++) rig.answer('commitTransaction');
    assert.ok(clients.every((client) => client.last['ok'] === 1));
    assert.equal(openCount(rig), 0);
  });

  test('with a cap of 1 the commit is next, whatever waits', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const client = rig.app('shop');
    open(rig, client);
    for (let i = 0; i < 5; i++) rig.app('writer').send({ count: 'other' });
    client.send({ commitTransaction: 1, ...inTransaction(LSID, 1), $db: 'admin' });
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.open('commitTransaction').length, 1);
  });

  test('is not taken from the awaiting lane', () => {
    const rig = startRig({ pool: { awaitConnections: 2 } });
    const watchers = [1, 2].map(() => rig.app('watcher'));
    for (const [index, watcher] of watchers.entries()) {
      watcher.send({ find: 'log', tailable: true, awaitData: true, lsid: session(90 + index) });
      rig.answer('find', { cursor: { firstBatch: [], id: BigInt(90 + index), ns: 'shop.log' } });
    }
    open(rig, rig.app('shop'));
    for (const [index, watcher] of watchers.entries()) {
      watcher.send({ getMore: BigInt(90 + index), collection: 'log', lsid: session(90 + index) });
    }
    assert.equal(rig.server.open('getMore').length, 2, 'no transaction statement ever uses that lane');
  });
});

describe('a transaction', () => {
  test('is open from the first reply, not from the request', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ update: 'stock', ...inTransaction(LSID, 1, true) });
    assert.equal(openCount(rig), 0);
    rig.answer('update', { n: 1 });
    assert.equal(openCount(rig), 1);
    assert.equal(rig.dispatcher.router.pins.counts.get('transaction'), 1);
  });

  test('is not open when the first statement failed', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ update: 'stock', ...inTransaction(LSID, 1, true) });
    rig.answer('update', { ok: 0, code: 112, errmsg: 'conflict', errorLabels: ['TransientTransactionError'] });
    assert.equal(openCount(rig), 0);
  });

  test('is not opened by a retryable write', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ insert: 'stock', lsid: LSID, txnNumber: 4n });
    rig.answer('insert', { n: 1 });
    assert.equal(openCount(rig), 0);
  });

  test('is over once a newer one of its session begins, even if that fails', () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client);
    client.send({ update: 'stock', ...inTransaction(LSID, 2, true) });
    rig.answer('update', { ok: 0, code: 11_000, errmsg: 'duplicate' });
    assert.equal(openCount(rig), 0);
  });

  test('lives once in a session: a newer number replaces the older', () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client, LSID, 1);
    open(rig, client, LSID, 2);
    assert.equal(openCount(rig), 1);
  });

  interface End {
    readonly what: string;
    readonly ask: BsonDocument;
    readonly answer: BsonDocument;
    readonly isOver: boolean;
  }
  const statement = { insert: 'log', ...inTransaction(LSID, 1) };
  const commit = { commitTransaction: 1, ...inTransaction(LSID, 1), $db: 'admin' };
  const abort = { ...inTransaction(LSID, 1), $db: 'admin' };
  const transient = { ok: 0, code: 251, errmsg: 'x', errorLabels: ['TransientTransactionError'] };
  const retryable = { ok: 0, code: 91, errmsg: 'x', errorLabels: ['RetryableWriteError'] };
  const ENDS: readonly End[] = [
    { what: 'a good statement', ask: statement, answer: { n: 1 }, isOver: false },
    {
      what: 'a statement with a plain error',
      ask: statement,
      answer: { ok: 0, code: 11000, errmsg: 'x' },
      isOver: false,
    },
    { what: 'TransientTransactionError', ask: statement, answer: transient, isOver: true },
    { what: 'a commit', ask: commit, answer: {}, isOver: true },
    { what: 'a commit that may be sent again', ask: commit, answer: retryable, isOver: false },
    { what: 'a commit that failed for good', ask: commit, answer: { ok: 0, code: 251, errmsg: 'x' }, isOver: true },
    { what: 'an abort', ask: { abortTransaction: 1, ...abort }, answer: {}, isOver: true },
    {
      what: 'an abort of what is gone',
      ask: { abortTransaction: 1, ...abort },
      answer: { ok: 0, code: 251, errmsg: 'x' },
      isOver: true,
    },
    {
      what: 'a commit of another session',
      ask: { commitTransaction: 1, ...inTransaction(session(2), 1), $db: 'admin' },
      answer: {},
      isOver: false,
    },
    {
      what: 'a late commit of an older number',
      ask: { commitTransaction: 1, ...inTransaction(LSID, 0), $db: 'admin' },
      answer: {},
      isOver: false,
    },
  ];
  for (const { what, ask, answer, isOver } of ENDS) {
    test(`after ${what}: ${isOver ? 'over' : 'open'}`, () => {
      const rig = startRig();
      const client = rig.app('shop');
      open(rig, client);
      client.send(ask);
      rig.answer(Object.keys(ask)[0] ?? '', answer);
      assert.equal(openCount(rig), isOver ? 0 : 1);
    });
  }

  test('moves between connections', () => {
    const rig = startRig();
    open(rig, rig.app('shop', '10.0.0.1'));
    const other = rig.app('shop', '10.0.0.1');
    other.send(statement);
    rig.answer('insert', { n: 1 });
    other.send(commit);
    rig.answer('commitTransaction');
    assert.equal(openCount(rig), 0);
  });
});

describe('endSessions', () => {
  const named = (...numbers: number[]): BsonDocument => ({
    endSessions: numbers.map((number) => session(number)),
    $db: 'admin',
  });

  test('is answered at once and passed on', () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client);
    client.send(named(1, 2));
    assert.deepEqual(client.last, { ok: 1 });
    assert.equal(openCount(rig), 0);
    const passedOn: unknown = rig.answer('endSessions').document['endSessions'];
    assert.deepEqual(passedOn, [session(1), session(2)], 'whole, sessions that weir never saw included');
    assert.equal(client.replies.length, 3, 'the answer of the server goes nowhere');
    assert.equal(rig.dispatcher.router.cleanUp.pending, 0);
  });

  test('without a reply is passed on with its flag and fenced', () => {
    const rig = startRig();
    const client = rig.app('shop');
    open(rig, client);
    client.send(named(1), 2);
    const request = rig.server.take('endSessions');
    assert.equal(request.moreToCome, true);
    assert.equal(client.replies.length, 2);
    rig.answer('ping');
    assert.equal(client.replies.length, 2);
    assert.equal(openCount(rig), 0);
    assert.equal(rig.cluster.closedFor('response_mismatch'), 0);
  });

  test('of a client that leaves in the same moment is still passed on', () => {
    for (const flags of [0, 2]) {
      const rig = startRig({ pool: { maxConnections: 1 } });
      rig.app('busy').send({ count: 'a' });
      const client = rig.app('shop');
      client.send(named(7), flags);
      client.close();
      rig.answer('count', { n: 1 });
      assert.equal(rig.server.open('endSessions').length, 1, `flags ${flags}`);
    }
  });

  for (const [what, list] of [
    ['a text', 'all'],
    ['numbers', [1, 2]],
    ['nulls', [null, { id: 1 }]],
  ] as const) {
    test(`that names ${what} closes nothing`, () => {
      const rig = startRig();
      const client = rig.app('shop');
      open(rig, client);
      client.send({ endSessions: list, $db: 'admin' });
      assert.equal(openCount(rig), 1);
      assert.equal(client.last['ok'], 1);
    });
  }
});
