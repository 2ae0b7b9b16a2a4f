// The machine's clock, so many times faster: what takes weir minutes takes a test seconds, over real sockets.
// Invariant: timers and nowMs() run at the same speed.

import { type Clock, systemClock } from '../../../src/core/clock.ts';

/** A clock on which `speed` milliseconds pass in one. */
export function hastyClock(speed: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * speed,
    wallMs: () => systemClock.wallMs(),
    setTimer: (delayMs, fire) => systemClock.setTimer(delayMs / speed, fire),
    onTurnEnd: (run) => systemClock.onTurnEnd(run),
  };
}
