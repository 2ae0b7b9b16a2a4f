// The verbs on a proxy with a fake clock: held operations and their deadlines, renewed connections, clients and operations
// that are ended, and everything that may be named wrongly. The way over HTTP is tested in test/integration/verbs.test.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VerbAnswer, Verbs } from '../../src/core/verbs.ts';
import { createVerbs } from '../../src/verbs.ts';
import { type Rig, type RigOptions, startRig } from '../support/rig.ts';
import { cursorReply } from '../support/test-client.ts';

interface Scene {
  readonly rig: Rig;
  readonly verbs: Verbs;
  readonly drains: (number | null)[];
}

function start(options: RigOptions = {}): Scene {
  const rig = startRig(options);
  const drains: (number | null)[] = [];
  const verbs = createVerbs({
    clusters: [rig.cluster],
    passedThrough: ['sniffed'],
    servers: [rig.downstream],
    passthroughServers: [],
    drain: (timeoutMs) => {
      drains.push(timeoutMs);
      return timeoutMs ?? 10_000;
    },
  });
  return { rig, verbs, drains };
}

function resultOf<Value>(answer: VerbAnswer<Value>): Value {
  assert.ok(answer.kind === 'done', JSON.stringify(answer));
  return answer.value;
}

function refusal(answer: VerbAnswer<unknown>): readonly [string, string] {
  assert.ok(answer.kind !== 'done', JSON.stringify(answer));
  return [answer.kind, answer.sentence];
}

describe('pause', () => {
  test('holds operations until resume; hello and ping are answered', () => {
    const { rig, verbs } = start();
    const client = rig.app('shop');
    client.send({ find: 'a' });
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(resultOf(verbs.pause(null))[0]?.isPaused, true);
    client.send({ find: 'b' });
    assert.equal(rig.server.open('find').length, 0);
    const other = rig.app('other');
    other.send({ ping: 1, $db: 'admin' });
    assert.deepEqual([other.replies.length, other.last['ok']], [2, 1]);
    const [state] = resultOf(verbs.pause('test'));
    assert.deepEqual([state?.cluster, state?.isPaused, state?.waiters], ['test', true, 1]);
    assert.equal(resultOf(verbs.resume(null))[0]?.isPaused, false);
    rig.settle();
    rig.answer('find', cursorReply(0, 'b'));
    assert.equal(client.last['ok'], 1);
  });

  test('what is under way comes to its end, and nothing follows it', () => {
    const { rig, verbs } = start({ pool: { maxConnections: 1 } });
    const [first, second] = [rig.app('first'), rig.app('second')];
    first.send({ find: 'a' });
    second.send({ count: 'a' });
    verbs.pause(null);
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(first.last['ok'], 1);
    assert.equal(rig.server.open('count').length, 0);
    verbs.resume(null);
    rig.settle();
    rig.answer('count', { n: 1 });
    assert.equal(second.last['n'], 1);
  });

  test('the deadlines go on: the queue says 462, a maxTimeMS of its own 50', () => {
    const { rig, verbs } = start({ pool: { waitQueueTimeoutMs: 5000 } });
    verbs.pause(null);
    const [plain, bounded] = [rig.app('plain'), rig.app('bounded')];
    plain.send({ find: 'a' });
    bounded.send({ find: 'a', maxTimeMS: 1000 });
    rig.clock.advance(1000);
    assert.deepEqual([plain.replies.length, bounded.last['code']], [1, 50]);
    rig.clock.advance(4000);
    assert.equal(plain.last['code'], 462);
    assert.equal((plain.last['errorLabels'] as string[]).includes('RetryableError'), false);
    verbs.resume(null);
    rig.settle();
    assert.equal(rig.server.requests.length, 0);
  });
});

test('reconnect renews connections: idle ones now, busy ones after their operation, and no client sees it', () => {
  const { rig, verbs } = start();
  const [idle, busy] = [rig.app('idle'), rig.app('busy')];
  idle.send({ count: 'a' });
  busy.send({ find: 'a' });
  rig.answer('count', { n: 1 });
  const [first, second] = rig.server.pooled;
  assert.equal(rig.server.pooled.length, 2);
  verbs.reconnect(null);
  rig.settle();
  assert.deepEqual(rig.server.pooled.length, 1, 'the busy one');
  rig.answer('find', cursorReply(0, 'a'));
  assert.equal(busy.last['ok'], 1);
  assert.deepEqual([first?.isGone, second?.isGone], [true, true]);
  for (const client of [idle, busy]) {
    client.send({ distinct: 'a' });
    rig.answer('distinct', { values: [] });
    assert.equal(client.last['ok'], 1);
  }
});

