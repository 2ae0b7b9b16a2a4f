// Where exchanges wait while no member takes operations. It lends nothing and knows no servers.
// Invariant: whoever enters leaves exactly once: evicted, cancelled, or expired at its own deadline.

import type { Clock } from '../core/clock.ts';
import type { Lane } from '../core/snapshots.ts';
import { type Exchange, refuse } from './exchange.ts';
import type { Weights } from './fair-queue.ts';
import { expiryOf, WaitingRoom } from './waiting-room.ts';

export class Lobby {
  readonly #rooms: Readonly<Record<Lane, WaitingRoom>>;
  readonly #maxWaiters: number;
  readonly #clock: Clock;
  #isClosed = false;

  constructor(clock: Clock, maxWaiters: number, weights?: Weights) {
    this.#clock = clock;
    this.#maxWaiters = maxWaiters;
    const makeRoom = (): WaitingRoom => new WaitingRoom(clock, expire, weights);
    this.#rooms = { ordinary: makeRoom(), await: makeRoom() };
  }

  enter(lane: Lane, exchange: Exchange): void {
    const room = this.#rooms[lane];
    exchange.endpoint = null;
    if (this.#isClosed) return refuse(exchange, 'unreachable');
    if (!room.hasPlaceFor(exchange, this.#maxWaiters)) return refuse(exchange, 'queue_full');
    room.enter(exchange);
  }

  cancel(lane: Lane, exchange: Exchange): boolean {
    return this.#rooms[lane].cancel(exchange);
  }

  /** Takes all out, still waiting, in their order. */
  evict(lane: Lane): Exchange[] {
    return this.#rooms[lane].evict();
  }

  size(lane: Lane): number {
    return this.#rooms[lane].size;
  }

  longestWaitMs(lane: Lane): number {
    return this.#rooms[lane].longestWaitMs(this.#clock.nowMs());
  }

  close(): void {
    this.#isClosed = true;
    for (const room of Object.values(this.#rooms)) {
      for (const exchange of room.close()) refuse(exchange, 'unreachable');
    }
  }
}

function expire(exchange: Exchange): void {
  exchange.owner.onFailed(exchange, expiryOf(exchange, 'unreachable'));
}
