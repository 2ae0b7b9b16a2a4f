// Refuses what exceeds a configured rate, with an error that drivers wait and retry on (protocol.md 5.4, 5.5).
// It delays nothing and makes no bytes. Invariant: an operation takes a token of every limit that matches it and has
// one, or, refused, of none; per limit allowed + observed + refused <= matched, the rest was refused by another limit.

import { type Random, systemRandom } from '../core/clock.ts';
import { limitRefused } from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';
import type { LimitSnapshot } from '../core/snapshots.ts';
import type { TokenBucket } from '../core/token-bucket.ts';
import { CONTINUE, type Verdict } from '../core/verdict.ts';
import type { LimitOptions } from '../options.ts';
import { Buckets } from './buckets.ts';
import type { Filter } from './filter.ts';
import { LimitMatcher } from './limit-match.ts';

/** What a client is told to wait: drivers take 100 ms as their own base and never wait longer than 10 s. */
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** Share of the wait that is added at random: clients refused in the same moment should not come back in the same one. */
const BACKOFF_SPREAD = 0.25;

/** Refusing these leaves cursors, transactions and sessions behind. They are charged as far as there are tokens. */
const NEVER_REFUSED: ReadonlySet<string> = new Set([
  'getMore',
  'killCursors',
  'commitTransaction',
  'abortTransaction',
  'endSessions',
]);

/** One configured limit with its buckets and counts. */
class Limit {
  readonly name: string;
  readonly mode: LimitOptions['mode'];
  readonly matcher: LimitMatcher;
  readonly buckets: Buckets;
  /** The bucket of the operation in hand, and whether it has a token: valid within one onRequest. */
  bucket: TokenBucket | null = null;
  hasToken = false;
  matched = 0;
  allowed = 0;
  observed = 0;
  refused = 0;

  constructor(options: LimitOptions) {
    this.name = options.name;
    this.mode = options.mode;
    this.matcher = new LimitMatcher(options.match);
    this.buckets = new Buckets(options.per, options);
  }
}

export class RateLimitFilter implements Filter {
  readonly name = 'rate_limit';
  readonly #random: Random;
  readonly #limits: readonly Limit[];
  /** The limits that match the operation in hand; the first `#matchCount` are valid. Kept, so that nothing is allocated. */
  readonly #matching: Limit[] = [];

  constructor(options: readonly LimitOptions[], random: Random = systemRandom) {
    this.#random = random;
    this.#limits = options.map((limit) => new Limit(limit));
  }

  onRequest(operation: Operation): Verdict {
    const limits = this.#limits;
    const matching = this.#matching;
    let count = 0;
    let isShort = false;
    let nowMs = 0;
    for (const limit of limits) {
      if (!limit.matcher.matches(operation)) continue;
      if (count === 0) nowMs = operation.arrivedMs;
      limit.matched++;
      limit.bucket = limit.buckets.of(operation, nowMs);
      limit.hasToken = limit.bucket.refill(nowMs);
      isShort ||= !limit.hasToken;
      matching[count] = limit;
      count++;
    }
    if (count === 0) return CONTINUE;
    const isExempt = isShort && isNeverRefused(operation);
    if (isShort && !isExempt) {
      const refusal = this.#refusalOf(count);
      if (refusal !== null) return refusal;
    }
    this.#charge(count, isExempt);
    return CONTINUE;
  }

  /** Counts since the start, in the order of the configuration. */
  snapshot(): LimitSnapshot[] {
    return this.#limits.map(({ name, mode, matched, allowed, observed, refused }) => ({
      name,
      mode,
      matched,
      allowed,
      observed,
      refused,
    }));
  }

  /** The first enforced limit without a token is named and counted; the wait is the longest of all of them. */
  #refusalOf(count: number): Verdict | null {
    let first: Limit | null = null;
    let waitMs = MIN_BACKOFF_MS;
    for (let i = 0; i < count; i++) {
      const limit = this.#matching[i] as Limit;
      if (limit.hasToken || limit.mode !== 'enforce') continue;
      first ??= limit;
      waitMs = Math.max(waitMs, limit.bucket?.msUntilToken() ?? 0);
    }
    if (first === null) return null;
    first.refused++;
    const spreadMs = waitMs * (1 + BACKOFF_SPREAD * this.#random());
    return { kind: 'refuse', answer: limitRefused(first.name, Math.ceil(Math.min(spreadMs, MAX_BACKOFF_MS))) };
  }

  #charge(count: number, isExempt: boolean): void {
    for (let i = 0; i < count; i++) {
      const limit = this.#matching[i] as Limit;
      if (limit.hasToken) limit.bucket?.take();
      if (limit.hasToken || isExempt) limit.allowed++;
      else limit.observed++;
    }
  }
}

/** A transaction is limited where it starts; refusing a later statement would throw away the work before it. */
function isNeverRefused({ command }: Operation): boolean {
  return (command.autocommitFalse && !command.startTransaction) || NEVER_REFUSED.has(command.name);
}
