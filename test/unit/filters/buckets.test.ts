// Which operation pays from which bucket, and how many buckets a limit holds. One bucket by itself is core/token-bucket.test.ts.
// No filter here.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TokenBucket } from '../../../src/core/token-bucket.ts';
import { Buckets } from '../../../src/filters/buckets.ts';
import type { LimitDimension } from '../../../src/options.ts';
import { type OperationFields, operationOf } from './commands.ts';

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
