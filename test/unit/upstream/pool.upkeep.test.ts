// How long connections live, how many are kept, and what pause, recycle and evict do.
// Invariant tested: what is healthy and busy is never cut off by upkeep.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makePool, type PoolBench } from './fixture.ts';

function use(bench: PoolBench, ...names: string[]): void {
  bench.submit(...names.map((name) => bench.recorder.exchange(name)));
  for (const request of bench.server.open('find')) request.reply({});
  bench.clock.flushTurn();
}

const living = ({ server }: PoolBench): number => server.connections.filter(({ isGone }) => !isGone).length;

/** Lets upkeep see the time go by. */
function pass(bench: PoolBench, ms: number): void {
  for (let left = ms; left > 0; left -= 5000) {
    bench.clock.advance(Math.min(left, 5000));
    bench.clock.flushTurn();
    for (const request of bench.server.open('ping')) request.reply({});
    bench.clock.flushTurn();
  }
}

describe('upkeep', () => {
  test('idle ones end after maxIdleTime, but for the minimum', () => {
    const bench = makePool({ upkeep: { maxIdleTimeMs: 30_000, minConnections: 1 } });
    use(bench, 'a', 'b', 'c');
    assert.equal(living(bench), 3);
    pass(bench, 25_000);
    assert.equal(living(bench), 3);
    pass(bench, 10_000);
    assert.equal(living(bench), 1);
    assert.equal(bench.pool.closedFor('idle_time'), 2);
    assert.equal(bench.host.troubles, 0, 'that is no trouble');
  });

  test('a minimum is opened as soon as the endpoint is up, and again when one is lost', () => {
    const bench = makePool({ upkeep: { minConnections: 3 } });
    bench.pool.pump();
    bench.clock.flushTurn();
    bench.pool.pump();
    bench.clock.flushTurn();
    assert.equal(living(bench), 3);
    bench.server.connections[0]?.socket.hangUp();
    pass(bench, 10_000);
    assert.equal(living(bench), 3);
  });

  test('old ones end: idle ones at the next look, a busy one after its exchange', () => {
    const bench = makePool({ upkeep: { maxLifetimeMs: 100_000 } });
    use(bench, 'a', 'b');
    bench.submit(bench.recorder.exchange('busy'));
    pass(bench, 105_000);
    assert.equal(living(bench), 1);
    assert.deepEqual(bench.recorder.ends, ['a reply', 'b reply']);
    for (const request of bench.server.open('find')) request.reply({});
    assert.equal(bench.recorder.ends.at(-1), 'busy reply');
    assert.equal(living(bench), 0);
    assert.equal(bench.pool.closedFor('life_time'), 2);
  });

  test('one that was idle for long is asked, and dies if it does not answer', () => {
    const bench = makePool();
    use(bench, 'a');
    pass(bench, 65_000);
    assert.equal(bench.server.requests.filter(({ name }) => name === 'ping').length, 1);
    assert.equal(bench.pool.snapshot().idle, 1, 'it answered');
    bench.clock.advance(57_000);
    bench.clock.flushTurn();
    assert.equal(bench.pool.snapshot().busy, 1);
    bench.clock.advance(15_000);
    assert.equal(bench.pool.closedFor('no_pong'), 1);
    assert.equal(bench.host.troubles, 1);
  });

  test('paused: nothing is sent, deadlines go on, and resume serves who is left', () => {
    const bench = makePool({ cap: 2 });
    use(bench, 'a');
    bench.pool.pause();
    bench.submit(
      bench.recorder.exchange('early', { maxWaitMs: 1000 }),
      bench.recorder.exchange('late', { maxWaitMs: 9000 }),
    );
    assert.deepEqual(bench.seen(), ['a']);
    assert.equal(bench.pool.snapshot().isPaused, true);
    bench.clock.advance(2000);
    assert.equal(bench.recorder.ends.at(-1), 'early wait_timeout');
    bench.pool.resume();
    bench.clock.flushTurn();
    assert.deepEqual(bench.seen(), ['a', 'late']);
  });

  test('recycled: idle ones end now, a busy one after its exchange, and no answer is lost', () => {
    const bench = makePool();
    use(bench, 'a', 'b');
    bench.submit(bench.recorder.exchange('busy'));
    bench.pool.recycle();
    assert.equal(living(bench), 1);
    for (const request of bench.server.open('find')) request.reply({});
    bench.clock.flushTurn();
    assert.equal(living(bench), 0);
    assert.equal(bench.recorder.ends.at(-1), 'busy reply');
    assert.equal(bench.pool.closedFor('recycled'), 2);
    use(bench, 'c');
    assert.equal(bench.recorder.ends.at(-1), 'c reply');
  });

  test('evicted: those without a pin leave, still waiting, and keep their deadline elsewhere', () => {
    const bench = makePool();
    const other = makePool();
    bench.host.isUp = false;
    bench.submit(bench.recorder.exchange('free'), bench.recorder.exchange('pinned', { pin: 'db:27017' }));
    const evicted = bench.pool.evict();
    assert.equal(evicted.length, 1);
    assert.equal(bench.pool.snapshot().waiters, 1);
    for (const exchange of evicted) other.pool.submit(exchange);
    other.clock.flushTurn();
    assert.deepEqual(other.seen(), ['free']);
    bench.clock.advance(6000);
    assert.deepEqual(bench.recorder.ends, ['pinned unreachable']);
  });

  test('being asked is no use: an idle one ends though it answers', () => {
    const bench = makePool({ upkeep: { maxIdleTimeMs: 180_000 } });
    use(bench, 'a');
    pass(bench, 175_000);
    assert.deepEqual([living(bench), bench.seen().length], [1, 3], 'asked twice');
    pass(bench, 10_000);
    assert.equal(bench.pool.closedFor('idle_time'), 1);
  });
});
