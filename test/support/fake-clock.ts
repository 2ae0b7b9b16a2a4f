// A clock that moves only when a test says so. Timers fire in the order of their times; turn ends run on flushTurn().
// Invariant: nothing here waits for real time.

import type { Clock, Timer } from '../../src/core/clock.ts';

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class FakeClock implements Clock {
  #nowMs = 1000;
  #order = 0;
  readonly #timers: Set<Pending> = new Set();
  readonly #turn: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const pending = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fire };
    this.#timers.add(pending);
    return { cancel: () => void this.#timers.delete(pending) };
  }

  onTurnEnd(run: () => void): void {
    this.#turn.push(run);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Runs what waits for the end of the turn, and what that asks for, until nothing is left. */
  flushTurn(): void {
    while (this.#turn.length > 0) for (const run of this.#turn.splice(0)) run();
  }

  /** Moves on by `ms`, firing timers in their order; turns end between them. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      this.flushTurn();
      const next = this.#next(untilMs);
      if (next === null) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fire();
    }
    this.#nowMs = untilMs;
    this.flushTurn();
  }

  #next(untilMs: number): Pending | null {
    let first: Pending | null = null;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      if (first === null || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}
