// Notices that something has not moved for a while. It knows not what. Invariant: while it runs it has one timer, after stop() none.

import type { Clock, Timer } from '../core/clock.ts';

/** Since it was looked at last, it has moved, or not; hopeless: there is no reason to wait any longer. */
export type Movement = 'moved' | 'still' | 'hopeless';

export interface Watched {
  /** Asked at the start, and some times within the patience. */
  look(): Movement;
  /** It has not moved for as long as the patience lasts, or is hopeless; the watch is stopped. */
  onStalled(): void;
}

/** Looks in one patience: a stall is told a fraction of it late at most. */
const LOOKS = 4;

export class StallWatch {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #watched: Watched;
  #timer: Timer | null = null;
  #movedMs = 0;

  constructor(clock: Clock, patienceMs: number, watched: Watched) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
    this.#watched = watched;
  }

  get isRunning(): boolean {
    return this.#timer !== null;
  }

  /** Begins to look; if it does already, nothing changes. */
  start(): void {
    if (this.#timer !== null) return;
    this.#movedMs = this.#clock.nowMs();
    this.#watched.look();
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(this.#patienceMs / LOOKS, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    const movement = this.#watched.look();
    if (movement === 'moved') this.#movedMs = nowMs;
    this.#timer = null;
    if (movement === 'hopeless' || nowMs - this.#movedMs >= this.#patienceMs) this.#watched.onStalled();
    else this.#arm();
  }
}
