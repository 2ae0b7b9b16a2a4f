// Pipelining and slow reading on one client connection, through the whole proxy.
// Bad input is client-connection.test.ts. Invariants tested: answers in the order of the questions, one operation at a
// time; what is queued for a client is bounded because reading stops, and no number of requests needs a deep stack.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeMessage, Int32 } from '../../../codecs/index.ts';
import { startRig } from '../../support/rig.ts';
import { cursorReply, FLAG } from '../../support/test-client.ts';

const PING = { ping: 1, $db: 'admin' };

describe('pipelined requests', () => {
  test('are served one at a time, in their order, local ones in between', () => {
    const rig = startRig();
    const client = rig.connectClient();
    client.pipeline({ find: 'a' }, PING, { count: 'b' }, { hello: 1, $db: 'admin' }, { distinct: 'c' });
    assert.equal(client.replies.length, 0);
    assert.deepEqual(
      rig.server.requests.map(({ name }) => name),
      ['find'],
    );
    rig.answer('find', cursorReply(0, 'a'));
    assert.deepEqual(
      rig.server.requests.map(({ name }) => name),
      ['find', 'count'],
    );
    rig.answer('count', { n: 1 });
    rig.answer('distinct', { values: [] });
    assert.deepEqual(
      client.replies.map(({ responseTo }) => responseTo),
      [1, 2, 3, 4, 5],
    );
  });

  test('with the same id twice get an answer each', () => {
    const rig = startRig();
    const client = rig.connectClient();
    const bytes = encodeMessage({ find: 'a', $db: 'shop' }, 42, 0);
    client.feed(Buffer.concat([bytes, bytes]));
    rig.answer('find', cursorReply(0, 'a'));
    rig.answer('find', cursorReply(0, 'a'));
    assert.deepEqual(
      client.replies.map(({ responseTo }) => responseTo),
      [42, 42],
    );
  });

  test('a broken one among them does not change the order', () => {
    const rig = startRig();
    const client = rig.connectClient();
    client.feed(Buffer.concat([client.encode({ find: 'a' }), encodeMessage({ ping: 1 }, 501, 0), client.encode(PING)]));
    assert.equal(client.replies.length, 0);
    rig.answer('find', cursorReply(0, 'a'));
    assert.deepEqual(
      client.replies.map(({ responseTo }) => responseTo),
      [1, 501, 2],
    );
  });

  test('as many as fit in a chunk, answered here, need no deep stack', () => {
    const rig = startRig();
    const client = rig.connectClient();
    const pings = Array.from({ length: 1390 }, () => client.encode({ ping: new Int32(1), $db: 'a' }));
    const find = client.encode({ find: 'a' });
    client.feed(Buffer.concat([find, ...pings]));
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(client.replies.length, 1391);
    assert.equal(rig.table.totals.active, 0);
  });

  test('that want no answer, and their client gone, need no deep stack either', () => {
    const limit = { name: 'l', match: {}, per: [], ratePerSecond: 1, burst: 1, mode: 'enforce' } as const;
    const rig = startRig({ limits: [limit] });
    const client = rig.connectClient();
    const writes = Array.from({ length: 1390 }, () => client.encode({ insert: 'a', $db: 'd' }, FLAG.moreToCome));
    client.socket.feed(Buffer.concat([client.encode({ find: 'a' }), ...writes]));
    client.close();
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(
      rig.table
        .rows()
        .find((row) => row.command === 'insert')
        ?.countOf('dropped'),
      1390,
    );
    assert.equal(rig.table.totals.active, 0);
  });

  test('stop being read at 16, and are read again below 8', () => {
    const rig = startRig();
    const client = rig.connectClient();
    client.send({ find: 'a' });
    for (let i = 0; i < 15; i++) client.send({ count: 'b' });
    assert.equal(client.socket.isPaused, false);
    client.send({ count: 'b' });
    assert.equal(client.socket.isPaused, true);
    for (let i = 0; i < 50; i++) client.send({ count: 'late' });
    rig.answer('find', cursorReply(0, 'a'));
    for (let i = 0; i < 8; i++) rig.answer('count', { n: 1 });
    assert.equal(client.socket.isPaused, true, 'eight are left');
    rig.answer('count', { n: 1 });
    for (let i = 0; i < 57; i++) rig.answer('count', { n: 1 });
    assert.deepEqual(
      client.replies.map(({ responseTo }) => responseTo),
      Array.from({ length: 67 }, (_, index) => index + 1),
    );
    assert.equal(client.socket.isPaused, false);
  });

  test('behind a client that left are not begun', () => {
    const rig = startRig();
    const client = rig.connectClient();
    client.pipeline({ find: 'a' }, { insert: 'b' }, { insert: 'c' });
    client.close();
    rig.answer('find', cursorReply(0, 'a'));
    assert.deepEqual(
      rig.server.requests.map(({ name }) => name),
      ['find'],
    );
    assert.equal(rig.table.totals.operations, 1);
  });
});

describe('a slow reader', () => {
  const big = { cursor: { firstBatch: [{ text: 'x'.repeat(1_100_000) }], id: 0n, ns: 'shop.a' } };

  test('holds no connection, and its next request is not begun', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const slow = rig.app('slow');
    slow.socket.isStuck = true;
    slow.pipeline({ find: 'a' }, { find: 'b' });
    rig.answer('find', big);
    assert.equal(rig.server.open('find').length, 0);
    const other = rig.app('other');
    other.send({ count: 'c' });
    rig.answer('count', { n: 1 });
    assert.equal(other.last['ok'], 1);
    slow.send({ find: 'c' });
    assert.equal(rig.server.open('find').length, 0, 'nor one that comes later');
    slow.socket.unstick();
    rig.settle();
    assert.equal(rig.server.open('find').length, 1);
    rig.answer('find', cursorReply(0, 'b'));
    rig.answer('find', cursorReply(0, 'c'));
    assert.deepEqual(
      slow.replies.map(({ responseTo }) => responseTo),
      [1, 2, 3, 4],
    );
  });

  test('of little is not slow', () => {
    const rig = startRig();
    const slow = rig.app('slow');
    slow.socket.isStuck = true;
    slow.pipeline({ find: 'a' }, { find: 'b' });
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(rig.server.open('find').length, 1);
  });

  test('of one big answer that is taken at once goes on by itself', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.pipeline({ find: 'a' }, { find: 'b' });
    rig.answer('find', big);
    rig.answer('find', cursorReply(0, 'b'));
    assert.equal(client.replies.length, 3);
  });

  test('that vanishes leaves nothing', () => {
    const rig = startRig();
    const slow = rig.app('slow');
    slow.socket.isStuck = true;
    slow.pipeline({ find: 'a' }, { find: 'b' });
    rig.answer('find', big);
    slow.close();
    assert.equal(rig.downstream.connections.size, 0);
    assert.equal(rig.server.open('find').length, 0);
    assert.equal(rig.table.totals.active, 0);
  });
});
