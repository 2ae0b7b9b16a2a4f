// What weir ends at the server on behalf of clients that are gone: cursors, transactions, sessions.
// Invariants tested: nothing of a living process is ever ended; what is under way is bounded; no timer outlives its reason.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BsonDocument } from '../../../codecs/index.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { cursorReply, inTransaction, session, type TestClient } from '../../support/test-client.ts';

function openCursor(rig: Rig, client: TestClient, id: bigint, opening: BsonDocument = { find: 'goods' }): void {
  client.send(opening);
  rig.answer(Object.keys(opening)[0] ?? '', cursorReply(id, String(Object.values(opening)[0])));
}

interface Kill {
  readonly $db: string;
  readonly killCursors: string;
  readonly cursors: readonly number[];
}

const kills = (rig: Rig): Kill[] =>
  rig.server.open('killCursors').map((request) => request.document as unknown as Kill);

describe('cursors of a process', () => {
  test('are killed when its last connection closes, a command a namespace', () => {
    const rig = startRig();
    const [first, second] = [rig.app('shop', '10.0.0.1'), rig.app('shop', '10.0.0.1')];
    openCursor(rig, first, 1n);
    openCursor(rig, first, 2n, { find: 'orders' });
    openCursor(rig, second, 3n, { find: 'goods', lsid: session(1) });
    first.send({ find: 'goods', $db: 'archive' });
    rig.answer('find', { cursor: { firstBatch: [], id: 4n, ns: 'archive.goods' } });
    first.send({ listCollections: 1 });
    rig.answer('listCollections', { cursor: { firstBatch: [], id: 5n, ns: 'shop.$cmd.listCollections' } });
    first.close();
    assert.deepEqual(kills(rig), [], 'the second connection keeps them');
    second.close();
    const sent = kills(rig).map(({ $db, killCursors, cursors }) => `${$db} ${killCursors} ${cursors.join(' ')}`);
    assert.deepEqual(sent.sort(), [
      'archive goods 4',
      'shop $cmd.listCollections 5',
      'shop goods 1 3',
      'shop orders 2',
    ]);
    assert.equal(rig.dispatcher.router.cursors.size, 0);
    assert.equal(rig.dispatcher.router.cleanUp.counts.counts.get('cursors_killed'), 5);
    for (let i = 0; i < 4; i++) rig.answer('killCursors');
    assert.equal(rig.dispatcher.router.cleanUp.pending, 0);
  });

  test("are kept by the driver's monitor and by a twin", () => {
    const rig = startRig();
    const twin = rig.app('shop', '10.0.0.1');
    const client = rig.app('shop', '10.0.0.1');
    openCursor(rig, client, 1n);
    client.close();
    assert.equal(rig.dispatcher.router.cursors.size, 1);
    assert.deepEqual(kills(rig), []);
    twin.close();
    assert.equal(kills(rig).length, 1);
  });

  test('of another address or application are not touched', () => {
    const rig = startRig();
    const [gone, sameApp, sameHost] = [
      rig.app('shop', '10.0.0.1'),
      rig.app('shop', '10.0.0.2'),
      rig.app('x', '10.0.0.1'),
    ];
    openCursor(rig, gone, 1n);
    openCursor(rig, sameApp, 2n);
    openCursor(rig, sameHost, 3n);
    gone.close();
    assert.deepEqual(
      kills(rig).map(({ cursors }) => cursors),
      [[1]],
    );
    assert.equal(rig.dispatcher.router.cursors.size, 2);
  });

  test('opened after their client left are killed at once', () => {
    const rig = startRig();
    const client = rig.app('shop', '10.0.0.1');
    client.send({ find: 'goods' });
    client.close();
    rig.answer('find', cursorReply(7, 'goods'));
    assert.deepEqual(
      kills(rig).map(({ cursors }) => cursors),
      [[7]],
    );
  });

  test('opened after their client left are killed though a new process looks alike', () => {
    const rig = startRig();
    const client = rig.app('shop', '10.0.0.1');
    client.send({ find: 'goods' });
    client.close();
    const restarted = rig.app('shop', '10.0.0.1');
    openCursor(rig, restarted, 8n, { aggregate: 'goods' });
    rig.answer('find', cursorReply(7, 'goods'));
    assert.deepEqual(
      kills(rig).map(({ cursors }) => cursors),
      [[7]],
    );
    assert.equal(rig.dispatcher.router.cursors.size, 1);
  });

  test('in thousands are killed a thousand a command', () => {
    const rig = startRig();
    rig.server.respond = (request) =>
      request.name === 'find' ? cursorReply(BigInt(request.document['n'] as number), 'goods') : undefined;
    const client = rig.app('shop');
    for (let n = 1; n <= 2500; n++) client.send({ find: 'goods', n });
    client.close();
    assert.deepEqual(
      kills(rig).map(({ cursors }) => cursors.length),
      [1000, 1000, 500],
    );
  });

  test('are left to the server when too much clean-up is under way', () => {
    const rig = startRig();
    rig.server.respond = (request) =>
      request.name === 'find'
        ? cursorReply(BigInt(request.document['n'] as number), String(request.document['find']))
        : undefined;
    const client = rig.app('shop');
    for (let n = 1; n <= 1200; n++) client.send({ find: `c${n}`, n });
    client.close();
    const { cleanUp } = rig.dispatcher.router;
    assert.equal(cleanUp.pending, 1000);
    assert.equal(cleanUp.counts.counts.get('cursors_killed'), 1000);
    assert.equal(cleanUp.counts.counts.get('skipped'), 200);
    rig.clock.advance(6000);
    for (const request of rig.server.open('killCursors')) request.reply({});
    rig.settle();
    assert.equal(cleanUp.pending, 0, 'those that timed out are over too');
  });
});

