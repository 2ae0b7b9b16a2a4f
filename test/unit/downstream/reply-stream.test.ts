// Large replies that pass as they come, through the whole proxy: what the client gets, what is counted, what a slow, dead or
// killed client and a dying server do to them. Sizes are small where only the way matters.
// Invariants tested: byte for byte the collected reply; nothing of it is left anywhere afterwards.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BsonDocument } from '../../../codecs/index.ts';
import type { ServerRequest } from '../../support/fake-server.ts';
import { assertNothingLeftInRig } from '../../support/leaks.ts';
import { type Rig, type RigOptions, startRig } from '../../support/rig.ts';
import { batchReply, cursorReply, type TestClient } from '../../support/test-client.ts';

const MEBIBYTE = 1_048_576;

function documents(count: number, bytes: number): BsonDocument[] {
  return Array.from({ length: count }, (_, index) => ({ _id: index, text: 'x'.repeat(bytes) }));
}

interface Bench {
  readonly rig: Rig;
  readonly client: TestClient;
  readonly request: ServerRequest;
  /** The reply's bytes as the server sends them. */
  readonly bytes: Buffer;
  feed(from: number, to?: number): void;
}

/** A client whose find is at the server, with a reply of so many documents of 1 KiB. */
function startBench(count: number, options: RigOptions = {}): Bench {
  const rig = startRig({ ...options, pool: { maxConnections: 1, replyBufferBytes: 20_000, ...options.pool } });
  const client = rig.app('reader');
  client.send({ find: 'orders', filter: {} });
  const request = rig.server.take('find');
  const bytes = request.encodeReply(cursorReply(5, 'orders', documents(count, 1024)));
  request.isAnswered = true;
  const feed = (from: number, to?: number): void => {
    for (let at = from; at < (to ?? bytes.length); at += 65_536) {
      request.connection.socket.feed(Buffer.from(bytes.subarray(at, Math.min(at + 65_536, to ?? bytes.length))));
      rig.settle();
    }
  };
  return { rig, client, request, bytes, feed };
}

/** What the row of the only collection says, times aside. */
function counts({ table }: Rig): unknown {
  const row = [...table.rows()].find(({ command }) => command === 'find');
  assert.ok(row);
  const { operations, errors, documentsReturned, documentsChanged, requestBytes, replyBytes } = row;
  return { operations, errors, documentsReturned, documentsChanged, requestBytes, replyBytes };
}

function busy({ cluster }: Rig): number {
  return cluster.snapshot().find(({ lane }) => lane === 'ordinary')?.busy ?? -1;
}

/** A client that takes a portion every 600 ms: three pauses are over, the fourth goes on. Returns how much the server sent. */
function makePauses({ rig, client, request, bytes, feed }: Bench): number {
  let at = 0;
  client.socket.isStuck = true;
  for (let pause = 0; pause < 4; pause++) {
    if (pause > 0) {
      rig.clock.advance(600);
      client.socket.unstick();
      client.socket.isStuck = true;
      rig.settle();
    }
    while (!request.connection.socket.isPaused && at < bytes.length) {
      feed(at, at + 65_536);
      at += 65_536;
    }
  }
  return at;
}