describe('kill', () => {
  test('a client: it is closed, and what it waited for leaves the queue', () => {
    const { rig, verbs } = start({ pool: { maxConnections: 1 } });
    const busy = rig.app('busy');
    busy.send({ count: 'a' });
    const victim = rig.app('victim', '10.0.0.9');
    victim.send({ find: 'never' });
    const killed = resultOf(verbs.killClient(2));
    assert.deepEqual([killed.client, killed.app, killed.address.split(':')[0]], [2, 'victim', '10.0.0.9']);
    rig.settle();
    assert.deepEqual([victim.isClosed, rig.cluster.snapshot()[0]?.waiters], [true, 0]);
    assert.equal(rig.downstream.closed.counts.get('killed'), 1);
    rig.answer('count', { n: 3 });
    assert.equal(busy.last['n'], 3);
    assert.deepEqual(refusal(verbs.killClient(2)), ['not_found', 'there is no client 2; weir show clients lists them']);
  });

  test('a client with an open cursor: it is cleaned up after', () => {
    const { rig, verbs } = start();
    const victim = rig.app('victim');
    victim.send({ find: 'a' });
    rig.answer('find', cursorReply(4, 'a'));
    verbs.killClient(1);
    rig.settle();
    assert.deepEqual(rig.server.take('killCursors').document['cursors'], [4]);
  });

  test('an operation in the queue, and one at the server', () => {
    const { rig, verbs } = start({ pool: { maxConnections: 1 } });
    const [sent, waits] = [rig.app('sent'), rig.app('waits')];
    sent.send({ find: 'a' });
    waits.send({ count: 'b' });
    assert.deepEqual(resultOf(verbs.killOperation('2.2')), {
      operation: '2.2',
      command: 'count',
      namespace: 'shop.b',
      how: 'left_queue',
    });
    assert.equal(resultOf(verbs.killOperation('1.2')).how, 'answered');
    rig.settle();
    assert.deepEqual([sent.last['code'], waits.last['code']], [11_601, 11_601]);
    assert.deepEqual(refusal(verbs.killOperation('1.2')), [
      'not_found',
      'operation 1.2 is over; weir show operations lists those in flight',
    ]);
  });

  test('what cannot be ended is said', () => {
    const { rig, verbs } = start();
    const client = rig.app('client');
    assert.equal(refusal(verbs.killOperation('9.1'))[1], 'there is no client 9; weir show clients lists them');
    assert.match(refusal(verbs.killOperation('1.1'))[1], /is over/);
    client.send({ insert: 'a', documents: [] }, 2);
    const [kind, sentence] = refusal(verbs.killOperation('1.2'));
    assert.deepEqual([kind, /wants no answer.*weir kill client 1/.test(sentence)], ['conflict', true]);
  });
});

test('a cluster that is not there, or has no pool, changes nothing', () => {
  const { rig, verbs } = start();
  assert.deepEqual(refusal(verbs.pause('tset')), ['not_found', "there is no cluster 'tset'; there are: test"]);
  const [kind, sentence] = refusal(verbs.reconnect('sniffed'));
  assert.equal(kind, 'conflict');
  assert.match(sentence, /'sniffed' is passed through/);
  assert.equal(rig.cluster.isPaused, false);
});

test('without a pool at all the verbs of clusters say so', () => {
  const verbs = createVerbs({
    clusters: [],
    passedThrough: ['sniffed'],
    servers: [],
    passthroughServers: [],
    drain: () => 0,
  });
  for (const answer of [verbs.pause(null), verbs.resume(null), verbs.reconnect(null)]) {
    assert.deepEqual(refusal(answer)[0], 'conflict');
  }
});

test('drain begins with the time that is given and says what is left', () => {
  const { rig, verbs, drains } = start();
  rig.app('a');
  assert.deepEqual(resultOf(verbs.drain(3000)), { clients: 1, leftMs: 3000 });
  verbs.drain(null);
  assert.deepEqual(drains, [3000, null]);
});
