// docs/traps.md: every trap has a test that is there under its name, or a reason why it cannot happen.
// It does not know whether the test sees the trap. Invariant: a test that is renamed or removed is missed here.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TRAPS = 32;
const ROW = /^\| (T\d+) \| (.+?) \| (.+) \|$/;
const REFERENCE = /`(test\/[\w./-]+)` "([^"]+)"/g;
const REASON = /^cannot happen: \S/;

interface Trap {
  readonly name: string;
  readonly answer: string;
}

function readTraps(): Trap[] {
  const page = readFileSync(join(ROOT, 'docs', 'traps.md'), 'utf8');
  return page.split('\n').flatMap((line) => {
    const row = ROW.exec(line);
    return row === null ? [] : [{ name: row[1] ?? '', answer: row[3] ?? '' }];
  });
}

/** Whether the file has a test of this name, written as a literal or as a template. */
function holdsTest(file: string, name: string): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return false;
  const text = readFileSync(path, 'utf8');
  return [`test('${name}'`, `test("${name}"`, `test(\`${name}\``].some((beginning) => text.includes(beginning));
}

describe('the traps of a pooler', () => {
  const traps = readTraps();

  test('are all there, in their order', () => {
    assert.deepEqual(
      traps.map(({ name }) => name),
      Array.from({ length: TRAPS }, (_, index) => `T${index + 1}`),
    );
  });

  for (const { name, answer } of traps) {
    test(`${name} has its tests, or a reason`, () => {
      const references = [...answer.matchAll(REFERENCE)];
      assert.ok(references.length > 0 || REASON.test(answer), `neither a test nor a reason: ${answer}`);
      const missing = references.filter(([, file = '', title = '']) => !holdsTest(file, title));
      assert.deepEqual(
        missing.map(([reference]) => reference),
        [],
      );
      // A cell is nothing but its references: a misspelt one would else be taken for words.
      if (references.length > 0) assert.equal(answer.replaceAll(REFERENCE, '').replaceAll(/[; ]/g, ''), '');
    });
  }
});
