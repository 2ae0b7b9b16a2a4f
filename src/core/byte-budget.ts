// What this process may hold for clients at once: large requests until they are answered, answers until they are taken.
// It counts and says who may go on; it holds nothing and closes nobody. Invariants: what is taken comes back; who waits is let
// on in the order of waiting; at most PASSAGES go on while it is spent.

/** Less than this is not worth counting: what small operations hold is bounded by the number of connections. */
export const CHARGED_FROM_BYTES = 16_384;

/** What a process has unless it is told otherwise. */
export const DEFAULT_BUFFER_BYTES = 268_435_456;

/** A spent budget takes new work again below this part of it. */
const RELIEVED_BELOW = 0.9;
/** Those in mid-message that may go on at once while it is spent: what they hold is freed only when they are through. */
const PASSAGES = 4;

/** A connection that stopped reading because of the budget. */
export interface BudgetWaiter {
  /** It stopped in the middle of a message, which goes on before others begin. */
  readonly isInside: boolean;
  /** It waits no longer: it may read. */
  onRelief(): void;
}

export class ByteBudget {
  readonly limit: number;
  /** How often somebody stopped reading. */
  pauses = 0;
  #held = 0;
  #isSpent = false;
  readonly #waiting: Set<BudgetWaiter> = new Set();
  readonly #passing: Set<BudgetWaiter> = new Set();

  constructor(limit: number) {
    this.limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  /** From the limit on, until so much has come back that there is room again. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** Connections that do not read. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether so much more would fit. */
  hasRoomFor(bytes: number): boolean {
    return !this.#isSpent && this.#held + bytes <= this.limit;
  }

  /** More is held, or (negative) less. It is not refused: what has come is here. */
  add(bytes: number): void {
    this.#held += bytes;
    if (this.#held >= this.limit) this.#isSpent = true;
    else if (this.#isSpent && this.#held < this.limit * RELIEVED_BELOW) this.#relieve();
  }

  /** Whether somebody in mid-message may go on though the budget is spent; until endPass(). */
  mayPass(waiter: BudgetWaiter): boolean {
    if (this.#passing.size >= PASSAGES && !this.#passing.has(waiter)) return false;
    this.#passing.add(waiter);
    return true;
  }

  /** It reads no more until it is told. */
  wait(waiter: BudgetWaiter): void {
    this.pauses++;
    this.#waiting.add(waiter);
  }

  /** It is gone. */
  leave(waiter: BudgetWaiter): void {
    this.#waiting.delete(waiter);
    this.endPass(waiter);
  }

  /** It holds nothing any more: the next one in mid-message goes on. */
  endPass(waiter: BudgetWaiter): void {
    if (!this.#passing.delete(waiter) || !this.#isSpent) return;
    for (const next of this.#waiting) {
      if (!next.isInside) continue;
      this.#passing.add(next);
      this.#waiting.delete(next);
      next.onRelief();
      return;
    }
  }

  #relieve(): void {
    this.#isSpent = false;
    this.#passing.clear();
    // Whoever reads may spend it again at once.
    for (const waiter of this.#waiting) {
      if (this.#isSpent) return;
      this.#waiting.delete(waiter);
      waiter.onRelief();
    }
  }
}
