// Runs one target on mutated inputs for a while and keeps what was new, so that damage adds up.
// Does not print. Invariant: the same seed and corpus give the same inputs in the same order.

import type { Corpus } from './corpus.ts';
import { examine, type Finding, isFinding, type Outcome } from './examine.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { shrink } from './shrink.ts';
import type { Target } from './target.ts';

const MAX_KEPT = 300;
const MAX_KEPT_BYTES = 8192;
const MAX_SIGNATURES = 20_000;

/** Names of targets become streams of random numbers, so that targets do not share their luck. */
function streamOf(name: string): number {
  let hash = 17;
  for (const char of name) {
    hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0;
  }
  return hash;
}

/** One target under way. */
export class Fuzzer {
  readonly target: Target;
  /** Inputs read so far. */
  runs = 0;
  /** Inputs that a decoder took, as against refused: a fuzzer whose inputs are all refused tests only the door. */
  accepted = 0;
  readonly #random: Random;
  readonly #seed: number;
  readonly #seeds: readonly Buffer[];
  readonly #taken: Buffer[] = [];
  readonly #refused: Buffer[] = [];
  readonly #signatures = new Set<string>();

  constructor(target: Target, corpus: Corpus, seed: number) {
    this.target = target;
    this.#seeds = target.seeds(corpus);
    this.#seed = seed;
    this.#random = new Random(seed, streamOf(target.name));
  }

  /** Well-formed inputs and known faults, unchanged: all of them, or as many as there is time for, others each time. */
  readSeeds(forMs = 3_600_000): Finding | null {
    const end = performance.now() + forMs;
    const first = this.#random.below(this.#seeds.length);
    for (let index = 0; index < this.#seeds.length && performance.now() < end; index++) {
      const result = this.#read(this.#seeds[(first + index) % this.#seeds.length] as Buffer);
      if (isFinding(result)) {
        return shrink(this.target, result);
      }
    }
    return null;
  }

  /** Reads mutated inputs until the time is over; stops at the first finding, made small. */
  run(forMs: number): Finding | null {
    const end = performance.now() + forMs;
    while (performance.now() < end) {
      const input = this.#makeInput();
      const result = this.#read(input);
      if (isFinding(result)) {
        return shrink(this.target, result);
      }
      this.#keep(input, result);
    }
    return null;
  }

  #read(input: Buffer): Outcome | Finding {
    this.runs++;
    const result = examine(this.target, input, this.#seed + this.runs);
    if (!isFinding(result) && result.refused === null) {
      this.accepted++;
    }
    return result;
  }

  #makeInput(): Buffer {
    const random = this.#random;
    const pools = [this.#seeds, this.#taken, this.#taken, this.#refused].filter((pool) => pool.length > 0);
    const input = mutate(random.pick(random.pick(pools)), random, this.#seeds);
    this.target.repair?.(input, random);
    return input;
  }

  /** What was refused in a new place, or taken with a result of a new size, is worth damaging further. */
  #keep(input: Buffer, { refused, text }: Outcome): void {
    const signature = refused ?? String(text.length);
    if (input.length > MAX_KEPT_BYTES || this.#signatures.has(signature) || this.#signatures.size >= MAX_SIGNATURES) {
      return;
    }
    this.#signatures.add(signature);
    const pool = refused === null ? this.#taken : this.#refused;
    pool[pool.length < MAX_KEPT ? pool.length : this.#random.below(MAX_KEPT)] = input;
  }
}
