// What a client is told when its operation could not be carried out: the tables of protocol.md 5.5 and 5.6, row by row,
// through the whole proxy. Invariants tested: RetryableWriteError only where the driver may send the same write again;
// NoWritesPerformed only where nothing was sent; the client stays connected.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BsonDocument } from '../../../codecs/index.ts';
import type { Operation } from '../../../src/core/operation.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { cursorReply, inTransaction, session, type TestClient } from '../../support/test-client.ts';

interface Kind {
  readonly what: string;
  readonly command: BsonDocument;
  /** Done before, on the same client. */
  readonly before?: (rig: Rig, client: TestClient) => void;
  readonly labels: readonly string[];
}

const LSID = session(1);

function openCursor(opening: BsonDocument): (rig: Rig, client: TestClient) => void {
  return (rig, client) => {
    client.send({ ...opening, lsid: LSID });
    rig.answer(Object.keys(opening)[0] ?? '', cursorReply(9, 'a'));
  };
}

function openTransaction(rig: Rig, client: TestClient): void {
  client.send({ insert: 'a', ...inTransaction(LSID, 3, true) });
  rig.answer('insert', { n: 1 });
}

const KINDS: readonly Kind[] = [
  { what: 'find', command: { find: 'a', lsid: LSID }, labels: [] },
  { what: 'count', command: { count: 'a' }, labels: [] },
  { what: 'unknown command', command: { frobnicate: 'a' }, labels: [] },
  { what: 'insert without txnNumber', command: { insert: 'a', lsid: LSID }, labels: [] },
  { what: 'createIndexes', command: { createIndexes: 'a', lsid: LSID }, labels: [] },
  { what: 'retryable insert', command: { insert: 'a', lsid: LSID, txnNumber: 1n }, labels: ['RetryableWriteError'] },
  {
    what: 'retryable findAndModify',
    command: { findAndModify: 'a', lsid: LSID, txnNumber: 1n },
    labels: ['RetryableWriteError'],
  },
  {
    what: 'first statement of a transaction',
    command: { insert: 'a', ...inTransaction(LSID, 2, true) },
    labels: ['TransientTransactionError'],
  },
  {
    what: 'statement of a transaction',
    before: openTransaction,
    command: { update: 'a', ...inTransaction(LSID, 3) },
    labels: ['TransientTransactionError'],
  },
  {
    what: 'read in a transaction',
    before: openTransaction,
    command: { find: 'a', ...inTransaction(LSID, 3) },
    labels: ['TransientTransactionError'],
  },
  {
    what: 'commit',
    before: openTransaction,
    command: { commitTransaction: 1, ...inTransaction(LSID, 3), $db: 'admin' },
    labels: ['RetryableWriteError'],
  },
  {
    what: 'abort',
    before: openTransaction,
    command: { abortTransaction: 1, ...inTransaction(LSID, 3), $db: 'admin' },
    labels: ['RetryableWriteError'],
  },
  {
    what: 'getMore',
    before: openCursor({ find: 'a' }),
    command: { getMore: 9n, collection: 'a', lsid: LSID },
    labels: [],
  },
  {
    what: 'getMore in a transaction',
    before: openCursor({ find: 'a' }),
    command: { getMore: 9n, collection: 'a', ...inTransaction(LSID, 3) },
    labels: ['TransientTransactionError'],
  },
  {
    what: 'getMore of a tailable cursor',
    before: openCursor({ find: 'a', tailable: true, awaitData: true }),
    command: { getMore: 9n, collection: 'a', lsid: LSID },
    labels: [],
  },
  {
    what: 'getMore of a change stream',
    before: openCursor({ aggregate: 'a', pipeline: [{ $changeStream: {} }] }),
    command: { getMore: 9n, collection: 'a', lsid: LSID },
    labels: ['ResumableChangeStreamError'],
  },
];

function ready(kind: Kind): { rig: Rig; client: TestClient } {
  const rig = startRig();
  const client = rig.app('shop');
  kind.before?.(rig, client);
  return { rig, client };
}

function assertAnswer(client: TestClient, code: number, codeName: string, labels: readonly string[]): void {
  assert.equal(client.last['ok'], 0);
  assert.equal(client.last['code'], code);
  assert.equal(client.last['codeName'], codeName);
  assert.deepEqual(client.last['errorLabels'] ?? [], labels);
  assert.equal(client.isClosed, false);
}

describe('the connection is lost after the request was written', () => {
  for (const kind of KINDS) {
    test(`${kind.what}: 6 ${kind.labels.join(' ')}`, () => {
      const { rig, client } = ready(kind);
      client.send(kind.command);
      const name = Object.keys(kind.command)[0] ?? '';
      rig.server.take(name).connection.socket.hangUp();
      rig.settle();
      assertAnswer(client, 6, 'HostUnreachable', kind.labels);
      assert.equal(rig.table.totals.active, 0);
    });
  }
});

describe('no upstream until the deadline', () => {
  const kinds = KINDS.filter(({ what }) => !/tailable|change stream/.test(what));
  for (const kind of kinds) {
    test(`${kind.what}: 6 ${kind.labels.join(' ')} NoWritesPerformed`, () => {
      const { rig, client } = ready(kind);
      rig.server.isAccepting = false;
      for (const connection of rig.server.live) connection.socket.hangUp();
      rig.settle();
      client.send(kind.command);
      rig.clock.advance(5000);
      assertAnswer(client, 6, 'HostUnreachable', [...kind.labels, 'NoWritesPerformed']);
    });
  }
});

