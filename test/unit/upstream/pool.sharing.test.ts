// Short exchanges behind others on one connection: when they may, when not, and what becomes of each.
// Invariants tested: nobody shares while a connection of its own may be had; never behind what is not short; a privileged or
// long exchange that waits is not overtaken; each of a lost connection ends by itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Exchange, ExchangeRequest } from '../../../src/upstream/exchange.ts';
import { makePool, type PoolBench } from './fixture.ts';

const SHORT: Partial<ExchangeRequest> = { isShort: true };

function make(cap = 1): PoolBench {
  return makePool({ cap, maxConnecting: cap, pipelining: 'adaptive' });
}

const short = (bench: PoolBench, name: string): Exchange => bench.recorder.exchange(name, SHORT);

/** Answers everything that is open, one turn, until nothing is. */
function answerAll({ server, clock }: PoolBench): void {
  for (let open = server.open('find'); open.length > 0; open = server.open('find')) {
    for (const request of open) request.reply({});
    clock.flushTurn();
  }
}

/** Grows the depth by giving it what it wants to see: quick answers, and a wish for more. */
function warm(bench: PoolBench, depth: number): void {
  for (let round = 0; round < 400 && (bench.pool.snapshot().depth ?? 1) < depth; round++) {
    bench.submit(...Array.from({ length: 40 }, (_, index) => short(bench, `w${index}`)));
    for (let open = bench.server.open('find'); open.length > 0; open = bench.server.open('find')) {
      bench.clock.advance(2);
      for (const request of open) request.reply({});
      bench.clock.flushTurn();
    }
  }
  assert.ok((bench.pool.snapshot().depth ?? 1) >= depth, 'the depth grew');
  bench.server.requests.length = 0;
  bench.recorder.ends.length = 0;
}

describe('short exchanges', () => {
  test('go one at a time until the depth grew', () => {
    const bench = make();
    bench.submit(short(bench, 'a'), short(bench, 'b'));
    assert.deepEqual(bench.seen(), ['a']);
    answerAll(bench);
    assert.deepEqual(bench.recorder.ends, ['a reply', 'b reply']);
  });

  test('share a connection then, and each gets its own answer in turn', () => {
    const bench = make();
    warm(bench, 3);
    bench.submit(short(bench, 'a'), short(bench, 'b'), short(bench, 'c'));
    assert.deepEqual(bench.seen(), ['a', 'b', 'c']);
    assert.equal(bench.server.connections.length, 1);
    answerAll(bench);
    assert.deepEqual(bench.recorder.ends, ['a reply', 'b reply', 'c reply']);
    assert.ok((bench.pool.snapshot().pipelined ?? 0) >= 2);
    assert.equal(bench.pool.snapshot().busy, 0);
  });

  test('prefer connections of their own', () => {
    const bench = make(3);
    warm(bench, 2);
    bench.submit(...['a', 'b', 'c', 'd'].map((name) => short(bench, name)));
    assert.equal(bench.seen().length, 4);
    assert.equal(new Set(bench.server.requests.map(({ connection }) => connection)).size, 3);
  });

  test('do not go behind a long one, nor does a long one go behind them', () => {
    const bench = make();
    warm(bench, 3);
    bench.submit(bench.recorder.exchange('long'), short(bench, 'a'));
    assert.deepEqual(bench.seen(), ['long']);
    answerAll(bench);
    bench.server.requests.length = 0;
    bench.submit(short(bench, 'b'), bench.recorder.exchange('long2'), short(bench, 'c'));
    assert.deepEqual(bench.seen(), ['b'], 'the long one that waits is not overtaken');
    answerAll(bench);
    assert.deepEqual(bench.recorder.ends.slice(-3), ['b reply', 'long2 reply', 'c reply']);
  });

  test('a privileged one that waits gets the next free connection', () => {
    const bench = make();
    warm(bench, 3);
    bench.submit(short(bench, 'a'), bench.recorder.privileged('commit'), short(bench, 'b'));
    assert.deepEqual(bench.seen(), ['a']);
    answerAll(bench);
    assert.deepEqual(bench.recorder.ends, ['a reply', 'commit reply', 'b reply']);
  });

  test('those of a lost connection end one by one: written ones lost, the depth is 1', () => {
    const bench = make();
    warm(bench, 3);
    bench.submit(short(bench, 'a'), short(bench, 'b'));
    bench.server.connections.at(-1)?.socket.hangUp();
    assert.deepEqual(bench.recorder.ends, ['a lost', 'b lost']);
    assert.equal(bench.pool.snapshot().depth, 1);
    assert.equal(bench.pool.snapshot().busy, 0);
  });

  test('an answer for another one destroys the connection; nobody gets it', () => {
    const bench = make();
    warm(bench, 3);
    bench.submit(short(bench, 'a'), short(bench, 'b'));
    const [a, b] = bench.server.open('find');
    a?.reply({}, b?.requestId);
    assert.deepEqual(bench.recorder.ends, ['a lost', 'b lost']);
    assert.equal(bench.pool.closedFor('response_mismatch'), 1);
  });

  test('nobody joins while the oldest takes longer than it should', () => {
    const bench = make();
    warm(bench, 4);
    bench.submit(short(bench, 'stuck'));
    bench.clock.advance(30);
    bench.submit(short(bench, 'a'));
    assert.deepEqual(bench.seen(), ['stuck']);
    assert.equal(bench.pool.snapshot().pipelineRefusals?.['overdue'], 1);
    answerAll(bench);
    assert.deepEqual(bench.recorder.ends, ['stuck reply', 'a reply']);
  });

  test('abandoning one in the middle leaves the others alone', () => {
    const bench = make();
    warm(bench, 3);
    const middle = short(bench, 'b');
    bench.submit(short(bench, 'a'), middle, short(bench, 'c'));
    bench.pool.abandon(middle);
    answerAll(bench);
    assert.deepEqual(bench.recorder.ends, ['a reply', 'b reply', 'c reply']);
  });

  /** Always sends one more before it answers the oldest: the connection is never idle by itself. */
  function neverIdle(bench: PoolBench, rounds: number): void {
    bench.submit(short(bench, 'first'));
    for (let round = 0; round < rounds; round++) {
      bench.submit(short(bench, `n${round}`));
      bench.clock.advance(2);
      bench.server.take('find').reply({});
      bench.clock.flushTurn();
    }
  }

  test('do not keep alive a connection that is recycled, or too old', () => {
    const recycled = make();
    warm(recycled, 4);
    neverIdle(recycled, 5);
    const [old] = recycled.server.pooled;
    recycled.pool.recycle();
    neverIdle(recycled, 100);
    assert.deepEqual([old?.isGone, recycled.pool.closedFor('recycled')], [true, 1]);
    const aged = makePool({ cap: 1, pipelining: 'adaptive', upkeep: { maxLifetimeMs: 1000 } });
    warm(aged, 4);
    neverIdle(aged, 1000);
    assert.ok(aged.pool.closedFor('life_time') > 0);
  });

  test('time that a slow client held up is no trouble of the server', () => {
    const bench = make();
    warm(bench, 4);
    for (let round = 0; round < 40; round++) {
      const exchange = short(bench, 'large');
      bench.submit(exchange);
      bench.clock.advance(1000);
      exchange.heldUpMs = 998;
      answerAll(bench);
    }
    assert.ok((bench.pool.snapshot().depth ?? 1) >= 4);
  });
});
