// How deep pipelining may go, fed with latencies by hand.
// Invariant tested: it grows only while latency per place holds and somebody wants more, and falls to 1 at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DepthControl, MAX_DEPTH } from '../../../src/upstream/depth-control.ts';

interface Bench {
  readonly control: DepthControl;
  nowMs: number;
}

/** One window of replies, all at the deepest place unless told otherwise. */
function run(
  bench: Bench,
  latencyMs: (place: number) => number,
  options: { wants?: boolean; windows?: number } = {},
): void {
  const { wants = true, windows = 1 } = options;
  for (let window = 0; window < windows; window++) {
    if (wants) bench.control.want();
    const { depth } = bench.control;
    for (let i = 0; i < 64; i++) {
      bench.nowMs += 1;
      const place = (i % depth) + 1;
      bench.control.note(latencyMs(place), place, bench.nowMs);
    }
  }
}

function make(): Bench {
  return { control: new DepthControl(), nowMs: 1000 };
}

describe('the depth', () => {
  test('is 1 until somebody wants more', () => {
    const bench = make();
    run(bench, () => 0.2, { wants: false, windows: 10 });
    assert.equal(bench.control.depth, 1);
    run(bench, () => 0.2);
    assert.equal(bench.control.depth, 2);
  });

  test('grows to its cap while a place costs no more than the base', () => {
    const bench = make();
    run(bench, (place) => 0.2 * place, { windows: 100 });
    assert.equal(bench.control.depth, MAX_DEPTH);
  });

  test('stays where waiting behind others would take more than 10 ms', () => {
    const bench = make();
    run(bench, (place) => 2 * place, { windows: 100 });
    assert.equal(bench.control.depth, 5);
    const slow = make();
    run(slow, (place) => 30 * place, { windows: 100 });
    assert.equal(slow.control.depth, 1);
  });

  test('falls to 1 when the server slows down, and does not grow while it is slow', () => {
    const bench = make();
    run(bench, (place) => 0.5 * place, { windows: 20 });
    assert.equal(bench.control.depth, 20);
    // The first window still holds what went before.
    run(bench, (place) => 3 * place, { windows: 2 });
    assert.equal(bench.control.depth, 1);
    assert.equal(bench.control.collapses, 1);
    run(bench, (place) => 3 * place, { windows: 3 });
    assert.equal(bench.control.depth, 1);
  });

  test('climbs back to where it was in some windows', () => {
    const bench = make();
    run(bench, (place) => 0.2 * place, { windows: 20 });
    assert.equal(bench.control.depth, MAX_DEPTH);
    bench.control.trouble();
    assert.equal(bench.control.depth, 1);
    run(bench, (place) => 0.2 * place, { windows: 14 });
    assert.equal(bench.control.depth, MAX_DEPTH);
  });

  test('believes in time that the server is slower for good', () => {
    const bench = make();
    run(bench, (place) => 0.2 * place, { windows: 20 });
    run(bench, (place) => 2 * place, { windows: 100 });
    assert.equal(bench.control.depth, 5);
  });
});
