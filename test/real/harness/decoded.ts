// `weir decode FILE --json` as a user runs it, and what it printed.
// Invariant: a run that fails is an error with what it said.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DecodeReport } from '../../../src/cli/decode-report.ts';
import { weirEntry } from './places.ts';

const run = promisify(execFile);
const DEADLINE_MS = 60_000;
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;

export async function decode(file: string): Promise<DecodeReport> {
  const { stdout } = await run(process.execPath, [weirEntry(), 'decode', file, '--json'], {
    timeout: DEADLINE_MS,
    maxBuffer: MOST_OUTPUT_BYTES,
  });
  return JSON.parse(stdout) as DecodeReport;
}
