// Fuzzes every decoder for as long as it is told: damaged inputs, promises checked, failing inputs made small and saved.
// It repairs nothing. Invariant: a finding is a file under fixtures/fuzz and exit code 1; a seed repeats a run.
//
// usage: npm run fuzz -- [--minutes N] [--target NAME]… [--seed S]

import { parseArgs } from 'node:util';
import { type Corpus, loadCorpus } from '../test/fuzz/corpus.ts';
import { formatFinding, saveFinding } from '../test/fuzz/findings.ts';
import { Fuzzer } from '../test/fuzz/fuzzer.ts';
import { selectTargets, TARGETS } from '../test/fuzz/targets.ts';

/** Targets take turns of this length, so that a short run reaches all of them. */
const TURN_MS = 2000;
const DEFAULT_MINUTES = 1;
/** A target that failed so often fails for one reason: repair it first. */
const ENOUGH_FINDINGS = 3;

interface Row {
  readonly fuzzer: Fuzzer;
  findings: number;
}

interface Request {
  readonly minutes: number;
  readonly targets: readonly string[];
  readonly seed: number;
}

function readArguments(): Request {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: String(DEFAULT_MINUTES) },
      target: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  if (!(minutes > 0) || !Number.isInteger(seed)) {
    throw new Error(`--minutes is a number above 0, --seed a whole number; targets: ${TARGETS.map(nameOf).join(', ')}`);
  }
  return { minutes, targets: values.target, seed };
}

const nameOf = ({ name }: { readonly name: string }): string => name;

function fuzz(corpus: Corpus, { minutes, targets, seed }: Request): number {
  const started = performance.now();
  const endMs = started + minutes * 60_000;
  const rows: Row[] = selectTargets(targets).map((target) => ({
    fuzzer: new Fuzzer(target, corpus, seed),
    findings: 0,
  }));
  const turnMs = Math.min(TURN_MS, (minutes * 60_000) / rows.length);
  let turn = 0;
  while (performance.now() < endMs) {
    const row = rows[turn++ % rows.length];
    if (row === undefined) {
      break;
    }
    if (row.findings < ENOUGH_FINDINGS) {
      row.findings += takeTurn(row.fuzzer, turn <= rows.length, turnMs);
    }
    if (turn % rows.length === 0) {
      console.log(`round ${String(turn / rows.length)}, ${((performance.now() - started) / 60_000).toFixed(1)} min`);
    }
  }
  return report(rows, seed);
}

/** One turn of a target; the number of findings. */
function takeTurn(fuzzer: Fuzzer, isFirst: boolean, turnMs: number): number {
  const finding = (isFirst ? fuzzer.readSeeds() : null) ?? fuzzer.run(turnMs);
  if (finding === null) {
    return 0;
  }
  console.log(`\n${finding.message}\n\n${formatFinding(finding)}saved as fixtures/${saveFinding(finding)}\n`);
  return 1;
}

function report(rows: readonly Row[], seed: number): number {
  for (const { fuzzer } of rows) {
    const share = ((100 * fuzzer.accepted) / Math.max(fuzzer.runs, 1)).toFixed(0);
    console.log(`${fuzzer.target.name.padEnd(16)} ${String(fuzzer.runs).padStart(9)} inputs, ${share} % taken`);
  }
  const findings = rows.reduce((sum, row) => sum + row.findings, 0);
  console.log(`seed ${String(seed)}: ${String(findings)} findings`);
  return findings === 0 ? 0 : 1;
}

try {
  process.exitCode = fuzz(loadCorpus(), readArguments());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
