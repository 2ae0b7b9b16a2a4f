// The only door to time. Everything above net/ and below cli/ takes a Clock, so that tests drive it by hand.
// It holds no policy. Invariant: nowMs never goes back.

/** A timer that was set; cancel() is idempotent and safe after it fired. */
export interface Timer {
  cancel(): void;
}

/** Time as the proxy sees it. */
export interface Clock {
  /** Monotonic milliseconds, with fractions, from an arbitrary start. */
  nowMs(): number;
  /** Wall clock, milliseconds since 1970. For stamps shown to people and localTime, never for durations. */
  wallMs(): number;
  /** Calls back once after at least `delayMs`; never keeps the process alive by itself. */
  setTimer(delayMs: number, fire: () => void): Timer;
  /** Calls back once, after all input that is ready in this turn of the event loop was read. */
  onTurnEnd(run: () => void): void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  onTurnEnd: (run) => {
    setImmediate(run);
  },
};

/** A number in [0, 1); injected wherever jitter is needed. */
export type Random = () => number;

/** The machine's own randomness; not for secrets. */
export const systemRandom: Random = () => Math.random();