describe('the connection is lost before a byte of the request left', () => {
  for (const kind of KINDS) {
    test(`${kind.what}: 6 ${kind.labels.join(' ')} NoWritesPerformed`, () => {
      const { rig, client } = ready(kind);
      // Warm connections, so that the request is leased in the turn in which it arrives.
      const isAwait = /tailable|change stream/.test(kind.what);
      if (isAwait) warmAwaitLane(rig);
      else if (rig.server.pooled.length === 0) warm(rig);
      client.socket.feed(client.encode(kind.command));
      for (const connection of rig.server.pooled) connection.socket.hangUp();
      rig.server.isAccepting = false;
      rig.settle();
      assertAnswer(client, 6, 'HostUnreachable', [...kind.labels, 'NoWritesPerformed']);
    });
  }
});

function warm(rig: Rig): void {
  rig.app('warm').send({ count: 'warm' });
  rig.answer('count', { n: 0 });
}

function warmAwaitLane(rig: Rig): void {
  const client = rig.app('warm');
  client.send({ find: 'warm', tailable: true, awaitData: true, lsid: session(50) });
  rig.answer('find', cursorReply(50, 'warm'));
  client.send({ getMore: 50n, collection: 'warm', lsid: session(50) });
  rig.answer('getMore', { cursor: { nextBatch: [], id: 50n, ns: 'shop.warm' } });
}

describe('the pool is busy', () => {
  const busyRig = (maxWaiters = 10_000): Rig => {
    const rig = startRig({ pool: { maxConnections: 1, maxWaiters } });
    rig.app('busy').send({ count: 'x' });
    return rig;
  };

  test('past the queue bound: 462 without RetryableError', () => {
    const rig = busyRig();
    const client = rig.app('shop');
    client.send({ insert: 'a', lsid: LSID, txnNumber: 1n });
    rig.clock.advance(5000);
    assertAnswer(client, 462, 'IngressRequestRateLimitExceeded', ['SystemOverloadedError', 'NoWritesPerformed']);
    assert.match(String(client.last['errmsg']), /5000 ms/);
    assert.equal(
      rig.table
        .rows()
        .find((row) => row.command === 'insert')
        ?.countOf('wait_timeout'),
      1,
    );
  });

  test('with the queue full: 462, at once, to be retried', () => {
    const rig = busyRig(2);
    for (const name of ['a', 'b']) rig.app('waiter').send({ count: name });
    const client = rig.app('shop');
    client.send({ insert: 'a', lsid: LSID, txnNumber: 1n });
    assertAnswer(client, 462, 'IngressRequestRateLimitExceeded', [
      'SystemOverloadedError',
      'RetryableError',
      'NoWritesPerformed',
    ]);
  });

  for (const [command, labels] of [
    [{ find: 'a', maxTimeMS: 250 }, []],
    [{ insert: 'a', maxTimeMS: 250 }, ['NoWritesPerformed']],
    [{ insert: 'a', maxTimeMS: 250, lsid: LSID, txnNumber: 1n }, ['NoWritesPerformed']],
  ] as const) {
    test(`past maxTimeMS: 50 for ${JSON.stringify(Object.keys(command))}`, () => {
      const rig = busyRig();
      const client = rig.app('shop');
      client.send(command);
      rig.clock.advance(249);
      assert.equal(client.replies.length, 1);
      rig.clock.advance(1);
      assertAnswer(client, 50, 'MaxTimeMSExpired', labels);
    });
  }

  test('a maxTimeMS beyond the queue bound changes nothing', () => {
    const rig = busyRig();
    const client = rig.app('shop');
    client.send({ find: 'a', maxTimeMS: 60_000 });
    rig.clock.advance(5000);
    assert.equal(client.last['code'], 462);
  });

  test('the times of a reply that came and cannot be read count once', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const seen: Operation[] = [];
    const serve = rig.dispatcher.serve.bind(rig.dispatcher);
    rig.dispatcher.serve = (operation) => {
      seen.push(operation);
      serve(operation);
    };
    rig.app('busy').send({ count: 'a' });
    const client = rig.app('shop');
    client.send({ find: 'a' });
    rig.clock.advance(30);
    rig.answer('count', { n: 1 });
    rig.clock.advance(20);
    const request = rig.server.take('find');
    // Fine at the top level, a string that runs past its document one level down, where the rewriting looks.
    const bytes = request.encodeReply({ ok: 0, code: 10_107, errmsg: 'not primary', info: { dc: 'abcdefgh' } });
    bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
    request.connection.socket.feed(bytes);
    rig.settle();
    const operation = seen.find(({ command }) => command.name === 'find');
    assert.deepEqual([client.last['code'], operation?.waitMs, operation?.serverMs], [6, 30, 20]);
  });

  test('time in the queue and time at the server are told apart', () => {
    const rig = busyRig();
    const client = rig.app('shop');
    client.send({ find: 'a' });
    rig.clock.advance(400);
    rig.answer('count', { n: 1 });
    rig.clock.advance(70);
    rig.answer('find', cursorReply(0, 'a'));
    const row = rig.table.rows().find((candidate) => candidate.command === 'find');
    assert.ok(row);
    assert.ok(
      Math.abs(row.waitTimes.maxMs - 400) < 8 && Math.abs(row.serverTimes.maxMs - 70) < 2,
      `${row.waitTimes.maxMs} ${row.serverTimes.maxMs}`,
    );
  });
});
