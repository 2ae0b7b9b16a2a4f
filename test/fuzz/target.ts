// What a decoder must offer to be fuzzed: one object, one row of targets.ts.
// Does not run anything. Invariant: `read` is the only way in, and returns plain data (canonical.ts).

import type { Corpus } from './corpus.ts';
import type { Family } from './growth.ts';
import type { Random } from './random.ts';

export interface Target {
  readonly name: string;
  /** Well-formed inputs and known faults to start from; at least one. */
  seeds(corpus: Corpus): readonly Buffer[];
  /** Inputs that can be made larger in one respect, for the meter of work. */
  readonly families: readonly Family[];
  /**
   * Feeds the input to the decoder and tells what came out, lazy values included, as plain data. A DecodeError may pass
   * through; anything else that is thrown is a finding, so a broken promise of the decoder is thrown here as a plain
   * Error. `random` cuts streams: the result must not depend on it.
   */
  read(input: Buffer, random: Random): unknown;
  /** Makes a damaged input well-formed where a first check would refuse nearly all (lengths, checksums); in place. */
  repair?(input: Buffer, random: Random): void;
  /** Refusals of this decoder beside DecodeError: a short stable text; null for anything else. */
  refusalOf?(error: unknown): string | null;
  /** The decoder is an edit: it may change the input's bytes (never those around it). */
  readonly changesInput?: boolean;
}
