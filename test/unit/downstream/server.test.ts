// The set of client connections: its cap, those beyond it, and the end in good order.
// The listener itself is net/listener.test.ts. Invariants tested: beyond the cap a connection is never read; a drain ends
// no running operation and no open transaction before its deadline.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Rig, startRig } from '../../support/rig.ts';
import { cursorReply, inTransaction, session } from '../../support/test-client.ts';

describe('beyond the cap', () => {
  test('a connection is left unread for a second, then closed and counted', () => {
    const rig = startRig({ maxConnections: 2 });
    const [first, second] = [rig.app('a'), rig.app('b')];
    const third = rig.app('c');
    assert.equal(third.replies.length, 0);
    assert.equal(third.isClosed, false);
    rig.clock.advance(999);
    assert.equal(third.isClosed, false);
    rig.clock.advance(1);
    assert.equal(third.isClosed, true);
    assert.equal(third.replies.length, 0);
    assert.deepEqual(
      [...rig.downstream.accepted.counts],
      [
        ['served', 2],
        ['over_limit', 1],
      ],
    );
    assert.ok(!first.isClosed && !second.isClosed);
  });

  test('at most 64 are held, the others are closed at once', () => {
    const rig = startRig({ maxConnections: 1 });
    rig.app('a');
    const over = Array.from({ length: 100 }, () => rig.connectClient());
    assert.equal(over.filter((client) => !client.isClosed).length, 64);
    rig.clock.advance(1000);
    assert.equal(over.filter((client) => !client.isClosed).length, 0);
    assert.equal(rig.connectClient().isClosed, false, 'room is held anew');
  });

  test('a place that is left is taken by the next', () => {
    const rig = startRig({ maxConnections: 1 });
    const first = rig.app('a');
    first.close();
    assert.equal(rig.app('b').last['ok'], 1);
  });
});

describe('a drain', () => {
  /** Starts a drain and lets its promise settle as the clock moves. */
  async function drain(rig: Rig, forMs: number, steps: () => Promise<void>): Promise<void> {
    const done = rig.downstream.drain(rig.clock.nowMs() + forMs);
    await steps();
    await done;
  }

  async function advance(rig: Rig, ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      rig.clock.advance(10);
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  test('closes idle clients at once and busy ones after their answer', async () => {
    const rig = startRig();
    const [idle, busy] = [rig.app('idle'), rig.app('busy')];
    busy.send({ find: 'a' });
    await drain(rig, 10_000, async () => {
      await advance(rig, 100);
      assert.deepEqual([idle.isClosed, busy.isClosed], [true, false]);
      rig.answer('find', cursorReply(0, 'a'));
      assert.equal(busy.last['ok'], 1);
      assert.equal(busy.isClosed, true);
      await advance(rig, 100);
    });
    assert.deepEqual([...rig.downstream.closed.counts], [['drained', 2]]);
    assert.equal(rig.downstream.connections.size, 0);
  });

  test('lets an open transaction come to its end', async () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ insert: 'a', ...inTransaction(session(1), 1, true) });
    rig.answer('insert', { n: 1 });
    await drain(rig, 10_000, async () => {
      await advance(rig, 500);
      assert.equal(client.isClosed, false);
      client.send({ commitTransaction: 1, ...inTransaction(session(1), 1), $db: 'admin' });
      await advance(rig, 100);
      rig.answer('commitTransaction');
      assert.equal(client.last['ok'], 1);
      await advance(rig, 100);
      assert.equal(client.isClosed, true);
    });
  });

  test('ends everybody at the deadline; the operation is finished', async () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ find: 'a' });
    await drain(rig, 300, async () => {
      await advance(rig, 400);
    });
    assert.equal(client.isClosed, true);
    assert.equal(rig.downstream.closed.counts.get('drain_deadline'), 1);
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(rig.table.totals.active, 0);
  });

  test('turns newcomers away', async () => {
    const rig = startRig();
    rig.app('busy').send({ find: 'a' });
    await drain(rig, 200, async () => {
      await advance(rig, 50);
      const late = rig.app('late');
      assert.equal(late.replies.length, 0);
      await advance(rig, 1100);
      assert.equal(late.isClosed, true);
    });
  });

  test('of nobody is over at once', async () => {
    const rig = startRig();
    const before = rig.clock.nowMs();
    await rig.downstream.drain(before + 10_000);
    assert.equal(rig.clock.nowMs(), before);
  });
});
