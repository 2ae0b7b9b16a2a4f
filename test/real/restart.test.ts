// The server dies, or stands still, under load: clients stay connected, nothing acknowledged is lost, all goes on by itself.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAllowed, storedIds } from './harness/loss-rules.ts';
import { LANGUAGES, Program, withPrograms } from './harness/programs.ts';
import { type OwnServer, withOwnServer } from './harness/server.ts';
import { withWeir } from './harness/weir.ts';
import type { ProgramReport } from './report.ts';

const CLIENTS = 4;
const BEFORE_MS = 4000;
const DOWN_MS = 3000;
const STANDSTILL_MS = 20_000;

const app = (language: string): string => `restart-${language}`;

test('SIGKILL and a new start under load', async (context) => {
  await underLoad(context, 22, async (server) => {
    await server.kill();
    await sleep(DOWN_MS);
    await server.startAgain();
  });
});

test('SIGSTOP for 20 s under load', async (context) => {
  await underLoad(context, 45, async (server) => {
    server.suspend();
    await sleep(STANDSTILL_MS);
    server.resume();
  });
});

async function underLoad(
  context: TestContext,
  seconds: number,
  disturb: (server: OwnServer) => Promise<void>,
): Promise<void> {
  await withOwnServer(
    async (server) => {
      await withWeir(server.uri, async (weir) => {
        const options = { uri: weir.uri, scenario: 'load', clients: CLIENTS, seconds, pauseMs: 5 } as const;
        const operations = ['insert', 'find', 'transaction'];
        const programs = LANGUAGES.map(
          (language) => new Program(language, { ...options, operations, app: app(language) }),
        );
        const reports = await withPrograms(programs, async () => {
          await Promise.all(programs.map(async (program) => program.started()));
          await sleep(BEFORE_MS);
          await disturb(server);
          return Promise.all(programs.map(async (program) => program.report()));
        });
        for (const report of reports) context.diagnostic(summary(report));
        for (const report of reports) await checkReport(report, server.uri);
        assert.ok(
          reports.some((report) => report.errors.length > 0),
          'the disturbance was not felt at all: test it harder',
        );
      });
    },
    ['--sync-on-commit'],
  );
}

function summary({ driver, acknowledged, errors, latencies }: ProgramReport): string {
  const seen = errors.map((row) => `${row.where} ${String(row.code)} [${row.labels.join(' ')}] x ${String(row.count)}`);
  const longest = Math.max(...latencies.map((row) => row.max));
  return `${driver}: ${String(acknowledged.length)} acknowledged, longest ${String(Math.round(longest))} ms, errors: ${seen.join(', ')}`;
}

async function checkReport(report: ProgramReport, uri: string): Promise<void> {
  const { driver } = report;
  assert.equal(report.poolCleared, 0, `${driver} cleared its pool`);
  assert.deepEqual(
    report.errors.filter((row) => !isAllowed(row)),
    [],
    `${driver}: errors that weir may not give`,
  );
  assert.ok(report.acknowledgedInLastThreeSeconds > 0, `${driver} does not go on by itself`);
  const stored = await storedIds(uri, app(driver), CLIENTS);
  const lost = report.acknowledged.filter((id) => !stored.has(id));
  assert.deepEqual(lost, [], `${driver}: ${String(lost.length)} of ${String(report.acknowledged.length)} lost`);
}
