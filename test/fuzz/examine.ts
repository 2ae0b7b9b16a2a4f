// Reads one input several times and says which promise of the decoder was broken, if any.
// Does not make inputs and does not look for smaller ones. Invariant: deterministic but for the check of time.

import { DecodeError } from '../../codecs/index.ts';
import { canonical } from './canonical.ts';
import { embed, isGuardWhole } from './chunks.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';

/** Which promise: see the sentences in {@link examine}. */
export type BrokenPromise = 'throws' | 'unstable' | 'reads_outside' | 'writes' | 'slow';

export interface Finding {
  readonly target: string;
  readonly broken: BrokenPromise;
  readonly message: string;
  readonly input: Buffer;
  readonly seed: number;
}

/** What one reading gave: a refusal by its reason and offset, or plain data. */
export interface Outcome {
  readonly refused: string | null;
  readonly text: string;
}

const POISONS = [0x00, 0xee] as const;
/** Generous: a loaded machine of two cores, code that is not compiled yet. Bounds of work are the work meter's. */
const PATIENCE_MS = 50;
const PATIENCE_MS_PER_KB = 3;

/** Of an error's stack, an assertion's difference included. */
const TOLD_LINES = 30;

class Unexpected extends Error {}

function readOnce(target: Target, input: Buffer, seed: number): Outcome {
  try {
    return { refused: null, text: canonical(target.read(input, new Random(seed))) };
  } catch (error) {
    const refused = refusalOf(target, error);
    if (refused !== null) {
      return { refused, text: refused };
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Unexpected(text.split('\n').slice(0, TOLD_LINES).join('\n'), { cause: error });
  }
}

function refusalOf(target: Target, error: unknown): string | null {
  return error instanceof DecodeError ? `${error.reason}@${String(error.offset)}` : (target.refusalOf?.(error) ?? null);
}

/** The outcome of the first reading, or what was found. */
export function examine(target: Target, input: Buffer, seed: number): Outcome | Finding {
  const finding = (broken: BrokenPromise, message: string): Finding => ({
    target: target.name,
    broken,
    message,
    input,
    seed,
  });
  const [poison, otherPoison] = POISONS;
  const view = embed(input, poison);
  try {
    const started = performance.now();
    const first = readOnce(target, view, seed);
    const tookMs = performance.now() - started;
    if (!isGuardWhole(view, poison)) {
      return finding('writes', 'bytes beside the input were changed');
    }
    if (target.changesInput !== true && !view.equals(input)) {
      return finding('writes', 'the input was changed by reading it');
    }
    const again = target.changesInput === true ? embed(input, poison) : view;
    if (readOnce(target, again, seed + 1).text !== first.text) {
      return finding('unstable', 'a second reading, or another cut of the stream, gave another result');
    }
    if (readOnce(target, embed(input, otherPoison), seed).text !== first.text) {
      return finding('reads_outside', 'the result depends on bytes beside the input');
    }
    return tookMs > patience(input) && isSlow(target, input, seed)
      ? finding('slow', `reading ${String(input.length)} bytes takes longer than ${patience(input).toFixed(0)} ms`)
      : first;
  } catch (error) {
    if (error instanceof Unexpected) {
      return finding('throws', error.message);
    }
    throw error;
  }
}

export function isFinding(result: Outcome | Finding): result is Finding {
  return 'broken' in result;
}

function patience(input: Buffer): number {
  return PATIENCE_MS + (PATIENCE_MS_PER_KB * input.length) / 1024;
}

/** The machine may have been busy: only what is slow three times more is slow. */
function isSlow(target: Target, input: Buffer, seed: number): boolean {
  for (let tries = 3; tries > 0; tries--) {
    const started = performance.now();
    readOnce(target, embed(input, 0), seed);
    if (performance.now() - started <= patience(input)) {
      return false;
    }
  }
  return true;
}
