// Token buckets on times given by hand: refill, wait, the bound on every window, and which operation pays from which.
// No filter here. Invariant: the property checks every window of a schedule, not only those that start at 0.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Buckets, TokenBucket } from '../../../src/filters/buckets.ts';
import type { LimitDimension } from '../../../src/options.ts';
import { type OperationFields, operationOf } from './commands.ts';

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

describe('Buckets', () => {
  const rate = { burst: 1, ratePerSecond: 1 };
  const base: OperationFields = { app: 'a', callSite: 's', command: { find: 'c', $db: 'd' } };
  const variants: Readonly<Record<LimitDimension, OperationFields>> = {
    app: { ...base, app: 'a2' },
    callSite: { ...base, callSite: 's2' },
    db: { ...base, command: { find: 'c', $db: 'd2' } },
    collection: { ...base, command: { find: 'c2', $db: 'd' } },
    command: { ...base, command: { count: 'c', $db: 'd' } },
  };
  const dimensions = Object.keys(variants) as LimitDimension[];

  it('has one bucket for all without dimensions', () => {
    const buckets = new Buckets([], rate);
    const first = buckets.of(operationOf(base), 0);
    for (const fields of Object.values(variants)) assert.equal(buckets.of(operationOf(fields), 0), first);
  });

  for (const dimension of dimensions) {
    it(`has a bucket for each ${dimension}, and for nothing else`, () => {
      const buckets = new Buckets([dimension], rate);
      const first = buckets.of(operationOf(base), 0);
      for (const other of dimensions) {
        assert.equal(buckets.of(operationOf(variants[other]), 0) === first, other !== dimension, other);
      }
    });
  }

  it('has a bucket for each combination of several', () => {
    const buckets = new Buckets(['app', 'callSite'], rate);
    const seen = new Set<TokenBucket>();
    for (const [app, callSite] of [
      ['a', 'bc'],
      ['ab', 'c'],
      ['a', 'c'],
      ['ab', 'bc'],
    ] as const) {
      seen.add(buckets.of(operationOf({ app, callSite }), 0));
      seen.add(buckets.of(operationOf({ app, callSite }), 0));
    }
    assert.equal(seen.size, 4);
  });

  it('forgets the bucket asked longest ago beyond its bound; it comes back full', () => {
    const buckets = new Buckets(['app'], rate, 2);
    const [a, b, c] = ['a', 'b', 'c'].map((app) => operationOf({ app }));
    assert.ok(a && b && c);
    const first = buckets.of(a, 0);
    first.take();
    buckets.of(b, 0);
    assert.equal(buckets.of(a, 0), first, 'asked again: the older one goes');
    buckets.of(c, 0);
    assert.equal(buckets.of(a, 0), first);
    buckets.of(b, 0);
    buckets.of(c, 0);
    assert.notEqual(buckets.of(a, 0), first);
    assert.equal(buckets.of(a, 0).refill(0), true);
  });
});
