// Whether what a row counts is known to be short: 95 of 100 recent operations took the server little time and moved few bytes.
// It decides nothing. Invariant: unknown until enough were seen; a run of slow ones is noticed within a few operations.

import type { OperationResult } from '../core/operation.ts';

/** Own time at the server up to which an operation is short, in milliseconds (docs/decisions/0015-short-ones-share.md). */
export const SHORT_MS = 10;
/** A reply beyond this is not short: whoever comes behind it waits for all of it. */
export const SHORT_REPLY_BYTES = 65_536;
/** Operations to see before anything is known. */
export const SEEN_ENOUGH = 20;
/** The largest share of long ones in a row of short ones. */
const MOST_LONG = 0.05;
/** The weight of the newest: the share is of about the last 64. */
const WEIGHT = 1 / 64;

export class Shortness {
  #seen = 0;
  #longShare = 0;

  get isShort(): boolean {
    return this.#seen >= SEEN_ENOUGH && this.#longShare < MOST_LONG;
  }

  /** Takes one that was sent to the server. */
  note({ serverMs, replyBytes, outcome }: OperationResult): void {
    const isLong = serverMs > SHORT_MS || replyBytes > SHORT_REPLY_BYTES || outcome === 'upstream_lost';
    if (this.#seen < SEEN_ENOUGH) this.#seen++;
    // From the first on: of 20 alike the share is 0 or 0.27.
    this.#longShare += ((isLong ? 1 : 0) - this.#longShare) * WEIGHT;
  }
}
