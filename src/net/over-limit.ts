// Turns away connections beyond a listener's cap: accepted, left unread for a while, then closed. It counts nobody who is
// served. Invariant: how many are held is bounded; more are closed at once.

import type { Clock, Timer } from '../core/clock.ts';

/** How long a connection beyond the cap is left unread: a driver that is closed at once would come back at once. */
const HOLD_MS = 1000;
/** How many such connections one listener holds at the same time. */
export const OVER_LIMIT_HELD = 64;

interface Unwanted {
  destroy(reason: 'over_limit'): void;
}

export class OverLimit {
  readonly #clock: Clock;
  readonly #held: Map<Unwanted, Timer> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  turnAway(connection: Unwanted): void {
    if (this.#held.size >= OVER_LIMIT_HELD) {
      connection.destroy('over_limit');
      return;
    }
    const timer = this.#clock.setTimer(HOLD_MS, () => {
      this.#held.delete(connection);
      connection.destroy('over_limit');
    });
    this.#held.set(connection, timer);
  }

  /** Closes those that are held. */
  stop(): void {
    for (const [connection, timer] of this.#held) {
      timer.cancel();
      connection.destroy('over_limit');
    }
    this.#held.clear();
  }
}
