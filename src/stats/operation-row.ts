// One row of the operation table: plain numbers that the path of an operation adds to.
// It reads nothing from the wire and knows no metric library. Invariant: every count only grows; `active` returns to 0.

import { OUTCOMES, type Outcome } from '../core/outcome.ts';
import { LatencySketch } from './latency-sketch.ts';

/** What a row is about. All five texts are already bounded and cleaned. */
export interface OperationKey {
  readonly app: string;
  readonly callSite: string;
  readonly database: string;
  readonly collection: string;
  readonly command: string;
}

/** What one finished operation adds to its row. Times in milliseconds, sizes in bytes. */
export interface OperationResult {
  outcome: Outcome;
  /** MongoDB error code, 0 for none. */
  errorCode: number;
  documentsReturned: number;
  documentsChanged: number;
  requestBytes: number;
  replyBytes: number;
  /** Request written to reply read whole; negative when nothing was sent. */
  serverMs: number;
  /** Time in weir's wait queue. */
  waitMs: number;
}

/** Different codes a row tells apart; servers choose the numbers, so their count is bounded. */
export const MAX_CODES_PER_ROW = 32;
/** Stands for every further code of a row. Never a MongoDB code. */
export const OTHER_CODE = -1;

const OK_INDEX = OUTCOMES.indexOf('ok');

/** A count as the wire may give it (an `n` can be anything): what is not a sane positive number adds nothing. */
function saneCount(count: number): number {
  return count > 0 && count < 0x1_0000_0000 ? count : 0;
}

export class OperationRow implements OperationKey {
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
  documentsReturned = 0;
  documentsChanged = 0;
  requestBytes = 0;
  replyBytes = 0;
  /** Errors by MongoDB code, at most MAX_CODES_PER_ROW and OTHER_CODE; null until the first. */
  errorsByCode: Map<number, number> | null = null;
  /** Time at the server, of operations that were sent. */
  readonly serverTimes: LatencySketch = new LatencySketch();
  /** Time in the wait queue, of all operations. */
  readonly waitTimes: LatencySketch = new LatencySketch();
  // By index in OUTCOMES. Most rows never see an error, so it is made at the first one.
  #failures: number[] | null = null;

  constructor(key: OperationKey) {
    this.app = key.app;
    this.callSite = key.callSite;
    this.database = key.database;
    this.collection = key.collection;
    this.command = key.command;
  }

  /** An operation of this row has begun; exactly one finish() follows. */
  begin(): void {
    this.active += 1;
  }

  /** Adds a finished operation. Does not keep `result`, so the caller may reuse it. */
  finish(result: OperationResult): void {
    this.active -= 1;
    this.operations += 1;
    this.documentsReturned += saneCount(result.documentsReturned);
    this.documentsChanged += saneCount(result.documentsChanged);
    this.requestBytes += saneCount(result.requestBytes);
    this.replyBytes += saneCount(result.replyBytes);
    if (result.serverMs >= 0) this.serverTimes.record(result.serverMs);
    this.waitTimes.record(result.waitMs);
    if (result.outcome !== 'ok') this.#countFailure(result.outcome, result.errorCode);
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

  #countFailure(outcome: Outcome, errorCode: number): void {
    this.errors += 1;
    this.#failures ??= OUTCOMES.map(() => 0);
    const index = OUTCOMES.indexOf(outcome);
    this.#failures[index] = (this.#failures[index] ?? 0) + 1;
    if (errorCode === 0) return;
    this.errorsByCode ??= new Map();
    const known = this.errorsByCode.has(errorCode) || this.errorsByCode.size < MAX_CODES_PER_ROW;
    const code = known && Number.isInteger(errorCode) ? errorCode : OTHER_CODE;
    this.errorsByCode.set(code, (this.errorsByCode.get(code) ?? 0) + 1);
  }
}
