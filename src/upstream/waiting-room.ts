// The exchanges that wait for a connection of one lane: the privileged in order, the others fair between applications, one
// bound on their size, and the deadlines. It lends no connections.
// Invariant: whoever enters leaves exactly once: taken, evicted, cancelled, or expired.

import type { Clock, Timer } from '../core/clock.ts';
import { type AdmissionCounts, nextClass } from './admission.ts';
import type { AdmissionClass, Exchange, ExchangeFailure } from './exchange.ts';
import { FairQueue, type Weights } from './fair-queue.ts';
import { WaitQueue } from './wait-queue.ts';

/** Requests that wait hold their bytes: a bound beside their number. */
const MAX_WAITING_BYTES = 268_435_456;

/** What the end of a wait means. @param otherwise where the queue's own timeout was the bound. */
export function expiryOf({ waitBound }: Exchange, otherwise: ExchangeFailure): ExchangeFailure {
  if (waitBound === 'await') return 'await_turn';
  return waitBound === 'max_time' ? 'max_time' : otherwise;
}

export class WaitingRoom {
  readonly #clock: Clock;
  readonly #onExpired: (exchange: Exchange) => void;
  readonly #queues: { readonly privileged: WaitQueue; readonly ordinary: FairQueue };
  #timer: Timer | null = null;
  #bytes = 0;
  /** The latest deadline that entered. */
  #lastDeadlineMs = 0;

  /** `onExpired`: its deadline passed; it has left the room in state `done`. */
  constructor(clock: Clock, onExpired: (exchange: Exchange) => void, weights?: Weights) {
    this.#clock = clock;
    this.#onExpired = onExpired;
    this.#queues = { privileged: new WaitQueue(), ordinary: new FairQueue(weights) };
  }

  get size(): number {
    return this.#queues.privileged.size + this.#queues.ordinary.size;
  }

  sizeOf(admission: AdmissionClass): number {
    return this.#queues[admission].size;
  }

  /**
   * False when this one would be one, or one byte, too many. An empty room takes any; the privileged are counted by
   * themselves, for a crowd that waits for what they free must not keep them out.
   */
  hasPlaceFor(exchange: Exchange, maxWaiters: number): boolean {
    if (this.size === 0) return maxWaiters > 0;
    const before = exchange.admission === 'privileged' ? this.sizeOf('privileged') : this.size;
    return before < maxWaiters && this.#bytes + exchange.frame.length <= MAX_WAITING_BYTES;
  }

  enter(exchange: Exchange): void {
    this.#bytes += exchange.frame.length;
    this.#queues[exchange.admission].push(exchange);
    this.#armDeadline(exchange);
  }

  /** The next one that may hold a connection now, or null. */
  take(counts: AdmissionCounts): Exchange | null {
    const next = nextClass(this.#queues.privileged.size, this.#queues.ordinary.size, counts);
    const exchange = next === null ? null : this.#queues[next].shift();
    if (exchange !== null) this.#leave(exchange);
    return exchange;
  }

  /** The next one is short, and nobody goes before it: it need not have a connection for itself. */
  get isNextShort(): boolean {
    return this.#queues.privileged.size === 0 && this.#queues.ordinary.peek()?.isShort === true;
  }

  /** That one; null if there is none. */
  takeShort(): Exchange | null {
    const exchange = this.isNextShort ? this.#queues.ordinary.shift() : null;
    if (exchange !== null) this.#leave(exchange);
    return exchange;
  }

  /** Takes out all that may wait elsewhere as well, still waiting, in their order. */
  evict(): Exchange[] {
    const all = this.#drain();
    const pinned = all.filter((exchange) => exchange.pin !== null);
    for (const exchange of pinned) this.enter(exchange);
    return all.filter((exchange) => exchange.pin === null);
  }

  /** Takes one out early, in state `done`; false when it does not wait here. */
  cancel(exchange: Exchange): boolean {
    if (exchange.state !== 'waiting') return false;
    exchange.state = 'done';
    this.#leave(exchange);
    this.#queues[exchange.admission].forget(exchange);
    return true;
  }

  /** Empties the room; nobody is told. */
  close(): Exchange[] {
    const left = this.#drain();
    for (const exchange of left) exchange.state = 'done';
    return left;
  }

  #drain(): Exchange[] {
    this.#timer?.cancel();
    this.#timer = null;
    const left: Exchange[] = [];
    for (const queue of Object.values(this.#queues)) {
      for (let exchange = queue.shift(); exchange !== null; exchange = queue.shift()) {
        this.#leave(exchange);
        left.push(exchange);
      }
    }
    return left;
  }

  /** Milliseconds that the oldest has waited; 0 when nobody waits. */
  longestWaitMs(nowMs: number): number {
    let oldestMs = nowMs;
    for (const { submittedMs } of this.#heads()) oldestMs = Math.min(oldestMs, submittedMs);
    return nowMs - oldestMs;
  }

  *#heads(): Iterable<Exchange> {
    const first = this.#queues.privileged.peek();
    if (first !== null) yield first;
    yield* this.#queues.ordinary.heads();
  }

  /**
   * Those bound by the queue's own timeout stand in the order of their deadlines, so one timer for the first is enough;
   * the others (maxTimeMS, await time) get a timer each.
   */
  #armDeadline(exchange: Exchange): void {
    // One that comes from another room may be due before those who are here, whatever binds them.
    const isLast = exchange.deadlineMs >= this.#lastDeadlineMs;
    if (isLast) this.#lastDeadlineMs = exchange.deadlineMs;
    if (isLast && exchange.waitBound === 'queue') {
      if (this.#timer === null) this.#armQueueTimer(exchange.deadlineMs);
      return;
    }
    const delayMs = Math.max(0, exchange.deadlineMs - this.#clock.nowMs());
    exchange.deadlineTimer = this.#clock.setTimer(delayMs, () => this.#expire(exchange));
  }

  #armQueueTimer(deadlineMs: number): void {
    const delayMs = Math.max(1, deadlineMs - this.#clock.nowMs());
    this.#timer = this.#clock.setTimer(delayMs, () => this.#expireQueues());
  }

  #expireQueues(): void {
    this.#timer = null;
    const nowMs = this.#clock.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    // Once around after each expiry: the next of that application may be due as well.
    for (let due = this.#firstDue(nowMs); due !== null; due = this.#firstDue(nowMs)) this.#expire(due);
    for (const { deadlineMs } of this.#heads()) nextMs = Math.min(nextMs, deadlineMs);
    if (nextMs !== Number.POSITIVE_INFINITY && this.#timer === null) this.#armQueueTimer(nextMs);
  }

  #firstDue(nowMs: number): Exchange | null {
    for (const head of this.#heads()) if (head.deadlineMs <= nowMs) return head;
    return null;
  }

  #leave(exchange: Exchange): void {
    this.#bytes -= exchange.frame.length;
    exchange.deadlineTimer?.cancel();
    exchange.deadlineTimer = null;
  }

  #expire(exchange: Exchange): void {
    if (this.cancel(exchange)) this.#onExpired(exchange);
  }
}
