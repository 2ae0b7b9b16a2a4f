// Guards the sketch's promise: percentiles within 1.6 %, exact count, sum, maximum and Prometheus buckets, at any spread.
// It does not measure speed or memory (bench/micro/stats.bench.ts does).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HISTOGRAM_BORDERS_SECONDS, LatencySketch } from '../../../src/stats/latency-sketch.ts';

function sketchOf(values: readonly number[]): LatencySketch {
  const sketch = new LatencySketch();
  for (const value of values) sketch.record(value);
  return sketch;
}

function exactQuantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)] ?? 0;
}

function assertClose(actual: number, exact: number): void {
  assert.ok(Math.abs(actual - exact) <= Math.max(exact * 0.016, 0.0006), `${actual} is too far from ${exact}`);
}

function histogramOf(sketch: LatencySketch): readonly number[] {
  const buckets = new Float64Array(HISTOGRAM_BORDERS_SECONDS.length + 1);
  sketch.addHistogram(buckets);
  return [...buckets];
}

// Log-uniform from 0.1 µs to an hour, with zeros.
const duration = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 8, arbitrary: fc.double({ min: -4, max: 6.5, noNaN: true }).map((power) => 10 ** power) },
);

test('percentiles lie within 1.6 % of the exact ones', () => {
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), (values) => {
      const { p50, p95, p99, max } = sketchOf(values).percentiles();
      assertClose(p50, exactQuantile(values, 0.5));
      assertClose(p95, exactQuantile(values, 0.95));
      assertClose(p99, exactQuantile(values, 0.99));
      assert.equal(max, Math.max(...values));
    }),
    { numRuns: 300 },
  );
});

test('merging gives what recording everything in one gives', () => {
  fc.assert(
    fc.property(fc.array(duration), fc.array(duration), (left, right) => {
      const merged = sketchOf(left);
      merged.merge(sketchOf(right));
      const whole = sketchOf([...left, ...right]);
      assert.equal(merged.count, whole.count);
      assert.equal(merged.zeros, whole.zeros);
      assert.deepEqual(merged.percentiles(), whole.percentiles());
      assert.deepEqual(histogramOf(merged), histogramOf(whole));
    }),
    { numRuns: 200 },
  );
});

test('prometheus buckets are exact, upper borders included', () => {
  for (const [index, border] of HISTOGRAM_BORDERS_SECONDS.entries()) {
    const at = border * 1000;
    const expected = new Array<number>(HISTOGRAM_BORDERS_SECONDS.length + 1).fill(0);
    expected[index] = 2;
    expected[index + 1] = 1;
    assert.deepEqual(histogramOf(sketchOf([at - 0.001, at, at + 0.001])), expected, `border ${border}`);
  }
});

test('every recorded duration is in exactly one prometheus bucket, at or under its border', () => {
  fc.assert(
    fc.property(duration, (ms) => {
      const buckets = histogramOf(sketchOf([ms]));
      // Whole microseconds are what the sketch can tell apart.
      const seconds = Math.ceil(ms * 1000) / 1e6;
      const found = HISTOGRAM_BORDERS_SECONDS.findIndex((border) => seconds <= border);
      const index = found < 0 ? HISTOGRAM_BORDERS_SECONDS.length : found;
      assert.deepEqual(
        buckets,
        buckets.map((_, i) => (i === index ? 1 : 0)),
      );
    }),
    { numRuns: 500 },
  );
});

test('nothing recorded gives zeros', () => {
  assert.deepEqual(new LatencySketch().percentiles(), { p50: 0, p95: 0, p99: 0, max: 0 });
});

test('zeros weigh in percentiles and stay out of the sum', () => {
  const sketch = sketchOf([0, 0, 0, 10]);
  assert.equal(sketch.quantile(0.75), 0);
  assertClose(sketch.quantile(0.76), 10);
  assert.equal(sketch.sumMs, 10);
  assert.equal(sketch.zeros, 3);
});

test('counts survive both widenings of the counters', () => {
  const sketch = new LatencySketch();
  for (let i = 0; i < 70_000; i += 1) sketch.record(5);
  sketch.record(9000);
  assert.equal(histogramOf(sketch)[3], 70_000);
  // 17 doublings of 70 001 pass the range of 32 bits.
  const doubled = new LatencySketch();
  doubled.merge(sketch);
  for (let i = 0; i < 17; i += 1) {
    const copy = new LatencySketch();
    copy.merge(doubled);
    doubled.merge(copy);
  }
  assert.equal(histogramOf(doubled)[3], 70_000 * 2 ** 17);
  assert.equal(doubled.count, 70_001 * 2 ** 17);
});

test('what is no duration counts as zero, and what is endless stays finite', () => {
  const sketch = sketchOf([Number.NaN, -5, Number.POSITIVE_INFINITY]);
  assert.equal(sketch.zeros, 2);
  assert.ok(Number.isFinite(sketch.sumMs) && Number.isFinite(sketch.maxMs));
  assert.equal(histogramOf(sketch).at(-1), 1);
});
