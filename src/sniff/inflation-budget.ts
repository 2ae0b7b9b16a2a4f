// How much the compressed messages of all conversations may cost at once. It counts, and holds nothing.
// Invariant: what is taken comes back; it never goes below 0.

/** Bytes, as they came and as they will be. Fits a SkimBudget. */
export class InflationBudget {
  readonly #bytes: number;
  #left: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#left = bytes;
  }

  /** Bytes that are taken now. */
  get taken(): number {
    return this.#bytes - this.#left;
  }

  /** False: there is no room, and nothing was taken. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/** What all conversations of a process share. */
export interface InflationBudgets {
  /** For messages up to SKIM_COMPRESSED_BYTES on the wire, while they are inflated. */
  readonly ordinary: InflationBudget;
  /**
   * For larger ones, from their first bytes on, and for what waits behind an inflation beyond a conversation's allowance.
   * Apart, so that a few slow giants do not starve the others.
   */
  readonly large: InflationBudget;
}
