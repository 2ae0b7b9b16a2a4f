// One token bucket on times given by hand: refill, wait, and the bound on every window.
// Invariant: the property checks every window of a schedule, not only those that start at 0.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '../../../src/core/token-bucket.ts';

function drain(bucket: TokenBucket, nowMs: number): number {
  let taken = 0;
  while (bucket.refill(nowMs)) {
    bucket.take();
    taken++;
  }
  return taken;
}

describe('TokenBucket', () => {
  it('starts full, refills at its rate, and holds no more than its burst', () => {
    const bucket = new TokenBucket(10, 50, 0);
    assert.equal(drain(bucket, 0), 10);
    assert.equal(drain(bucket, 19), 0);
    assert.equal(drain(bucket, 20), 1);
    assert.equal(drain(bucket, 120), 5);
    assert.equal(drain(bucket, 1e9), 10);
  });

  it('says when the next token is there', () => {
    const bucket = new TokenBucket(1, 4, 0);
    assert.equal(bucket.msUntilToken(), 0);
    bucket.take();
    assert.equal(bucket.msUntilToken(), 250);
    bucket.refill(100);
    assert.equal(bucket.msUntilToken(), 150);
    assert.equal(bucket.refill(249), false);
    assert.equal(bucket.refill(250), true);
  });

  it('refills slower than one a second', () => {
    const bucket = new TokenBucket(1, 10 / 3600, 0);
    bucket.take();
    assert.equal(bucket.refill(359_000), false);
    assert.equal(bucket.refill(360_001), true);
  });

  it('holds one token at least, and takes a clock that stands or goes back', () => {
    const bucket = new TokenBucket(0.2, 1, 1000);
    assert.equal(bucket.refill(500), true);
    assert.equal(drain(bucket, 1000), 1);
    assert.equal(drain(bucket, 500), 0);
    assert.equal(drain(bucket, 1999), 0);
    assert.equal(drain(bucket, 2000), 1);
  });

  it('never gives more than burst + rate x window in any window', () => {
    const gaps = fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 200 });
    const burst = fc.integer({ min: 1, max: 20 });
    const rate = fc.double({ min: 0.1, max: 500, noNaN: true });
    fc.assert(
      fc.property(gaps, burst, rate, (schedule, burstTokens, ratePerSecond) => {
        const bucket = new TokenBucket(burstTokens, ratePerSecond, 0);
        const taken: number[] = [];
        let nowMs = 0;
        for (const gap of schedule) {
          nowMs += gap;
          if (!bucket.refill(nowMs)) continue;
          bucket.take();
          taken.push(nowMs);
        }
        for (let from = 0; from < taken.length; from++) {
          for (let to = from; to < taken.length; to++) {
            const windowMs = (taken[to] as number) - (taken[from] as number);
            const most = burstTokens + (ratePerSecond * windowMs) / 1000;
            assert.ok(to - from + 1 <= most + 1e-6, `${to - from + 1} in ${windowMs} ms`);
          }
        }
      }),
      { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false },
    );
  });
});
