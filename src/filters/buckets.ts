// Token buckets: one per limit, or one per value of its `per` dimensions, bounded. They decide nothing.
// Invariant: a limit never holds more than `maxBuckets` of them.

import { LRUCache } from 'lru-cache';
import type { Operation } from '../core/operation.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import type { LimitDimension } from '../options.ts';

/** Buckets that one limit holds at most. */
export const MAX_BUCKETS = 10_000;

/** Between two parts of a key; labels and names hold no control characters (app and call site), or no NUL at all. */
const KEY_SEPARATOR = '\0';

/** How the buckets of one limit are filled. */
export interface BucketRate {
  readonly burst: number;
  readonly ratePerSecond: number;
}

/**
 * The buckets of one limit. With more than {@link MAX_BUCKETS} values at once the one asked longest ago is forgotten and
 * starts full when its value comes again: a value idle for burst / rate seconds loses nothing by that, a busier one may
 * get up to `burst` operations more.
 */
export class Buckets {
  readonly #per: readonly LimitDimension[];
  readonly #rate: BucketRate;
  readonly #maxBuckets: number;
  #only: TokenBucket | null = null;
  #byKey: LRUCache<string, TokenBucket> | null = null;

  constructor(per: readonly LimitDimension[], rate: BucketRate, maxBuckets: number = MAX_BUCKETS) {
    this.#per = per;
    this.#rate = rate;
    this.#maxBuckets = maxBuckets;
  }

  /** The bucket that pays for this operation; made when it is first needed. */
  of(operation: Operation, nowMs: number): TokenBucket {
    if (this.#per.length === 0) {
      this.#only ??= this.#make(nowMs);
      return this.#only;
    }
    const key = this.#keyOf(operation);
    this.#byKey ??= new LRUCache({ max: this.#maxBuckets });
    let bucket = this.#byKey.get(key);
    if (bucket === undefined) {
      bucket = this.#make(nowMs);
      this.#byKey.set(key, bucket);
    }
    return bucket;
  }

  #make(nowMs: number): TokenBucket {
    return new TokenBucket(this.#rate.burst, this.#rate.ratePerSecond, nowMs);
  }

  #keyOf(operation: Operation): string {
    let key = dimensionOf(operation, this.#per[0] as LimitDimension);
    for (let i = 1; i < this.#per.length; i++)
      key += KEY_SEPARATOR + dimensionOf(operation, this.#per[i] as LimitDimension);
    return key;
  }
}

function dimensionOf(operation: Operation, dimension: LimitDimension): string {
  switch (dimension) {
    case 'app':
      return operation.client.app;
    case 'callSite':
      return operation.callSite;
    case 'db':
      return operation.command.database;
    case 'collection':
      return operation.command.collection;
    case 'command':
      return operation.command.name;
  }
}
