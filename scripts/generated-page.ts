// Writes a page that is made from code, or with --check only compares and fails on a difference.
// It makes no text. Invariant: with --check nothing is written.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** @param script the generator, as one calls it from the top of the checkout: named where the page is stale. */
export function writeOrCheck(path: string, page: string, script: string): void {
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, page);
  } else if (readPage(path) !== page) {
    console.error(`${relative(ROOT, path)} is out of date: run npx tsx ${script}`);
    process.exitCode = 1;
  }
}

function readPage(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
