// Exchanges that wait for a connection, first in first out. A driver's connection has one operation at a time, so FIFO is
// round robin between connections. No timer here: the pool asks. Invariants: size counts only those still waiting;
// cancelled ones take at most as much room again as the living.

import Denque from 'denque';
import type { Exchange } from './exchange.ts';

/** Dead entries that may lie in the queue before it is swept. */
const SWEEP_SLACK = 64;

export class WaitQueue {
  #entries: Denque<Exchange> = new Denque();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(exchange: Exchange): void {
    this.#entries.push(exchange);
    this.#size++;
  }

  /** The one that waits longest, or null. Stays in the queue. */
  peek(): Exchange | null {
    for (;;) {
      const first = this.#entries.peekFront();
      if (first === undefined) return null;
      if (first.state === 'waiting') return first;
      this.#entries.shift();
    }
  }

  shift(): Exchange | null {
    const first = this.peek();
    if (first === null) return null;
    this.#entries.shift();
    this.#size--;
    return first;
  }

  /** Takes a waiting one out, wherever it stands; it must no longer be in state `waiting`. */
  forget(exchange: Exchange): void {
    if (exchange.state === 'waiting') throw new Error('forget() of an exchange that still waits');
    this.#size--;
    if (this.#entries.length > this.#size * 2 + SWEEP_SLACK) this.#sweep();
  }

  #sweep(): void {
    const living: Exchange[] = [];
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) {
      if (entry.state === 'waiting') living.push(entry);
    }
    this.#entries = new Denque(living);
  }
}
