// A gate for log lines that something outside could cause at will: lets one through per period. Pure.

const PERIOD_MS = 10_000;

export class Seldom {
  #nextMs = Number.NEGATIVE_INFINITY;

  /** True for the first call of each period of 10 s. */
  isDue(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false;
    this.#nextMs = nowMs + PERIOD_MS;
    return true;
  }
}
