// The byte budget as clients meet it, through the whole proxy: what is charged, who waits, who is dropped, and that all comes back.
// The budget by itself is tested in core. Invariants tested: nothing is charged once the last client left, whatever the way out;
// whoever waits goes on; nobody is dropped while there is memory.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertNothingLeftInRig } from '../../support/leaks.ts';
import { type Rig, type RigOptions, startRig } from '../../support/rig.ts';
import type { TestClient } from '../../support/test-client.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1_048_576;

/** A rig with little memory. */
function startSmall(options: RigOptions = {}): Rig {
  return startRig({ bufferBytes: MEBIBYTE, slowClientTimeoutMs: 2000, ...options });
}

function insertOf(client: TestClient, bytes: number): Buffer {
  return client.encode({ insert: 'orders', documents: [{ text: 'x'.repeat(bytes) }] });
}

/** Sends the first bytes of a large insert; the rest is returned. */
function begin(client: TestClient, bytes: number, sent: number): Buffer {
  const message = insertOf(client, bytes);
  for (let at = 0; at < sent; at += 65_536) client.feed(message.subarray(at, Math.min(at + 65_536, sent)));
  return message.subarray(sent);
}

/** Brings the budget to its end: a client whose request of so many bytes is at the server. */
function spend(rig: Rig, bytes: number = MEBIBYTE): TestClient {
  const client = rig.app('spender');
  client.feed(begin(client, bytes, 0));
  assert.ok(rig.budget.isSpent);
  return client;
}

describe('what requests take', () => {
  test('is what came of them, from 16 KiB on, until they are answered', () => {
    const rig = startSmall();
    const client = rig.app('writer');
    client.send({ insert: 'orders', documents: [{ text: 'x'.repeat(10_000) }] });
    assert.equal(rig.budget.held, 0);
    rig.answer('insert', { n: 1 });
    const rest = begin(client, 200 * KIBIBYTE, 16_383);
    assert.equal(rig.budget.held, 0);
    client.feed(rest.subarray(0, 1));
    assert.equal(rig.budget.held, 16_384);
    client.feed(rest.subarray(1));
    assert.equal(rig.budget.held, rest.length + 16_383);
    rig.answer('insert', { n: 1 });
    assert.equal(rig.budget.held, 0);
  });

  test('is not what their headers promise', () => {
    const rig = startSmall();
    const client = rig.app('writer');
    begin(client, 10 * MEBIBYTE, 100);
    assert.equal(rig.budget.held, 0);
  });

  test('counts those that wait behind the one at hand', () => {
    const rig = startSmall();
    const client = rig.app('writer');
    const bytes = insertOf(client, 20_000);
    client.feed(Buffer.concat([bytes, insertOf(client, 20_000), insertOf(client, 20_000)]));
    assert.equal(rig.budget.held, 3 * bytes.length);
    for (const left of [2, 1, 0]) {
      rig.answer('insert', { n: 1 });
      assert.equal(rig.budget.held, left * bytes.length);
    }
  });

  test('comes back on every way out', () => {
    const ways: readonly (readonly [string, (rig: Rig, client: TestClient) => void])[] = [
      ['gone in mid-message', (_rig, client) => void begin(client, 200_000, 100_000)],
      ['gone while the server works', (_rig, client) => client.feed(insertOf(client, 100_000))],
      [
        'gone with a queue',
        (_rig, client) => client.feed(Buffer.concat([1, 2, 3].map(() => insertOf(client, 50_000)))),
      ],
      ['refused', (_rig, client) => client.send({ text: 'x'.repeat(50_000), $db: 'bad name' })],
      [
        'the server is lost',
        (rig, client) => {
          client.feed(insertOf(client, 50_000));
          rig.server.kill();
        },
      ],
      [
        'an unread answer',
        (rig, client) => {
          client.socket.isStuck = true;
          client.send({ foo: 'orders' });
          rig.answer('foo', { text: 'x'.repeat(300_000) });
          assert.ok(rig.budget.held > 300_000);
        },
      ],
      [
        'a bad frame behind a large one',
        (_rig, client) => client.feed(Buffer.concat([insertOf(client, 50_000), Buffer.alloc(20)])),
      ],
    ];
    for (const [what, act] of ways) {
      const rig = startSmall();
      const client = rig.app('writer');
      act(rig, client);
      rig.settle();
      client.close();
      for (const request of rig.server.requests) if (!request.isAnswered) request.reply({ n: 1 });
      rig.settle();
      assert.equal(rig.budget.held, 0, what);
      assertNothingLeftInRig(rig);
    }
  });
});

