// Awaiting getMores: their own lane, their turns, and the empty batch of those whose turn does not come.
// Invariants tested: they never hold an ordinary connection, and waiting for a turn never ends in an error.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, BsonView } from '../../../codecs/index.ts';
import { type Rig, type RigOptions, startRig } from '../../support/rig.ts';
import { batchReply, cursorReply, FLAG, session, type TestClient } from '../../support/test-client.ts';

const TAILABLE = { find: 'log', tailable: true, awaitData: true };
const CHANGE_STREAM = { aggregate: 'log', pipeline: [{ $changeStream: {} }], cursor: {} };

interface Watcher {
  readonly client: TestClient;
  readonly id: bigint;
  readonly lsid: BsonDocument;
}

/** Clients with one awaiting cursor each; ids from 100. */
function watchers(rig: Rig, count: number, opening: BsonDocument = TAILABLE): Watcher[] {
  return Array.from({ length: count }, (_, index) => {
    const watcher = { client: rig.app('watcher'), id: BigInt(100 + index), lsid: session(100 + index) };
    watcher.client.send({ ...opening, lsid: watcher.lsid });
    rig.answer(Object.keys(opening)[0] ?? '', cursorReply(watcher.id, 'log'));
    return watcher;
  });
}

function ask({ client, id, lsid }: Watcher, extra: BsonDocument = {}, flags = 0): void {
  client.send({ getMore: id, collection: 'log', lsid, ...extra }, flags);
}

function startWith(count: number, options: RigOptions = {}): { rig: Rig; all: Watcher[] } {
  const rig = startRig(options);
  return { rig, all: watchers(rig, count) };
}

describe('the awaiting lane', () => {
  for (const [what, opening] of [
    ['tailable', TAILABLE],
    ['change stream', CHANGE_STREAM],
  ] as const) {
    test(`takes ${what} cursors: 10 parked getMores leave the pool alone`, () => {
      const rig = startRig({ pool: { maxConnections: 1 } });
      const all = watchers(rig, 10, opening);
      for (const watcher of all) ask(watcher);
      assert.equal(rig.server.open('getMore').length, 10);
      const other = rig.app('shop');
      other.send({ find: 'goods' });
      rig.answer('find', cursorReply(0, 'goods'));
      assert.equal(other.last['ok'], 1);
      assert.equal(rig.dispatcher.router.pins.counts.get('await'), 10);
    });
  }

  test('takes no other cursor', () => {
    for (const opening of [
      { find: 'log' },
      { find: 'log', tailable: true },
      { find: 'log', awaitData: true },
      { aggregate: 'log', pipeline: [{ $match: {} }] },
    ]) {
      const rig = startRig();
      const [watcher] = watchers(rig, 1, opening);
      assert.ok(watcher);
      ask(watcher);
      assert.equal(rig.cluster.snapshot()[1]?.busy, 0, JSON.stringify(opening));
    }
  });

  test('an 11th waits for a turn and gets it', () => {
    const { rig, all } = startWith(11);
    for (const watcher of all) ask(watcher);
    assert.equal(rig.server.open('getMore').length, 10);
    rig.clock.advance(500);
    rig.answer('getMore', batchReply(100, 'log', [{ n: 1 }]));
    assert.equal(rig.server.open('getMore').length, 10);
    const last = all[10];
    assert.ok(last);
    rig.server
      .open('getMore')
      .at(-1)
      ?.reply(batchReply(110, 'log', [{ n: 2 }]));
    rig.settle();
    assert.deepEqual((last.client.last['cursor'] as BsonDocument)['nextBatch'], [{ n: 2 }]);
  });

  for (const [extra, awaitMs] of [
    [{}, 1000],
    [{ maxTimeMS: 300 }, 300],
    [{ maxTimeMS: 20_000 }, 20_000],
  ] as const) {
    test(`one whose turn does not come within ${awaitMs} ms gets an empty batch`, () => {
      const { rig, all } = startWith(11);
      for (const watcher of all.slice(0, 10)) ask(watcher, { maxTimeMS: 60_000 });
      const late = all[10];
      assert.ok(late);
      ask(late, extra);
      const before = late.client.replies.length;
      rig.clock.advance(awaitMs - 1);
      assert.equal(late.client.replies.length, before);
      rig.clock.advance(1);
      assert.deepEqual(late.client.last, { cursor: { nextBatch: [], id: 110, ns: 'shop.log' }, ok: 1 });
      const cursor = new BsonView(late.client.raw.at(-1)?.bytes.subarray(21) ?? Buffer.alloc(5)).getDocument('cursor');
      assert.equal(cursor?.get('id')?.type, 18, 'an int64, as servers send it');
      assert.equal(rig.server.requests.filter((request) => request.name === 'getMore').length, 10, 'it was never sent');
      assert.equal(rig.dispatcher.router.cursors.size, 11, 'and its cursor lives');
    });
  }

  test('asking again and again is served in the end', () => {
    const { rig, all } = startWith(3, { pool: { awaitConnections: 1 } });
    const [holder, second, third] = all;
    assert.ok(holder && second && third);
    ask(holder, { maxTimeMS: 1500 });
    for (const watcher of [second, third]) ask(watcher);
    rig.clock.advance(1000);
    for (const watcher of [second, third]) ask(watcher);
    rig.clock.advance(500);
    rig.answer('getMore', batchReply(100, 'log'));
    rig.answer('getMore', batchReply(101, 'log', [{ n: 1 }]));
    rig.answer('getMore', batchReply(102, 'log', [{ n: 2 }]));
    assert.deepEqual((third.client.last['cursor'] as BsonDocument)['nextBatch'], [{ n: 2 }]);
  });

  test('while no upstream is reachable it says empty batches, never an error', () => {
    const { rig, all } = startWith(1);
    const [watcher] = all;
    assert.ok(watcher);
    rig.server.kill();
    rig.settle();
    ask(watcher);
    rig.clock.advance(1000);
    assert.equal(watcher.client.last['ok'], 1);
    rig.server.start('64b64c2f1f1f1f1f1f1f1f02');
    rig.clock.advance(2000);
    ask(watcher);
    assert.equal(watcher.client.last['code'], 43, 'the new process does not know it: change streams resume on this');
  });

  test('exhaust is asked for in vain: one plain answer', () => {
    const { rig, all } = startWith(1);
    const [watcher] = all;
    assert.ok(watcher);
    ask(watcher, {}, FLAG.exhaustAllowed);
    const request = rig.server.take('getMore');
    assert.equal(request.flagBits, 0);
    request.reply(batchReply(100, 'log'));
    rig.settle();
    assert.equal(watcher.client.last['ok'], 1);
  });

  test('a watcher that leaves while it waits gives up its turn', () => {
    const { rig, all } = startWith(3, { pool: { awaitConnections: 1 } });
    const [holder, leaver, stays] = all;
    assert.ok(holder && leaver && stays);
    for (const watcher of all) ask(watcher, { maxTimeMS: 9000 });
    leaver.client.close();
    rig.answer('getMore', batchReply(100, 'log'));
    assert.equal(rig.server.take('getMore').document['getMore'], 102);
  });
});
