// The script of sandbox rules without a real server: it holds what it promises, its page is up to date, and the sandbox still
// answers what was recorded when both were compared. Invariant: `UPDATE_GOLDEN=1` is the only way to change page and record.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { differencesPage } from '../real/sandbox-rules/differences-page.ts';
import { KNOWN_DIFFERENCES } from '../real/sandbox-rules/known-differences.ts';
import { normalForm } from '../real/sandbox-rules/normal-form.ts';
import { RawSession } from '../real/sandbox-rules/raw-session.ts';
import { DATABASE, SCRIPT } from '../real/sandbox-rules/script.ts';

const page = new URL('../../docs/sandbox-differences.md', import.meta.url);
const record = new URL('../../fixtures/sandbox-rules.json', import.meta.url);
const isUpdate = process.env['UPDATE_GOLDEN'] === '1';

test('the script has 200 commands and more, each with a name of its own', () => {
  assert.ok(SCRIPT.length >= 200);
  const names = new Set(SCRIPT.map(({ name }) => name));
  assert.equal(names.size, SCRIPT.length);
  for (const { rule } of KNOWN_DIFFERENCES) assert.ok(names.has(rule), rule);
  assert.equal(new Set(KNOWN_DIFFERENCES.map(({ rule }) => rule)).size, KNOWN_DIFFERENCES.length);
});

test('the page of differences is that of the table', async () => {
  if (isUpdate) await writeFile(page, differencesPage());
  assert.equal(await readFile(page, 'utf8'), differencesPage());
});

test('the sandbox answers every command as recorded', async () => {
  const sandbox = await startSandbox();
  const session = await RawSession.open(sandbox.port);
  const answers: Record<string, unknown> = {};
  try {
    for (const { name, command, database = DATABASE } of SCRIPT)
      answers[name] = JSON.parse(normalForm(await session.run(database, command)));
  } finally {
    session.close();
    await sandbox.stop();
  }
  const lines = Object.entries(answers).map(([name, answer]) => `  ${JSON.stringify(name)}: ${JSON.stringify(answer)}`);
  if (isUpdate) await writeFile(record, `{\n${lines.join(',\n')}\n}\n`);
  assert.deepEqual(answers, JSON.parse(await readFile(record, 'utf8')));
});