describe('while the budget is spent', () => {
  test('nobody begins, and first come goes on first', () => {
    const rig = startSmall();
    const clients = ['a', 'b', 'c'].map((name) => rig.app(name));
    spend(rig);
    // What has come with the first chunk is served: that frees memory, if it takes any.
    for (const [index, client] of clients.entries()) {
      client.send({ find: `first${index}` });
      assert.equal(client.socket.isPaused, true);
      client.send({ find: `second${index}` });
    }
    for (const request of rig.server.open('find')) request.reply({});
    rig.settle();
    assert.equal(rig.server.requests.length, 4);
    rig.answer('insert', { n: 1 });
    assert.deepEqual(
      rig.server.open('find').map(({ document }) => document['find'] as unknown),
      ['second0', 'second1', 'second2'],
    );
    assert.equal(rig.budget.pauses >= 3, true);
  });

  test('four in mid-message go on, and the next one when one of them is answered', () => {
    const rig = startSmall();
    const clients = ['a', 'b', 'c', 'd', 'e'].map((name) => rig.app(name));
    const rests = clients.map((client) => begin(client, 100_000, 30_000));
    spend(rig);
    for (const [index, client] of clients.entries()) client.feed((rests[index] as Buffer).subarray(0, 10_000));
    assert.deepEqual(
      clients.map(({ socket }) => socket.isPaused),
      [false, false, false, false, true],
    );
    clients[2]?.feed((rests[2] as Buffer).subarray(10_000));
    assert.equal(clients[4]?.socket.isPaused, true);
    const mine = rig.server.open('insert').at(-1);
    mine?.reply({ n: 1 });
    rig.settle();
    assert.equal(clients[4]?.socket.isPaused, false);
  });

  test('whoever sends no more of a request is dropped in time, and only then', () => {
    const rig = startSmall();
    const [still, moving] = [rig.app('still'), rig.app('moving')];
    begin(still, 100_000, 30_000);
    let rest = begin(moving, 100_000, 30_000);
    rig.clock.advance(60_000);
    assert.equal(still.isClosed, false, 'there was memory');
    spend(rig);
    for (let turn = 0; turn < 5; turn++) {
      moving.feed(rest.subarray(0, 1000));
      rest = rest.subarray(1000);
      rig.clock.advance(500);
    }
    assert.equal(still.socket.closeReason, 'stalled');
    assert.equal(rig.downstream.closed.counts.get('stalled'), 1);
    assert.equal(moving.isClosed, false);
  });

  test('whoever waits is not taken for one that sends nothing', () => {
    const rig = startSmall();
    const client = rig.app('waits');
    spend(rig);
    client.send({ find: 'orders' });
    rig.answer('find');
    assert.equal(client.socket.isPaused, true);
    rig.clock.advance(60_000);
    assert.equal(client.isClosed, false);
    client.close();
    client.socket.resume();
    assert.equal(rig.budget.waiting <= 1, true);
  });

  test('whoever takes time over answers is dropped as well', () => {
    const rig = startSmall({ bufferBytes: 4 * MEBIBYTE });
    const client = rig.app('reader');
    client.socket.isStuck = true;
    client.send({ foo: 'orders' });
    rig.answer('foo', { text: 'x'.repeat(3 * MEBIBYTE) });
    spend(rig, 3 * MEBIBYTE);
    for (let turn = 0; turn < 4 && !client.isClosed; turn++) {
      client.socket.unstick();
      client.socket.isStuck = true;
      rig.clock.advance(500);
    }
    assert.equal(client.socket.closeReason, 'slow_reader');
  });
});

describe('a reader of collected answers', () => {
  test('that leaves more than 1 MiB and takes nothing is dropped in time', () => {
    const rig = startSmall({ bufferBytes: 64 * MEBIBYTE });
    const client = rig.app('reader');
    client.socket.isStuck = true;
    client.send({ foo: 'orders' });
    rig.answer('foo', { text: 'x'.repeat(2 * MEBIBYTE) });
    rig.clock.advance(1999);
    assert.equal(client.isClosed, false);
    rig.clock.advance(1);
    assert.equal(client.socket.closeReason, 'slow_reader');
    assert.equal(rig.budget.held, 0);
  });

  test('that takes a little now and then gets all of it', () => {
    const rig = startSmall({ bufferBytes: 64 * MEBIBYTE });
    const client = rig.app('reader');
    client.socket.isStuck = true;
    client.send({ foo: 'orders' });
    rig.answer('foo', { text: 'x'.repeat(2 * MEBIBYTE) });
    for (let turn = 0; turn < 20 && client.raw.length < 2; turn++) {
      client.socket.unstick();
      client.socket.isStuck = true;
      rig.clock.advance(1400);
    }
    assert.equal((client.last['text'] as string).length, 2 * MEBIBYTE);
    assert.equal(client.isClosed, false);
  });

  test('that leaves small ones unread for an hour is not harmed', () => {
    const rig = startSmall();
    const client = rig.app('reader');
    client.socket.isStuck = true;
    client.send({ foo: 'orders' });
    rig.answer('foo', { text: 'x'.repeat(500_000) });
    rig.clock.advance(3_600_000);
    assert.equal(client.isClosed, false);
    client.socket.unstick();
    rig.settle();
    client.socket.unstick();
    rig.clock.advance(0);
    assert.equal((client.last['text'] as string).length, 500_000);
    assert.equal(rig.budget.held, 0);
  });
});
