// A large reply on its way from the server's socket to the client's, never whole here. The server is not read while the
// client has much to take; what that may cost in all is bounded. It reads no BSON and decides no outcome.
// Invariants: the last byte leaves only by finish(), when the tables know what the reply says; the time that a client makes
// the server's connection wait is at most its patience, in sum.

import { patchResponseTo } from '../../codecs/index.ts';
import type { ByteBudget } from '../core/byte-budget.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { ReplyDestination, ReplySource } from '../upstream/large-reply.ts';
import { type Outbox, SLOW_READER_BYTES } from './outbox.ts';

export interface ReplyStreamParts {
  readonly outbox: Outbox;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  readonly source: ReplySource;
  /** Bytes of the reply. */
  readonly length: number;
  /** The id that the client gave its request. */
  readonly responseTo: number;
  /** The client is too slow, and there is no other way to free the server's connection. */
  readonly onSlowReader: () => void;
}

export class ReplyStream implements ReplyDestination {
  readonly length: number;
  readonly #parts: ReplyStreamParts;
  #left: number;
  #last: Buffer | null = null;
  #isStopped = false;
  /** The rest is taken as fast as it comes. */
  #isUnpaced = false;
  #timer: Timer | null = null;
  #pausedMs = 0;
  #pausedSinceMs = 0;

  constructor(parts: ReplyStreamParts) {
    this.#parts = parts;
    this.length = parts.length;
    this.#left = parts.length;
  }

  /** The client has, or will have, a part of it: nothing else can be said to it any more. */
  get hasBegun(): boolean {
    return this.#left < this.length;
  }

  write(part: Buffer): void {
    if (this.#isStopped) return;
    const { outbox, responseTo, source } = this.#parts;
    if (!this.hasBegun) patchResponseTo(part, responseTo);
    this.#left -= part.length;
    if (this.#left === 0) {
      this.#last = part;
      return;
    }
    outbox.add(part);
    if (this.#isUnpaced || this.#timer !== null || outbox.bytes <= SLOW_READER_BYTES) return;
    source.pause();
    this.#pausedSinceMs = this.#parts.clock.nowMs();
    outbox.onRelief = () => this.#goOn();
    this.#timer = this.#parts.clock.setTimer(outbox.patienceMs - this.#pausedMs, () => this.#onPatienceOver());
  }

  /** The reply was whole, and was learned from: its last part leaves. */
  finish(): void {
    if (this.#last !== null) this.#parts.outbox.add(this.#last);
    this.stop();
  }

  /** The client gets no more of it; the server may be read on. */
  stop(): void {
    this.#isStopped = true;
    this.#last = null;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#timer = null;
    this.#pausedMs += this.#parts.clock.nowMs() - this.#pausedSinceMs;
    this.#parts.outbox.onRelief = null;
    this.#parts.source.resume();
  }

  /** A client that is slow but reads, over a long line perhaps, gets the rest out of memory, as long as there is some. */
  #onPatienceOver(): void {
    const { outbox, budget, onSlowReader } = this.#parts;
    if (outbox.hasMovedLately && budget.hasRoomFor(this.#left)) {
      this.#isUnpaced = true;
      this.#goOn();
    } else onSlowReader();
  }
}