describe('transactions of clients that are gone', () => {
  const openTransaction = (rig: Rig, client: TestClient, number = 1): void => {
    client.send({ insert: 'a', ...inTransaction(session(number), 5, true) });
    rig.answer('insert', { n: 1 });
  };
  const aborts = (rig: Rig): BsonDocument[] => rig.server.open('abortTransaction').map((request) => request.document);

  test('are aborted 30 s after the last carrier closed', () => {
    const rig = startRig();
    const [first, second] = [rig.app('shop'), rig.app('shop')];
    openTransaction(rig, first);
    second.send({ insert: 'a', ...inTransaction(session(1), 5) });
    rig.answer('insert', { n: 1 });
    first.close();
    rig.clock.advance(60_000);
    assert.deepEqual(aborts(rig), [], 'the second connection carried it too');
    second.close();
    rig.clock.advance(29_000);
    assert.deepEqual(aborts(rig), []);
    rig.clock.advance(2000);
    const [abort] = aborts(rig);
    assert.deepEqual(Object.keys(abort ?? {}), ['abortTransaction', 'lsid', 'txnNumber', 'autocommit', '$db']);
    assert.equal(abort?.['txnNumber'], 5);
    assert.equal(abort?.['autocommit'], false);
    assert.equal(abort?.['$db'], 'admin');
    assert.equal(rig.dispatcher.router.transactions.size, 0);
    rig.answer('abortTransaction');
    rig.clock.advance(120_000);
    assert.deepEqual(aborts(rig), []);
    assert.equal(rig.dispatcher.router.cleanUp.counts.counts.get('transactions_aborted'), 1);
  });

  test('whose commit never left the queue are aborted all the same', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const [client, other] = [rig.app('shop'), rig.app('other')];
    openTransaction(rig, client);
    other.send({ find: 'b' });
    client.send({ commitTransaction: 1, ...inTransaction(session(1), 5), $db: 'admin' });
    client.close();
    rig.answer('find');
    assert.deepEqual(rig.server.open('commitTransaction'), []);
    rig.clock.advance(31_000);
    assert.equal(aborts(rig).length, 1);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
  });

  test('are kept when the session comes back on another connection', () => {
    const rig = startRig();
    const first = rig.app('shop');
    openTransaction(rig, first);
    first.close();
    rig.clock.advance(20_000);
    const second = rig.app('shop');
    second.send({ insert: 'a', ...inTransaction(session(1), 5) });
    rig.answer('insert', { n: 1 });
    rig.clock.advance(40_000);
    assert.deepEqual(aborts(rig), []);
    assert.equal(rig.dispatcher.router.transactions.size, 1);
  });

  test('whose client left before the first reply are aborted as well', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ insert: 'a', ...inTransaction(session(1), 5, true) });
    client.close();
    rig.answer('insert', { n: 1 });
    rig.clock.advance(31_000);
    assert.equal(aborts(rig).length, 1);
  });

  test('give the reserved connection back', () => {
    const rig = startRig({ pool: { maxConnections: 2, waitQueueTimeoutMs: 60_000 } });
    const client = rig.app('shop');
    openTransaction(rig, client);
    client.close();
    rig.app('a').send({ count: 'a' });
    rig.app('b').send({ count: 'b' });
    assert.equal(rig.server.open('count').length, 1);
    rig.clock.advance(31_000);
    rig.answer('abortTransaction');
    assert.equal(rig.server.open('count').length, 2);
  });

  test('idle ones are dropped after 120 s: the server has aborted them', () => {
    const rig = startRig();
    openTransaction(rig, rig.app('shop'));
    rig.clock.advance(119_000);
    assert.equal(rig.dispatcher.router.transactions.size, 1);
    rig.clock.advance(2000);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
    assert.deepEqual(aborts(rig), []);
    assert.equal(rig.dispatcher.router.cleanUp.counts.counts.get('transactions_expired'), 1);
  });

  test('no sweep runs without a transaction', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const ticks = (): number => rig.clock.timers;
    // The pool looks after its connections from the first one on.
    client.send({ find: 'a' });
    rig.answer('find');
    rig.clock.advance(6000);
    const before = ticks();
    openTransaction(rig, client);
    rig.clock.advance(6000);
    assert.equal(ticks(), before + 1);
    client.send({ commitTransaction: 1, ...inTransaction(session(1), 5), $db: 'admin' });
    rig.answer('commitTransaction');
    rig.clock.advance(6000);
    assert.equal(ticks(), before);
  });

  test('abortAll ends those that are left before a stop', () => {
    const rig = startRig();
    for (const number of [1, 2, 3]) openTransaction(rig, rig.app('shop'), number);
    rig.dispatcher.router.cleanUp.abortAll();
    rig.settle();
    assert.equal(aborts(rig).length, 3);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
  });

  test('with an lsid that hides garbage throw nothing when they are aborted', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const bytes = client.encode({
      insert: 'a',
      ...inTransaction({ ...session(1), more: { text: 'abcdefgh' } }, 5, true),
    });
    bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
    client.feed(bytes);
    // A server that is less careful than mongod takes it.
    const raw = rig.server.pooled[0]?.received.at(-1);
    if (raw?.bytes.includes('abcdefgh') === true) rig.server.pooled[0]?.replyTo(raw, { n: 1 });
    rig.settle();
    client.close();
    rig.clock.advance(31_000);
    assert.equal(rig.dispatcher.router.transactions.size, 0);
  });
});
