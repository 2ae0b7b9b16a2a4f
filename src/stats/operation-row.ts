// One row of the operation table: plain numbers that the path of an operation adds to.
// It reads nothing from the wire and knows no metric library. Invariant: every count only grows; `active` returns to 0.

import type { ErrorOrigin, OperationResult } from '../core/operation.ts';
import { OUTCOMES, type Outcome } from '../core/outcome.ts';
import { HISTOGRAM_BUCKETS, histogramBucketOf, LatencySketch, saneDuration } from './latency-sketch.ts';
import type { NamespaceEntry } from './namespace-table.ts';
import { Shortness } from './shortness.ts';

/** What a row is about. All six texts are already bounded and cleaned. */
export interface OperationKey {
  readonly listener: string;
  readonly app: string;
  readonly callSite: string;
  readonly database: string;
  readonly collection: string;
  readonly command: string;
}

/** Different codes a row tells apart for each origin; servers choose the numbers, so their count is bounded. */
export const MAX_CODES_PER_ROW = 32;
/** Stands for every further code of a row. Never a MongoDB code. */
export const OTHER_CODE = -1;

/** How selective an operation's predicate is by its _id (codecs' QueryKind); `none` has no predicate and is not counted. */
export type CountedQueryKind = 'none' | 'primary_key' | 'multi_get' | 'scatter_get';

/** Operations begun, by the kind of their predicate. */
export interface QueryKindCounts {
  primaryKey: number;
  multiGet: number;
  scatterGet: number;
}

const OK_INDEX = OUTCOMES.indexOf('ok');

/** A count as the wire may give it (an `n` can be anything): what is not a sane positive number adds nothing. */
function saneCount(count: number): number {
  return count > 0 && count < 0x1_0000_0000 ? count : 0;
}

export class OperationRow implements OperationKey {
  readonly listener: string;
  readonly app: string;
  readonly callSite: string;
  readonly database: string;
  readonly collection: string;
  readonly command: string;
  /** Finished operations, whatever their outcome. */
  operations = 0;
  /** Begun and not finished. */
  active = 0;
  /** Outcomes other than ok. */
  errors = 0;
  /** Begun with a predicate, by its kind. */
  primaryKey = 0;
  multiGet = 0;
  scatterGet = 0;
  documentsReturned = 0;
  documentsChanged = 0;
  requestBytes = 0;
  replyBytes = 0;
  /** Time at the server, of operations that were sent. */
  readonly serverTimes: LatencySketch = new LatencySketch();
  /** Time in the wait queue, of all operations. */
  readonly waitTimes: LatencySketch = new LatencySketch();
  // Arrival to reply: counts by Prometheus bucket, but for the first, which is what is missing to `operations`; its place
  // holds the sum in milliseconds. One plain array is 120 bytes and 10 ns; a third sketch would be 500 bytes and 15 ns.
  readonly #totals: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  // By index in OUTCOMES. Most rows never see an error, so it is made at the first one.
  #failures: number[] | null = null;
  #upstreamCodes: Map<number, number> | null = null;
  #proxyCodes: Map<number, number> | null = null;
  readonly #namespace: NamespaceEntry | null;
  /** Null: a row of all kinds of things says nothing of the next one. */
  readonly #shortness: Shortness | null;

  /** @param namespace where the row's own collection is counted too. @param isMixed what is counted has nothing in common. */
  constructor(key: OperationKey, namespace: NamespaceEntry | null = null, isMixed = false) {
    this.#shortness = isMixed ? null : new Shortness();
    this.#namespace = namespace;
    this.listener = key.listener;
    this.app = key.app;
    this.callSite = key.callSite;
    this.database = key.database;
    this.collection = key.collection;
    this.command = key.command;
  }

  /** An operation of this row has begun; exactly one finish() follows. `statements`: of a write, else 0. */
  begin(kind: CountedQueryKind = 'none', statements = 0): void {
    this.active += 1;
    if (kind === 'primary_key') this.primaryKey += 1;
    else if (kind === 'scatter_get') this.scatterGet += 1;
    else if (kind === 'multi_get') this.multiGet += 1;
    this.#namespace?.add(statements);
  }

  /** Adds a finished operation. Does not keep `result`, so the caller may reuse it. */
  finish(result: OperationResult): void {
    this.active -= 1;
    this.operations += 1;
    this.documentsReturned += saneCount(result.documentsReturned);
    this.documentsChanged += saneCount(result.documentsChanged);
    this.requestBytes += saneCount(result.requestBytes);
    this.replyBytes += saneCount(result.replyBytes);
    if (result.serverMs >= 0) {
      this.serverTimes.record(result.serverMs);
      this.#shortness?.note(result);
    }
    this.waitTimes.record(result.waitMs);
    if (result.totalMs > 0) this.#recordTotal(result.totalMs);
    if (result.outcome !== 'ok') this.#countFailure(result);
  }

  get isShort(): boolean {
    return this.#shortness?.isShort === true;
  }

  /** Finished operations with this outcome. */
  countOf(outcome: Outcome): number {
    return this.countAt(OUTCOMES.indexOf(outcome));
  }

  /** The same by index in OUTCOMES. */
  countAt(outcomeIndex: number): number {
    if (outcomeIndex === OK_INDEX) return this.operations - this.errors;
    return this.#failures?.[outcomeIndex] ?? 0;
  }

  /** Errors by MongoDB code, at most MAX_CODES_PER_ROW and OTHER_CODE; null until the first. */
  codesOf(origin: ErrorOrigin): ReadonlyMap<number, number> | null {
    return origin === 'proxy' ? this.#proxyCodes : this.#upstreamCodes;
  }

  /** Arrival to reply of all operations, summed. */
  get totalSumMs(): number {
    return this.#totals[0] ?? 0;
  }

  /** Adds the counts of arrival to reply per Prometheus bucket (not cumulative, +Inf last) to `target`. */
  addTotalHistogram(target: Float64Array): void {
    let slow = 0;
    for (let bucket = 1; bucket < HISTOGRAM_BUCKETS; bucket += 1) {
      const count = this.#totals[bucket] ?? 0;
      slow += count;
      target[bucket] = (target[bucket] ?? 0) + count;
    }
    target[0] = (target[0] ?? 0) + this.operations - slow;
  }

  #recordTotal(ms: number): void {
    const totals = this.#totals;
    totals[0] = (totals[0] ?? 0) + saneDuration(ms);
    const bucket = histogramBucketOf(ms);
    if (bucket > 0) totals[bucket] = (totals[bucket] ?? 0) + 1;
  }

  #countFailure({ outcome, errorCode, errorOrigin }: OperationResult): void {
    this.errors += 1;
    this.#failures ??= OUTCOMES.map(() => 0);
    const index = OUTCOMES.indexOf(outcome);
    this.#failures[index] = (this.#failures[index] ?? 0) + 1;
    if (errorCode === 0) return;
    const codes = (errorOrigin === 'proxy' ? this.#proxyCodes : this.#upstreamCodes) ?? new Map<number, number>();
    if (errorOrigin === 'proxy') this.#proxyCodes = codes;
    else this.#upstreamCodes = codes;
    const known = codes.has(errorCode) || codes.size < MAX_CODES_PER_ROW;
    const code = known && Number.isInteger(errorCode) ? errorCode : OTHER_CODE;
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
}
