// Makes a failing input smaller: removes ranges, then zeroes bytes, as long as it fails in the same way.
// Does not know the format. Invariant: what it returns still fails like the original; it gives up after a bounded time.

import { examine, type Finding, isFinding } from './examine.ts';
import type { Target } from './target.ts';

const DEADLINE_MS = 3000;

/** The same promise broken in the same place: digits (offsets, sizes) may differ. */
function isSame(a: Finding, b: Finding): boolean {
  const plain = ({ message }: Finding): string => message.replace(/\d+/g, '0').split('\n').slice(0, 2).join('\n');
  return a.broken === b.broken && plain(a) === plain(b);
}

class Shrinker {
  best: Finding;
  readonly #target: Target;
  readonly #original: Finding;
  readonly #deadline: number = performance.now() + DEADLINE_MS;

  constructor(target: Target, original: Finding) {
    this.#target = target;
    this.#original = original;
    this.best = original;
  }

  get isLate(): boolean {
    return performance.now() > this.#deadline;
  }

  /** Removes ranges of `step` bytes wherever that still fails; true if it did once. */
  removeRanges(step: number): boolean {
    let removed = false;
    let at = 0;
    while (at < this.best.input.length && !this.isLate) {
      const { input } = this.best;
      if (this.#accepts(Buffer.concat([input.subarray(0, at), input.subarray(at + step)]))) {
        removed = true;
      } else {
        at += step;
      }
    }
    return removed;
  }

  zeroBytes(): void {
    for (let at = 0; at < this.best.input.length && !this.isLate; at++) {
      if (this.best.input[at] !== 0) {
        const zeroed = Buffer.from(this.best.input);
        zeroed[at] = 0;
        this.#accepts(zeroed);
      }
    }
  }

  #accepts(input: Buffer): boolean {
    const result = examine(this.#target, input, this.#original.seed);
    const accepted = isFinding(result) && isSame(result, this.#original);
    if (accepted) {
      this.best = result;
    }
    return accepted;
  }
}

export function shrink(target: Target, original: Finding): Finding {
  const shrinker = new Shrinker(target, original);
  for (let step = original.input.length >> 1; step > 1; step >>= 1) {
    shrinker.removeRanges(step);
  }
  while (shrinker.removeRanges(1) && !shrinker.isLate) {
    // Removing one byte may make another one removable.
  }
  shrinker.zeroBytes();
  return shrinker.best;
}