describe('a reply beyond the buffer', () => {
  test('arrives as it is and counts like a collected one, wherever it is cut', () => {
    const whole = startBench(40, { pool: { replyBufferBytes: 10 * MEBIBYTE } });
    whole.feed(0);
    const expected = counts(whole.rig);
    const wanted = whole.client.raw.at(-1)?.bytes;
    assert.ok(wanted);
    for (const cut of [1, 15, 16, 17, 19, 20, 21, 25, 26, 60, 1000, 20_000, wanted.length - 1]) {
      const { rig, client, feed } = startBench(40);
      feed(0, cut);
      feed(cut);
      assert.ok(client.raw.at(-1)?.bytes.equals(wanted), `cut at ${cut}`);
      assert.deepEqual(counts(rig), expected, `cut at ${cut}`);
      assert.equal(rig.dispatcher.router.cursors.size, 1);
      assert.equal(busy(rig), 0);
    }
  });

  test('leaves while it comes, but for its last byte, which waits for the tables', () => {
    const { rig, client, bytes, feed } = startBench(40);
    feed(0, bytes.length - 1);
    assert.equal(client.raw.length, 1);
    assert.ok(client.socket.bytesOut > bytes.length - 65_536);
    assert.equal(rig.dispatcher.router.cursors.size, 0);
    const known: number[] = [];
    const write = client.socket.write.bind(client.socket);
    client.socket.write = (chunk) => {
      known.push(rig.dispatcher.router.cursors.size);
      write(chunk);
    };
    feed(bytes.length - 1);
    assert.deepEqual(known, [1]);
    assert.equal(rig.dispatcher.router.cursors.size, 1);
    client.send({ getMore: 5n, collection: 'orders' });
    rig.answer('getMore', batchReply(0, 'orders'));
    assert.equal(client.last['ok'], 1);
    client.close();
    assertNothingLeftInRig(rig);
  });

  test('is collected where somebody else needs it whole', () => {
    for (const command of [{ insert: 'orders', documents: [{ a: 1 }] }, { foo: 'orders' }]) {
      const rig = startRig({ pool: { replyBufferBytes: 20_000 } });
      const client = rig.app('writer');
      client.send(command);
      const request = rig.server.take(Object.keys(command)[0] ?? '');
      const bytes = request.encodeReply({ n: 1, extra: documents(40, 1024) });
      const sentBefore = client.socket.bytesOut;
      request.connection.socket.feed(Buffer.from(bytes.subarray(0, bytes.length - 1)));
      rig.settle();
      assert.equal(client.socket.bytesOut, sentBefore);
      request.connection.socket.feed(Buffer.from(bytes.subarray(bytes.length - 1)));
      rig.settle();
      assert.equal(client.last['n'], 1);
    }
  });

  test('that says moreToCome, or answers somebody else, costs its connection and not the client', () => {
    for (const [at, value, reason] of [
      [16, 2, 'more_to_come'],
      [8, 99, 'response_mismatch'],
    ] as const) {
      const { rig, client, bytes, feed } = startBench(40);
      bytes.writeInt32LE(value, at);
      feed(0);
      assert.equal(rig.cluster.closedFor(reason), 1);
      assert.equal(client.last['code'], 6);
      assert.equal(client.isClosed, false);
    }
  });

  test('that turns out malformed after a part of it has left costs both connections', () => {
    const { rig, client, bytes, feed } = startBench(100);
    bytes.fill(0xff, bytes.length - 10);
    feed(0);
    assert.equal(rig.cluster.closedFor('malformed_reply'), 1);
    assert.equal(client.isClosed, true);
    assert.equal(rig.downstream.closed.counts.get('reply_cut'), 1);
    assertNothingLeftInRig(rig);
  });
});

describe('in the middle of a large reply', () => {
  test('the server dies: the client cannot be told, so its connection ends', () => {
    const { rig, client, request, feed } = startBench(100);
    feed(0, 65_536);
    request.connection.socket.hangUp();
    rig.settle();
    assert.equal(client.socket.closeReason, 'reply_cut');
    assert.equal(rig.downstream.closed.counts.get('reply_cut'), 1);
    assert.equal(rig.table.totals.errors, 1);
    assertNothingLeftInRig(rig);
  });

  test('the client dies: the rest is read and dropped, and the connection serves on', () => {
    const { rig, client, bytes, feed, request } = startBench(3000);
    client.socket.isStuck = true;
    feed(0, 2 * MEBIBYTE);
    assert.equal(request.connection.socket.isPaused, true);
    client.close();
    assert.equal(request.connection.socket.isPaused, false);
    feed(2 * MEBIBYTE, bytes.length);
    rig.answer('killCursors', { cursorsKilled: [5n] });
    assert.equal(busy(rig), 0);
    assertNothingLeftInRig(rig);
    rig.app('other').send({ find: 'orders' });
    assert.equal(rig.server.take('find').connection, request.connection);
  });

  test('somebody kills the operation: the client cannot be told', () => {
    const { rig, client, bytes, feed } = startBench(100);
    feed(0, 65_536);
    const [connection] = rig.downstream.connections;
    assert.equal(connection?.killOperation(2), 'answered');
    assert.equal(client.socket.closeReason, 'reply_cut');
    feed(65_536, bytes.length);
    rig.answer('killCursors', { cursorsKilled: [5n] });
    assert.equal(busy(rig), 0);
    assertNothingLeftInRig(rig);
  });
});

