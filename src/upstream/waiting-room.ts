// The exchanges that wait for a connection of one lane: two FIFO queues, one bound on their size, and the deadlines.
// It lends no connections. Invariant: whoever enters leaves exactly once: taken, cancelled, or expired.

import type { Clock, Timer } from '../core/clock.ts';
import { type AdmissionCounts, nextClass } from './admission.ts';
import type { AdmissionClass, Exchange } from './exchange.ts';
import { WaitQueue } from './wait-queue.ts';

/** Requests that wait hold their bytes: a bound beside their number. */
const MAX_WAITING_BYTES = 268_435_456;

export class WaitingRoom {
  readonly #clock: Clock;
  readonly #onExpired: (exchange: Exchange) => void;
  readonly #queues: Readonly<Record<AdmissionClass, WaitQueue>> = {
    privileged: new WaitQueue(),
    ordinary: new WaitQueue(),
  };
  #timer: Timer | null = null;
  #bytes = 0;

  /** `onExpired`: its deadline passed; it has left the room in state `done`. */
  constructor(clock: Clock, onExpired: (exchange: Exchange) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#queues.privileged.size + this.#queues.ordinary.size;
  }

  sizeOf(admission: AdmissionClass): number {
    return this.#queues[admission].size;
  }

  /** False when this one would be one, or one byte, too many. An empty room takes any. */
  hasPlaceFor(exchange: Exchange, maxWaiters: number): boolean {
    if (this.size === 0) return maxWaiters > 0;
    return this.size < maxWaiters && this.#bytes + exchange.frame.length <= MAX_WAITING_BYTES;
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
    this.#timer?.cancel();
    this.#timer = null;
    const left: Exchange[] = [];
    for (const queue of Object.values(this.#queues)) {
      for (let exchange = queue.shift(); exchange !== null; exchange = queue.shift()) {
        exchange.state = 'done';
        this.#leave(exchange);
        left.push(exchange);
      }
    }
    return left;
  }

  /** Milliseconds that the oldest has waited; 0 when nobody waits. */
  longestWaitMs(nowMs: number): number {
    const oldest = Math.min(
      this.#queues.privileged.peek()?.submittedMs ?? nowMs,
      this.#queues.ordinary.peek()?.submittedMs ?? nowMs,
    );
    return nowMs - oldest;
  }

  /**
   * Those bound by the queue's own timeout stand in the order of their deadlines, so one timer for the first is enough;
   * the others (maxTimeMS, await time) get a timer each.
   */
  #armDeadline(exchange: Exchange): void {
    if (exchange.waitBound === 'queue') {
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
    for (const queue of Object.values(this.#queues)) {
      let first = queue.peek();
      while (first !== null && first.deadlineMs <= nowMs) {
        this.#expire(first);
        first = queue.peek();
      }
      if (first !== null) nextMs = Math.min(nextMs, first.deadlineMs);
    }
    if (nextMs !== Number.POSITIVE_INFINITY && this.#timer === null) this.#armQueueTimer(nextMs);
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
