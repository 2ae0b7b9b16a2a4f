// The captures of fixtures/captures are those that the script makes, and weir decode prints of each what stands beside it.
// UPDATE_GOLDEN=1 writes both; a human reads the difference.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../../src/cli/program.ts';
import { captureFixtures } from '../../support/capture-fixtures.ts';
import { recordedIo } from './recorded-io.ts';

const FOLDER = new URL('../../../fixtures/captures/', import.meta.url);
const isUpdate = process.env['UPDATE_GOLDEN'] === '1';

describe('fixtures/captures', () => {
  for (const [name, bytes] of captureFixtures()) {
    const path = fileURLToPath(new URL(name, FOLDER));
    if (isUpdate) writeFileSync(path, bytes);

    it(`${name} is what the script makes`, () => {
      assert.deepEqual(readFileSync(path), bytes);
    });

    it(`${name} decodes to the text beside it`, async () => {
      const io = recordedIo();
      assert.equal(await run(['decode', path, '--slow', '20'], io), 0);
      assert.deepEqual(io.errLines, []);
      const text = `${io.outLines.join('\n').replaceAll(path, name)}\n`;
      const golden = fileURLToPath(new URL(`${name}.txt`, FOLDER));
      if (isUpdate) writeFileSync(golden, text);
      assert.equal(text, readFileSync(golden, 'utf8'));
    });
  }
});
