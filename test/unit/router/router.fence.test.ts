// Writes that want no answer: weir's own ping behind them, and what the same client's next request waits for.
// Invariants tested: nobody is ever sent a reply to one; a connection is free only after the fence was answered; the
// order of one client's requests is kept.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRig } from '../../support/rig.ts';
import { cursorReply, FLAG, type TestClient } from '../../support/test-client.ts';

const W0 = { insert: 'log', documents: [{ a: 1 }], writeConcern: { w: 0 } };

const answersOf = (client: TestClient): number => client.replies.length - 1;

describe('a write without an answer', () => {
  test('is followed by a ping on the same connection, whose answer frees it', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const client = rig.app('shop');
    client.send(W0, FLAG.moreToCome);
    const [write, ping] = rig.server.requests;
    assert.deepEqual([write?.name, ping?.name], ['insert', 'ping']);
    assert.equal(write?.connection, ping?.connection);
    assert.equal(write?.moreToCome, true);
    const other = rig.app('other');
    other.send({ find: 'goods' });
    assert.equal(rig.server.open('find').length, 0, 'the connection is not free yet');
    rig.answer('ping');
    assert.equal(rig.server.open('find').length, 1);
    assert.equal(answersOf(client), 0);
    assert.equal(rig.dispatcher.router.pins.counts.get('fence'), 1);
  });

  test("holds back the same client's next request until the fence is answered", () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send(W0, FLAG.moreToCome);
    client.send({ find: 'log' });
    assert.equal(rig.server.open('find').length, 0);
    rig.answer('ping');
    rig.answer('find', cursorReply(0, 'log'));
    assert.equal(client.last['ok'], 1);
  });

  test('several in a row keep their order', () => {
    const rig = startRig();
    const client = rig.app('shop');
    for (const n of [1, 2, 3]) client.send({ ...W0, documents: [{ n }] }, FLAG.moreToCome);
    for (const n of [1, 2, 3]) {
      const inserts = rig.server.requests.filter((request) => request.name === 'insert');
      assert.equal(inserts.length, n);
      rig.answer('ping');
    }
    assert.equal(answersOf(client), 0);
  });

  test('whose fence is lost is over: the client goes on', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send(W0, FLAG.moreToCome);
    client.send({ find: 'log' });
    rig.server.pooled[0]?.socket.hangUp();
    rig.clock.advance(100);
    rig.answer('find', cursorReply(0, 'log'));
    assert.equal(client.last['ok'], 1);
    assert.equal(answersOf(client), 1);
    const row = rig.table.rows().find((candidate) => candidate.command === 'insert');
    assert.equal(row?.countOf('upstream_lost'), 1);
  });

  test('whose connection never comes is dropped in silence', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    rig.app('busy').send({ count: 'a' });
    const client = rig.app('shop');
    client.send(W0, FLAG.moreToCome);
    rig.clock.advance(5000);
    assert.equal(answersOf(client), 0);
    assert.equal(client.isClosed, false);
    const row = rig.table.rows().find((candidate) => candidate.command === 'insert');
    assert.equal(row?.countOf('wait_timeout'), 1);
  });

  test('that a limit refuses is dropped and counted, the next one is answered', () => {
    const limit = {
      name: 'l',
      match: { command: 'insert' },
      per: [],
      ratePerSecond: 1,
      burst: 1,
      mode: 'enforce',
    } as const;
    const rig = startRig({ limits: [limit] });
    const client = rig.app('shop');
    client.send(W0, FLAG.moreToCome);
    rig.answer('ping');
    client.send(W0, FLAG.moreToCome);
    assert.equal(rig.server.open('ping').length, 0);
    client.send({ ping: 1 });
    assert.deepEqual(client.last, { ok: 1 });
    assert.equal(answersOf(client), 1);
    const row = rig.table.rows().find((candidate) => candidate.command === 'insert');
    assert.equal(row?.countOf('dropped'), 1);
  });

  test('is carried out though its client left right behind it', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    rig.app('busy').send({ count: 'a' });
    const client = rig.app('shop');
    client.socket.feed(Buffer.concat([client.encode(W0, FLAG.moreToCome), client.encode(W0, FLAG.moreToCome)]));
    client.close();
    rig.answer('count', { n: 1 });
    rig.answer('ping');
    rig.answer('ping');
    assert.equal(rig.server.requests.filter((request) => request.name === 'insert').length, 2);
    assert.equal(rig.table.totals.active, 0);
  });

  test('an answer to it, which nobody asked for, costs the connection and disturbs nobody', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const other = rig.app('other');
    client.send(W0, FLAG.moreToCome);
    other.send({ find: 'goods' });
    rig.answer('insert', { n: 1 });
    assert.equal(rig.cluster.closedFor('response_mismatch'), 1);
    rig.answer('find', cursorReply(0, 'goods'));
    assert.equal(other.last['ok'], 1);
    assert.equal(answersOf(client), 0);
    assert.equal(client.isClosed, false);
  });

  test('that cannot be read is not answered either', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const bytes = client.encode({ insert: 'log', lsid: 7 }, FLAG.moreToCome);
    client.feed(bytes);
    assert.equal(answersOf(client), 0);
    client.send({ ping: 1 });
    assert.equal(answersOf(client), 1);
  });
});
