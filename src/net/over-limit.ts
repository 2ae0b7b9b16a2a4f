// Turns away connections beyond a listener's cap: accepted, left unread for a while, then closed. It counts nobody who is
// served. Invariant: how many are held is bounded; more are closed at once.

import type { Clock } from '../core/clock.ts';

/** How long a connection beyond the cap is left unread: a driver that is closed at once would come back at once. */
const HOLD_MS = 1000;
/** How many such connections one listener holds at the same time. */
export const OVER_LIMIT_HELD = 64;

export class OverLimit {
  readonly #clock: Clock;
  #held = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  turnAway(connection: { destroy(reason: 'over_limit'): void }): void {
    if (this.#held >= OVER_LIMIT_HELD) {
      connection.destroy('over_limit');
      return;
    }
    this.#held++;
    this.#clock.setTimer(HOLD_MS, () => {
      this.#held--;
      connection.destroy('over_limit');
    });
  }
}
