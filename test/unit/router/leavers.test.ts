// `onClientGone: cancel`: reads that end at the server with their client, by the loss of their connection. What happens
// otherwise is router.clients.test.ts. Invariants tested: only reads, only alone on their connection, only so many.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, Int32 } from '../../../codecs/index.ts';
import { type Rig, type RigOptions, startRig } from '../../support/rig.ts';
import { cursorReply, inTransaction, session } from '../../support/test-client.ts';

const CANCEL = { onClientGone: 'cancel' } as const;

function startCancelling(pool: RigOptions['pool'] = {}): Rig {
  return startRig({ pool: { ...CANCEL, ...pool } });
}

/** Sends it and leaves. */
function sendAndLeave(rig: Rig, document: BsonDocument): void {
  const gone = rig.app('gone');
  gone.send(document);
  rig.clock.advance(0);
  gone.close();
  rig.settle();
}

const cuts = (rig: Rig): number => rig.cluster.closedFor('client_gone_cancel');
const rowOf = (rig: Rig, command: string) => rig.table.rows().find((row) => row.command === command);

describe('a read whose client left', () => {
  for (const [what, document] of Object.entries<BsonDocument>({
    find: { find: 'goods' },
    count: { count: 'goods' },
    aggregate: { aggregate: 'goods', pipeline: [{ $lookup: { from: 'x', as: 'x', pipeline: [] } }], cursor: {} },
    'mapReduce inline': { mapReduce: 'goods', map: 'm', reduce: 'r', out: { inline: 1 } },
  })) {
    test(`ends with its connection: ${what}`, () => {
      const rig = startCancelling();
      sendAndLeave(rig, document);
      const name = Object.keys(document)[0] ?? '';
      assert.deepEqual([cuts(rig), rig.server.pooled.length], [1, 0]);
      const row = rowOf(rig, name);
      assert.deepEqual([row?.countOf('client_gone'), row?.active], [1, 0]);
    });
  }

  test('goes on where that is not asked for', () => {
    const rig = startRig();
    sendAndLeave(rig, { find: 'goods' });
    assert.deepEqual([cuts(rig), rig.server.open('find').length], [0, 1]);
  });

  test('costs no operation that waits: a new connection serves it', () => {
    const rig = startCancelling({ maxConnections: 1 });
    const gone = rig.app('gone');
    gone.send({ find: 'goods' });
    const next = rig.app('next');
    next.send({ count: 'goods' });
    gone.close();
    rig.clock.advance(0);
    rig.answer('count', { n: 1 });
    assert.deepEqual([next.last['ok'], cuts(rig)], [1, 1]);
  });

  test('is not trouble for the server: nobody checks it, and the next connection is not put off', () => {
    const rig = startCancelling();
    const hellos = rig.server.hellos.length;
    sendAndLeave(rig, { find: 'goods' });
    rig.app('next').send({ count: 'goods' });
    assert.equal(rig.server.open('count').length, 1);
    assert.equal(rig.server.hellos.length - hellos, 2, 'one for each of the two connections');
  });

  test('waits for news: the await lane has the same rule', () => {
    const rig = startCancelling();
    const [twin, gone] = [rig.app('watch'), rig.app('watch')];
    gone.send({ find: 'log', tailable: true, awaitData: true, lsid: session(1) });
    rig.answer('find', cursorReply(9, 'log'));
    gone.send({ getMore: 9n, collection: 'log', lsid: session(1) });
    assert.equal(rig.server.open('getMore').length, 1);
    gone.close();
    assert.deepEqual([cuts(rig), rig.server.open('getMore').length], [1, 0]);
    twin.send({ killCursors: 'log', cursors: [9n], lsid: session(1) });
    assert.equal(rig.server.open('killCursors').length, 1, 'its cursor is known until somebody ends it');
  });
});

describe('what is never cut', () => {
  for (const [what, document] of Object.entries<BsonDocument>({
    insert: { insert: 'goods', documents: [{}] },
    findAndModify: { findAndModify: 'goods', remove: true },
    $out: { aggregate: 'goods', pipeline: [{ $out: 'other' }], cursor: {} },
    $merge: { aggregate: 'goods', pipeline: [{ $merge: { into: 'other' } }], cursor: {} },
    'mapReduce into a collection': { mapReduce: 'goods', map: 'm', reduce: 'r', out: 'other' },
    'a statement of a transaction': { find: 'goods', ...inTransaction(session(2), 1, true) },
    'an unknown command': { frobnicate: new Int32(1) },
  })) {
    test(what, () => {
      const rig = startCancelling();
      sendAndLeave(rig, document);
      assert.deepEqual([cuts(rig), rig.server.open(Object.keys(document)[0] ?? '').length], [0, 1]);
    });
  }

  test('killCursors', () => {
    const rig = startCancelling();
    const [twin, gone] = [rig.app('shop'), rig.app('shop')];
    twin.send({ find: 'goods' });
    rig.answer('find', cursorReply(3, 'goods'));
    gone.send({ killCursors: 'goods', cursors: [3n] });
    gone.close();
    assert.deepEqual([cuts(rig), rig.server.open('killCursors').length], [0, 1]);
  });

  test('one whose answer has begun', () => {
    const rig = startCancelling();
    const gone = rig.app('gone');
    gone.send({ find: 'goods' });
    const request = rig.server.take('find');
    const bytes = request.encodeReply(cursorReply(4, 'goods'));
    request.connection.socket.feed(bytes.subarray(0, 30));
    gone.close();
    request.connection.socket.feed(bytes.subarray(30));
    rig.settle();
    assert.equal(cuts(rig), 0);
    assert.equal(rig.server.open('killCursors').length, 1, 'what it opened is ended');
  });

  test('a connection that others share', () => {
    const rig = startCancelling({ maxConnections: 1 });
    warm(rig);
    const [first, second] = [rig.app('shop'), rig.app('shop')];
    first.send({ count: 'goods' });
    second.send({ count: 'goods' });
    assert.equal(rig.server.open('count').length, 2, 'they share it');
    for (const gone of [first, second]) gone.close();
    assert.equal(cuts(rig), 0);
    rig.answer('count', { n: 1 });
    rig.answer('count', { n: 1 });
    assert.equal(rig.cluster.snapshot()[0]?.busy, 0);
  });
});

test('five at once, then one a second', () => {
  const rig = startCancelling();
  for (let round = 0; round < 7; round++) sendAndLeave(rig, { find: 'goods' });
  assert.deepEqual([cuts(rig), rig.server.open('find').length], [5, 2]);
  rig.clock.advance(999);
  sendAndLeave(rig, { find: 'goods' });
  assert.equal(cuts(rig), 5);
  rig.clock.advance(1);
  sendAndLeave(rig, { find: 'goods' });
  assert.equal(cuts(rig), 6);
  rig.clock.advance(30_000);
  assert.deepEqual([rig.cluster.closedFor('abandoned'), rig.server.open('find').length], [3, 0]);
});

/** Until this count is known to be short, and short ones may share. */
function warm(rig: Rig): void {
  const crowd = Array.from({ length: 40 }, () => rig.app('shop'));
  for (let round = 0; round < 40 && (rig.cluster.snapshot()[0]?.depth ?? 1) < 2; round++) {
    for (const client of crowd) client.send({ count: 'goods' });
    for (let open = rig.server.open('count'); open.length > 0; open = rig.server.open('count')) {
      rig.clock.advance(2);
      for (const request of open) request.reply({ n: 1 });
      rig.settle();
    }
  }
}
