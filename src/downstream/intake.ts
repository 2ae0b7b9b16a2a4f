// What one client's requests take of the byte budget, and its waits for room. It reads no bytes and pauses no socket itself.
// Invariants: all that is charged comes back, whatever becomes of the requests; whoever waits is told, or has left.

import { type BudgetWaiter, type ByteBudget, CHARGED_FROM_BYTES } from '../core/byte-budget.ts';
import type { Clock } from '../core/clock.ts';
import { type Movement, StallWatch, type Watched } from './stall-watch.ts';

export interface IntakeOwner {
  /** Its reading goes on. */
  onMayRead(): void;
  /** It was let on in mid-message while memory was short, and nothing came. */
  onStalled(): void;
}

export interface IntakeParts {
  readonly budget: ByteBudget;
  readonly clock: Clock;
  /** How long a request may stand still while memory is short. */
  readonly patienceMs: number;
}

export class Intake implements BudgetWaiter, Watched {
  readonly #budget: ByteBudget;
  readonly #owner: IntakeOwner;
  readonly #watch: StallWatch;
  /** It waits for room, and does not read. */
  isWaiting = false;
  #receiving = 0;
  #charged = 0;
  #hasMoved = false;

  constructor({ budget, clock, patienceMs }: IntakeParts, owner: IntakeOwner) {
    this.#budget = budget;
    this.#owner = owner;
    this.#watch = new StallWatch(clock, patienceMs, this);
  }

  get isInside(): boolean {
    return this.#receiving > 0;
  }

  /** Whether account() would do nothing; for the path of small requests. */
  isIdle(bytes: number): boolean {
    return bytes < CHARGED_FROM_BYTES && this.#charged === 0 && !this.#budget.isSpent;
  }

  /**
   * Something came or went.
   * @param receiving bytes of the unfinished request
   * @param others bytes of requests that wait or are served
   */
  account(receiving: number, others: number): void {
    const bytes = receiving + others;
    const charge = bytes >= CHARGED_FROM_BYTES ? bytes : 0;
    const more = charge - this.#charged;
    this.#receiving = receiving;
    this.#charged = charge;
    this.#hasMoved = true;
    if (receiving >= CHARGED_FROM_BYTES) this.#watch.start();
    else this.#watch.stop();
    if (charge === 0) this.#budget.endPass(this);
    if (more !== 0) this.#budget.add(more);
  }

  /** After account(), whether the owner must stop reading until it is told; asked where it could begin or go on. */
  mustWait(): boolean {
    if (this.isWaiting) return true;
    if (!this.#budget.isSpent || (this.isInside && this.#budget.mayPass(this))) return false;
    this.isWaiting = true;
    this.#budget.wait(this);
    return true;
  }

  /** No more requests come; what is served still counts. */
  stop(served: number): void {
    this.account(0, served);
    this.isWaiting = false;
    this.#budget.leave(this);
  }

  onRelief(): void {
    this.isWaiting = false;
    this.#hasMoved = true;
    this.#owner.onMayRead();
  }

  /** Whoever may not read, or need not hurry, does not stand still. */
  look(): Movement {
    const hasMoved = this.#hasMoved || this.isWaiting || !this.#budget.isSpent;
    this.#hasMoved = false;
    return hasMoved ? 'moved' : 'still';
  }

  onStalled(): void {
    this.#owner.onStalled();
  }
}
