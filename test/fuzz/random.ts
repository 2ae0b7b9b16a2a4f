// A small seeded generator of numbers: the same seed gives the same mutations, cuts and choices on every machine.
// Not for secrets. Invariant: nothing under test/fuzz is random but through this file.

/** sfc32 by its published recurrence: 128 bits of state, far longer than any run. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = 0x9e3779b9 | 0;
    this.#counter = 1;
    for (let i = 0; i < 12; i++) {
      this.next();
    }
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** 0 … limit-1; 0 for a limit below 2. */
  below(limit: number): number {
    return limit < 2 ? 0 : this.next() % limit;
  }

  /** Small numbers far more often than large ones, 1 … limit. */
  small(limit: number): number {
    return 1 + this.below(1 + this.below(1 + this.below(limit)));
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) {
      throw new RangeError('nothing to pick from');
    }
    return items[this.below(items.length)] as T;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    for (let i = 0; i < count; i++) {
      bytes[i] = this.next();
    }
    return bytes;
  }
}
