// The sandbox's rules held against a real server: the same script on both, every reply compared.
// Known differences are a table; one that vanished fails as much as one that is new.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { withOwnServer } from './harness/server.ts';
import { KNOWN_DIFFERENCES } from './sandbox-rules/known-differences.ts';
import { normalForm } from './sandbox-rules/normal-form.ts';
import { RawSession } from './sandbox-rules/raw-session.ts';
import { DATABASE, SCRIPT } from './sandbox-rules/script.ts';

interface Difference {
  readonly rule: string;
  readonly sandbox: string;
  readonly server: string;
}

async function compareServers(sandbox: RawSession, server: RawSession): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const { name, command, database = DATABASE } of SCRIPT) {
    const [one, other] = [
      normalForm(await sandbox.run(database, command)),
      normalForm(await server.run(database, command)),
    ];
    if (one !== other) differences.push({ rule: name, sandbox: one, server: other });
  }
  return differences;
}

test('the sandbox answers as secantusd-rs does, but for the differences that are listed', async (context) => {
  await withOwnServer(async (server) => {
    const sandbox = await startSandbox();
    const sessions = [await RawSession.open(sandbox.port), await RawSession.open(server.port)] as const;
    try {
      const found = await compareServers(...sessions);
      const listed = KNOWN_DIFFERENCES.map(({ rule }) => rule);
      context.diagnostic(`${SCRIPT.length} commands, ${found.length} differences`);
      assert.deepEqual(
        found.filter(({ rule }) => !listed.includes(rule)),
        [],
        'differences that are not listed',
      );
      const vanished = listed.filter((rule) => !found.some((difference) => difference.rule === rule));
      assert.deepEqual(vanished, [], 'listed differences that are none any more');
    } finally {
      for (const session of sessions) session.close();
      await sandbox.stop();
    }
  });
});
