// Measures what each target does for messages of two sizes: steps of our code and bytes allocated. Prints JSON rows.
// It judges nothing: test/property/fuzz-work.test.ts does. Started as a process of its own by measureWork().
// Invariant: steps are the same in every run; bytes are the middle of some.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import { DecodeError } from '../../codecs/index.ts';
import type { Family } from './growth.ts';
import { Random } from './random.ts';
import { StepCounter } from './step-counter.ts';
import type { Target } from './target.ts';
import { selectTargets } from './targets.ts';

/** One target on one family of inputs, small and large. */
export interface WorkRow {
  readonly target: string;
  readonly family: string;
  readonly bytes: readonly [number, number];
  readonly steps: readonly [number, number];
  readonly allocated: readonly [number, number];
}

const SIZES = [100, 400] as const;
/** So large that no scavenge comes between two looks at the heap. */
const NEW_SPACE_MB = 256;
const ROUNDS = 5;

const spaceFlag = (bound: string): string => `--${bound}-semi-space-size=${String(NEW_SPACE_MB)}`;

/** The rows of these targets (all for no name). @throws Error with the process's own words if it fails. */
export function measureWork(targets: readonly string[] = []): readonly WorkRow[] {
  // Whoever collects coverage of this process has to leave that one alone: its own counters are V8's coverage.
  const { NODE_V8_COVERAGE: _coverage, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const flags = ['--import', 'tsx', ...['min', 'max'].map(spaceFlag)];
  const child = spawnSync(process.execPath, [...flags, fileURLToPath(import.meta.url), ...targets], {
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (child.status !== 0) {
    throw new Error(`the work meter ended with ${String(child.status)}: ${child.stderr}`);
  }
  return JSON.parse(child.stdout) as WorkRow[];
}

function readOnce(target: Target, input: Buffer): void {
  try {
    target.read(input, new Random(1));
  } catch (error) {
    if (!(error instanceof DecodeError) && target.refusalOf?.(error) === undefined) {
      throw error;
    }
  }
}

function heapBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

/** The middle one of some rounds: a collection between two looks makes one too small, the compiler one too large. */
function allocatedBy(target: Target, input: Buffer): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = heapBytes();
    readOnce(target, input);
    rounds.push(heapBytes() - before);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

function measureAll(targets: readonly Target[]): WorkRow[] {
  const inputs = targets.flatMap((target) => target.families.map((family) => ({ target, family, ...sized(family) })));
  // Steps first: what the compiler has optimised before the counting starts is not counted.
  const counter = new StepCounter();
  counter.start();
  const steps = inputs.map(({ target, small, large }) => [
    counter.count(() => readOnce(target, small)),
    counter.count(() => readOnce(target, large)),
  ]);
  counter.stop();
  return inputs.map(({ target, family, small, large, bytes }, index) => ({
    target: target.name,
    family: family.name,
    bytes,
    steps: [steps[index]?.[0] ?? 0, steps[index]?.[1] ?? 0],
    allocated: [allocatedBy(target, small), allocatedBy(target, large)],
  }));
}

interface Sized {
  readonly small: Buffer;
  readonly large: Buffer;
  readonly bytes: readonly [number, number];
}

function sized(family: Family): Sized {
  const [small, large] = [family.make(SIZES[0]), family.make(SIZES[1])];
  const { inside = 0 } = family;
  return { small, large, bytes: [small.length + inside * SIZES[0], large.length + inside * SIZES[1]] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(measureAll(selectTargets(process.argv.slice(2)))));
}
