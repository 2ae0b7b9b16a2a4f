// One token bucket: so much at once, so much per second in the long run. It reads no clock and decides nothing.
// The `limiter` package's bucket reads the machine's clock itself and starts empty, so these few lines are our own.
// Invariant: in any window of time it gives at most burst + rate x window tokens.

export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #filledMs: number;

  /** Starts full. @param burst tokens it holds, at least 1. */
  constructor(burst: number, ratePerSecond: number, nowMs: number) {
    this.#burst = Math.max(1, burst);
    this.#perMs = ratePerSecond / 1000;
    this.#tokens = this.#burst;
    this.#filledMs = nowMs;
  }

  /** Adds what came since the last call; true if a whole token is there. */
  refill(nowMs: number): boolean {
    if (nowMs > this.#filledMs) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledMs) * this.#perMs);
      this.#filledMs = nowMs;
    }
    return this.#tokens >= 1;
  }

  /** Takes one token; only after refill() said that it is there. */
  take(): void {
    this.#tokens -= 1;
  }

  /** Milliseconds from the last refill until a token is there; Infinity at rate 0. */
  msUntilToken(): number {
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.#perMs;
  }
}