describe('a slow reader of a large reply', () => {
  test('makes the server wait while it has 1 MiB to read, and its time is not the server’s', () => {
    const { rig, client, bytes, feed, request } = startBench(3000);
    client.socket.isStuck = true;
    feed(0, MEBIBYTE);
    assert.equal(request.connection.socket.isPaused, false);
    feed(MEBIBYTE, 2 * MEBIBYTE);
    assert.equal(request.connection.socket.isPaused, true);
    assert.ok(rig.budget.held >= MEBIBYTE && rig.budget.held < 2 * MEBIBYTE, `${rig.budget.held} held`);
    rig.clock.advance(9000);
    client.socket.unstick();
    rig.settle();
    assert.equal(request.connection.socket.isPaused, false);
    feed(2 * MEBIBYTE, bytes.length);
    assert.equal(client.raw.at(-1)?.length, bytes.length);
    const row = [...rig.table.rows()].find(({ command }) => command === 'find');
    assert.ok((row?.serverTimes.sumMs ?? 1e9) < 1000, `${row?.serverTimes.sumMs} ms`);
    client.close();
    rig.answer('killCursors', { cursorsKilled: [5n] });
    assertNothingLeftInRig(rig);
  });

  test('that takes nothing is dropped in time, and the server connection is free', () => {
    const { rig, client, bytes, feed, request } = startBench(3000, { slowClientTimeoutMs: 2000 });
    client.socket.isStuck = true;
    feed(0, 2 * MEBIBYTE);
    rig.clock.advance(1999);
    assert.equal(client.isClosed, false);
    rig.clock.advance(1);
    assert.equal(client.socket.closeReason, 'slow_reader');
    assert.equal(rig.downstream.closed.counts.get('slow_reader'), 1);
    assert.equal(request.connection.socket.isPaused, false);
    feed(2 * MEBIBYTE, bytes.length);
    rig.answer('killCursors', { cursorsKilled: [5n] });
    assert.equal(busy(rig), 0);
    assertNothingLeftInRig(rig);
  });

  test('that takes its time gets the rest out of memory, and the server waits no longer than the bound', () => {
    const bench = startBench(6000, { slowClientTimeoutMs: 2000 });
    const { rig, client, bytes, feed, request } = bench;
    const server = request.connection.socket;
    const at = makePauses(bench);
    assert.equal(server.isPaused, true);
    rig.clock.advance(200);
    assert.equal(server.isPaused, false, 'the sum of its pauses reached the bound');
    assert.equal(client.isClosed, false);
    feed(at, bytes.length);
    assert.equal(busy(rig), 0, 'the connection is free before the client has read');
    for (let i = 0; i < 40; i++) {
      client.socket.unstick();
      rig.settle();
    }
    assert.equal(client.raw.at(-1)?.length, bytes.length);
  });

  test('is dropped instead when there is no memory for the rest', () => {
    const bench = startBench(6000, { slowClientTimeoutMs: 2000, bufferBytes: MEBIBYTE * 3 });
    const { rig, client, request } = bench;
    const server = request.connection.socket;
    makePauses(bench);
    rig.clock.advance(200);
    assert.equal(client.socket.closeReason, 'slow_reader');
    assert.equal(server.isPaused, false);
    assert.equal(rig.budget.held, 0);
  });
});

describe('a reply of which nothing has left', () => {
  /** The next question is answered as any other. */
  function assertGoesOn({ rig, client }: Bench): void {
    const before = client.replies.length;
    client.send({ count: 'orders' });
    rig.answer('count', { n: 5 });
    assert.equal(client.replies.length, before + 1);
    assert.equal(client.last['n'], 5);
  }

  test('and that is malformed from its first part: an error in its place, and the next answer comes', () => {
    const bench = startBench(300);
    bench.bytes.writeInt32LE(3, 21);
    bench.feed(0, 100_000);
    assert.equal(bench.client.last['code'], 6);
    bench.rig.clock.advance(1000);
    assertGoesOn(bench);
  });

  test('but its head, when its operation is killed: the client is cut off, for nothing else may follow', () => {
    const bench = startBench(300);
    bench.feed(0, 20);
    const [connection] = bench.rig.downstream.connections;
    assert.equal(connection?.killOperation(2), 'answered');
    assert.equal(connection.isClosed, true);
    bench.feed(20);
    // The cursor that it opened is nobody's.
    bench.rig.answer('killCursors', { cursorsKilled: [5n] });
    assertNothingLeftInRig(bench.rig);
  });
});
