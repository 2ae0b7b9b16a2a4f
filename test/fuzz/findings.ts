// Failing inputs as fixtures: written by the fuzzer, replayed by the tests for ever.
// Invariant: a file names its target, so that renaming a target without its findings fails the replay.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readHexFolder } from '../support/hex.ts';
import type { Finding } from './examine.ts';

const FOLDER = new URL('../../fixtures/fuzz/', import.meta.url);
const LINE_BYTES = 32;

/** A finding as annotated hex. */
export function formatFinding({ target, broken, message, input, seed }: Finding): string {
  const told = [`target: ${target}`, `broken: ${broken}, seed ${String(seed)}`, ...placesOf(message)];
  const lines = told.map((line) => `# ${line}`);
  for (let at = 0; at < input.length; at += LINE_BYTES) {
    lines.push(input.toString('hex', at, at + LINE_BYTES).replace(/(.{8})(?=.)/g, '$1 '));
  }
  return `${lines.join('\n')}\n`;
}

/** The message and the places inside the project; paths of this machine stay out. */
function placesOf(message: string): string[] {
  return message
    .split('\n')
    .filter((line, index) => index === 0 || /(codecs|src)\/[\w/-]+\.ts/.test(line))
    .map((line) => line.trim().replace(/\(?(?:file:\/\/)?[^ (]*\/((?:codecs|src|test)\/[\w/.-]+:\d+)[:\d]*\)?/, '$1'));
}

/** Writes the finding's fixture; returns its path below fixtures/. */
export function saveFinding(finding: Finding): string {
  const hash = createHash('sha256').update(finding.input).digest('hex').slice(0, 8);
  const name = `${finding.target}-${hash}.hex`;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(new URL(name, FOLDER), formatFinding(finding));
  return `fuzz/${name}`;
}

export interface SavedFinding {
  readonly name: string;
  readonly target: string;
  readonly input: Buffer;
}

export function loadFindings(): readonly SavedFinding[] {
  if (!existsSync(FOLDER)) {
    return [];
  }
  return readHexFolder('fuzz').map(({ name, text, bytes }) => {
    const target = /^# target: ([\w-]+)$/m.exec(text)?.[1];
    if (target === undefined) {
      throw new Error(`fixtures/fuzz/${name}.hex does not name its target`);
    }
    return { name, target, input: bytes };
  });
}
