// Those who wait, fair between applications: each has a queue of its own, and turns go round by weight (stride scheduling).
// No timer here. Invariants: FIFO within an application; an application that was idle has no credit from then; at most
// MAX_QUEUES queues, all applications beyond share one.

import type { Exchange } from './exchange.ts';
import { WaitQueue } from './wait-queue.ts';

const MAX_QUEUES = 64;
/** The queue of all applications beyond the bound. */
const REST = '\u0000rest';

/** What weir does by itself: sessions ended, cursors killed. It goes after what somebody waits for. */
const OWN_WORK = '';
const OWN_WORK_WEIGHT = 0.25;

interface Share {
  readonly app: string;
  readonly queue: WaitQueue;
  /** What a turn costs: the inverse of the weight. */
  readonly stride: number;
  /** Where it stands; the smallest is served next. */
  pass: number;
}

/** Turns of an application, by its name; absent: 1. */
export type Weights = Readonly<Record<string, number>>;

export class FairQueue {
  readonly #shares: Map<string, Share> = new Map();
  readonly #weights: Weights;
  #size = 0;
  /** The one that was served last. */
  #last: Share | null = null;
  /** Where the last one served stood: newcomers start here. */
  #now = 0;

  constructor(weights: Weights = {}) {
    this.#weights = weights;
  }

  get size(): number {
    return this.#size;
  }

  push(exchange: Exchange): void {
    const share = this.#shareOf(exchange.app);
    if (share.queue.size === 0) share.pass = Math.max(share.pass, this.#now);
    share.queue.push(exchange);
    exchange.waitingIn = share.queue;
    this.#size++;
  }

  /** The one whose turn is next, or null. Stays in the queue. */
  peek(): Exchange | null {
    return this.#next()?.queue.peek() ?? null;
  }

  shift(): Exchange | null {
    const share = this.#next();
    const first = share?.queue.shift() ?? null;
    if (share === null || first === null) return null;
    this.#now = share.pass;
    share.pass += share.stride;
    this.#size--;
    return first;
  }

  /** See WaitQueue.forget. */
  forget(exchange: Exchange): void {
    exchange.waitingIn?.forget(exchange);
    this.#size--;
  }

  /** The longest waiting one of each application. */
  *heads(): Iterable<Exchange> {
    for (const { queue } of this.#shares.values()) {
      const first = queue.peek();
      if (first !== null) yield first;
    }
  }

  #next(): Share | null {
    if (this.#size === 0) return null;
    // Nearly always they are all of one application.
    if (this.#last !== null && this.#last.queue.size === this.#size) return this.#last;
    let best: Share | null = null;
    for (const share of this.#shares.values()) {
      if (share.queue.size > 0 && (best === null || share.pass < best.pass)) best = share;
    }
    this.#last = best;
    return best;
  }

  #shareOf(app: string): Share {
    if (this.#last?.app === app) return this.#last;
    const known = this.#shares.get(app);
    if (known !== undefined) return known;
    if (this.#shares.size >= MAX_QUEUES && app !== REST) {
      this.#sweep();
      if (this.#shares.size >= MAX_QUEUES) return this.#shareOf(REST);
    }
    const share = { app, queue: new WaitQueue(), stride: 1 / this.#weightOf(app), pass: this.#now };
    this.#shares.set(app, share);
    return share;
  }

  #weightOf(app: string): number {
    if (Object.hasOwn(this.#weights, app)) return this.#weights[app] ?? 1;
    return app === OWN_WORK ? OWN_WORK_WEIGHT : 1;
  }

  #sweep(): void {
    this.#last = null;
    for (const [app, { queue }] of this.#shares) if (queue.size === 0 && app !== REST) this.#shares.delete(app);
  }
}
