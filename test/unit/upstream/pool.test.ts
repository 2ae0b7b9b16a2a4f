// One lane on a scripted server: the cap, who is served when, the dials, generations, deadlines, the end.
// Ownership of replies is connection.test.ts. Invariant tested: connections on their way, idle and busy together never
// exceed the cap, and every submitted exchange ends exactly once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makePool, type PoolBench } from './fixture.ts';

const names = (count: number, prefix = 'n'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** Submits plain exchanges of these names. */
function submitAll({ submit, recorder }: PoolBench, wanted: readonly string[]): void {
  submit(...wanted.map((name) => recorder.exchange(name)));
}

/** Answers the oldest open request. */
function answer({ server, clock }: PoolBench, name?: string): void {
  const request = server.open('find').find((open) => name === undefined || open.document['find'] === name);
  assert.ok(request, `no open find ${name ?? ''}`);
  request.reply({});
  clock.flushTurn();
}

describe('a pool', () => {
  test('connects on demand, up to its cap, and serves waiters first in first out', () => {
    const bench = makePool({ cap: 3 });
    submitAll(bench, names(10));
    assert.deepEqual(bench.seen(), ['n0', 'n1', 'n2']);
    assert.equal(bench.server.peak, 3);
    for (let i = 0; i < 10; i++) answer(bench);
    assert.deepEqual(bench.seen(), names(10));
    assert.deepEqual(
      [...bench.recorder.ends].sort(),
      names(10).map((name) => `${name} reply`),
    );
    assert.equal(bench.server.peak, 3);
    const { idle, busy, waiters, connecting, checkouts, connects } = bench.pool.snapshot();
    assert.deepEqual(
      { idle, busy, waiters, connecting, checkouts, connects },
      {
        idle: 3,
        busy: 0,
        waiters: 0,
        connecting: 0,
        checkouts: 10,
        connects: 3,
      },
    );
  });

  test('counts how long those waited that got a connection', () => {
    const bench = makePool({ cap: 1 });
    submitAll(bench, ['first']);
    bench.clock.flushTurn();
    submitAll(bench, ['second']);
    bench.clock.advance(20);
    answer(bench);
    answer(bench);
    const { waits } = bench.pool.snapshot();
    assert.equal(waits?.sumMs, 20);
    assert.deepEqual(
      waits?.buckets.map((count) => count > 0),
      [true, false, false, false, true, false, false, false, false],
    );
  });

  test('makes no connection that nobody waits for', () => {
    const bench = makePool({ cap: 8 });
    for (const name of names(20)) {
      submitAll(bench, [name]);
      answer(bench);
    }
    assert.equal(bench.server.connections.length, 1);
  });

  test('never dials more than maxConnecting at once', () => {
    const bench = makePool({ cap: 8, maxConnecting: 2 });
    bench.server.answersHello = false;
    submitAll(bench, names(8));
    assert.equal(bench.server.dialled.length, 2);
    assert.equal(bench.pool.snapshot().connecting, 2);
    for (let round = 2; round <= 8; round++) {
      const hello = bench.server.silentHellos.shift();
      assert.ok(hello);
      hello.reply(bench.server.helloDocument());
      bench.clock.flushTurn();
      assert.ok(bench.pool.snapshot().connecting <= 2);
      assert.equal(bench.server.dialled.length, Math.min(8, round + 1));
    }
  });

  test('with a cap of 1 everything takes its turn, privileged first', () => {
    const bench = makePool({ cap: 1 });
    bench.host.openTransactions = 1;
    const { recorder } = bench;
    bench.submit(recorder.exchange('a'), recorder.exchange('b'), recorder.privileged('commit'), recorder.exchange('c'));
    for (let i = 0; i < 4; i++) answer(bench);
    assert.deepEqual(bench.seen(), ['commit', 'a', 'b', 'c']);
    assert.equal(bench.server.peak, 1);
  });

  test('ordinary work leaves one connection while a transaction is open', () => {
    const bench = makePool({ cap: 4 });
    bench.host.openTransactions = 1;
    submitAll(bench, names(20));
    assert.deepEqual(bench.seen(), ['n0', 'n1', 'n2']);
    bench.submit(bench.recorder.privileged('commit'));
    assert.deepEqual(bench.seen().slice(3), ['commit']);
    answer(bench, 'commit');
    assert.equal(bench.seen().length, 4, 'the reserved connection waits for the next statement');
    bench.host.openTransactions = 0;
    bench.pool.pump();
    bench.clock.flushTurn();
    assert.deepEqual(bench.seen().slice(4), ['n3']);
  });

  test('a connection that is lost makes room for the next', () => {
    const bench = makePool({ cap: 2 });
    submitAll(bench, names(4));
    bench.server.pooled[0]?.socket.hangUp();
    bench.clock.flushTurn();
    assert.deepEqual(bench.recorder.ends, ['n0 lost']);
    assert.deepEqual(bench.seen(), ['n0', 'n1', 'n2']);
    assert.equal(bench.server.pooled.length, 2);
    assert.equal(bench.host.troubles, 1);
    assert.equal(bench.pool.closedFor('peer_closed'), 1);
  });
});

describe('a pool whose server refuses', () => {
  test('backs off, one attempt a pause, and goes on by itself', () => {
    const bench = makePool({ cap: 8, maxConnecting: 2 });
    bench.server.isAccepting = false;
    submitAll(bench, names(5));
    assert.equal(bench.server.dialled.length, 2, 'two dials, then the pause');
    bench.clock.advance(3000);
    const dials = bench.server.dialled.length;
    // 50, 100, 200 … 1000 ms at jitter 0.5, two dials a pause at the most.
    assert.ok(dials >= 6 && dials <= 20, `${dials} dials in 3 s`);
    bench.server.isAccepting = true;
    bench.clock.advance(1000);
    assert.deepEqual(bench.seen(), names(5));
    assert.deepEqual(bench.recorder.ends, []);
  });

  test('a handshake that is refused counts as a failure', () => {
    const bench = makePool();
    bench.host.accepts = false;
    submitAll(bench, ['a']);
    bench.clock.advance(2000);
    assert.ok(bench.server.dialled.length < 20, `${bench.server.dialled.length} dials in 2 s`);
    assert.equal(bench.pool.closedFor('handshake_failed'), bench.server.dialled.length);
    assert.deepEqual(bench.seen(), []);
  });

  test('a server that says more than hello is not stormed', () => {
    const bench = makePool({ cap: 4 });
    bench.server.helloReplies = 2;
    const { server } = bench;
    const connect = server.connect.bind(server);
    server.connect = (...parts) => {
      if (server.dialled.length > 100) server.isBlackHole = true;
      return connect(...parts);
    };
    submitAll(bench, ['a']);
    bench.clock.advance(2000);
    assert.ok(server.dialled.length < 20, `${server.dialled.length} dials in 2 s`);
    assert.deepEqual(bench.seen(), []);
  });

  test('nobody dials while no upstream is reachable; an up endpoint serves who waited', () => {
    const bench = makePool();
    bench.host.isUp = false;
    submitAll(bench, names(2));
    bench.clock.advance(4000);
    assert.deepEqual(bench.server.dialled, []);
    bench.host.isUp = true;
    bench.pool.pump();
    bench.clock.flushTurn();
    assert.deepEqual(bench.seen(), names(2));
  });
});

describe('waiting in a pool', () => {
  test('ends at its bound with the reason of that bound', () => {
    const bench = makePool({ cap: 1 });
    const { recorder } = bench;
    submitAll(bench, ['holder']);
    bench.submit(
      recorder.exchange('queue'),
      recorder.exchange('max', { waitBound: 'max_time', maxWaitMs: 200 }),
      recorder.exchange('await', { waitBound: 'await', maxWaitMs: 1000 }),
    );
    bench.clock.advance(4999);
    assert.deepEqual(recorder.ends, ['max max_time', 'await await_turn']);
    bench.clock.advance(1);
    assert.deepEqual(recorder.ends.slice(2), ['queue wait_timeout']);
    answer(bench);
    assert.deepEqual(recorder.ends.slice(3), ['holder reply']);
    assert.equal(bench.seen().length, 1);
  });

  test('without a server it ends as unreachable', () => {
    const bench = makePool();
    bench.host.isUp = false;
    submitAll(bench, ['a']);
    bench.clock.advance(5000);
    assert.deepEqual(bench.recorder.ends, ['a unreachable']);
  });

  test('is bounded', () => {
    const bench = makePool({ cap: 1, maxWaiters: 3 });
    submitAll(bench, ['holder']);
    submitAll(bench, names(5));
    assert.deepEqual(bench.recorder.ends, ['n3 queue_full', 'n4 queue_full']);
    assert.equal(bench.pool.snapshot().waiters, 3);
    answer(bench);
    submitAll(bench, ['late']);
    assert.equal(bench.pool.snapshot().waiters, 3, 'there is room again');
  });

  test('ends silently when its asker leaves', () => {
    const bench = makePool({ cap: 1 });
    const waiting = bench.recorder.exchange('b');
    bench.submit(bench.recorder.exchange('a'), waiting);
    assert.equal(bench.pool.cancel(waiting), true);
    answer(bench);
    bench.clock.advance(10_000);
    assert.deepEqual(bench.recorder.ends, ['a reply']);
    assert.deepEqual(bench.seen(), ['a']);
  });

  test('one that was sent cannot be cancelled, only abandoned with its connection', () => {
    const bench = makePool({ cap: 1 });
    const sent = bench.recorder.exchange('a');
    bench.submit(sent, bench.recorder.exchange('b'));
    assert.equal(bench.pool.cancel(sent), false);
    bench.pool.abandon(sent);
    bench.clock.flushTurn();
    assert.deepEqual(bench.recorder.ends, ['a lost']);
    assert.deepEqual(bench.seen(), ['a', 'b']);
    assert.equal(bench.pool.closedFor('abandoned'), 1);
    bench.pool.abandon(sent);
    assert.equal(bench.pool.snapshot().busy, 1);
  });
});

describe('clear', () => {
  test('ends idle connections now and busy ones when they come back', () => {
    const bench = makePool({ cap: 3 });
    submitAll(bench, names(3));
    answer(bench, 'n0');
    bench.pool.clear('endpoint_changed');
    bench.clock.flushTurn();
    assert.equal(bench.server.pooled.length, 2);
    assert.deepEqual(bench.recorder.ends, ['n0 reply']);
    answer(bench, 'n1');
    assert.equal(bench.server.pooled.length, 1);
    submitAll(bench, ['after']);
    assert.equal(bench.server.connections.length, 4);
    answer(bench, 'n2');
    answer(bench, 'after');
    assert.deepEqual(bench.recorder.ends, ['n0 reply', 'n1 reply', 'n2 reply', 'after reply']);
    assert.equal(bench.server.pooled.length, 1, 'only the one of the new generation is left');
    assert.equal(bench.pool.closedFor('endpoint_changed'), 3);
  });

  test('gives up those on their way; who waits goes on waiting', () => {
    const bench = makePool();
    bench.server.answersHello = false;
    submitAll(bench, ['a']);
    bench.pool.clear('endpoint_changed');
    bench.server.answersHello = true;
    bench.clock.advance(1000);
    assert.deepEqual(bench.recorder.ends, []);
    assert.deepEqual(bench.seen(), ['a']);
    assert.equal(bench.server.pooled.length, 1);
  });

  test('destroyAll ends what is busy too', () => {
    const bench = makePool({ cap: 2 });
    submitAll(bench, names(3));
    bench.host.isUp = false;
    bench.pool.destroyAll('endpoint_silent');
    bench.clock.flushTurn();
    assert.deepEqual(bench.recorder.ends, ['n0 lost', 'n1 lost']);
    assert.equal(bench.server.pooled.length, 0);
    assert.equal(bench.pool.snapshot().waiters, 1);
  });
});

describe('stop', () => {
  test('ends everything and leaves no timer', () => {
    const bench = makePool({ cap: 2 });
    submitAll(bench, names(4));
    bench.pool.stop();
    bench.clock.flushTurn();
    assert.deepEqual([...bench.recorder.ends].sort(), ['n0 lost', 'n1 lost', 'n2 unreachable', 'n3 unreachable']);
    assert.equal(bench.server.pooled.length, 0);
    submitAll(bench, ['late']);
    assert.equal(bench.recorder.ends.at(-1), 'late unreachable');
    assert.equal(bench.clock.timers, 0);
  });

  test('in the pause after a failure leaves no timer either', () => {
    const bench = makePool();
    bench.server.isAccepting = false;
    submitAll(bench, ['a']);
    bench.pool.stop();
    assert.equal(bench.clock.timers, 0);
    assert.deepEqual(bench.recorder.ends, ['a unreachable']);
  });
});
