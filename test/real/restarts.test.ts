// A server that dies ten times under load, with retryable reads and writes: which errors applications see, that nothing
// acknowledged is lost, that weir drops no client and makes no driver clear its pool. The same load directly beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSamples } from './harness/compare.ts';
import { isAllowed, storedIds } from './harness/loss-rules.ts';
import { Program, withPrograms } from './harness/programs.ts';
import { type OwnServer, withOwnServer } from './harness/server.ts';
import { type Weir, withWeir } from './harness/weir.ts';
import type { ProgramReport } from './report.ts';

const RESTARTS = 10;
const CLIENTS = 4;
const BEFORE_MS = 4000;
const DOWN_MS = 1000;
const UP_MS = 1500;
/** The restarts, a start of the server for each, and some quiet behind them. */
const SECONDS = 48;

test('SIGKILL and a new start, ten times under load', async (context) => {
  await withOwnServer(
    async (server) => {
      await withWeir(server.uri, async (weir) => {
        const [through, beside, direct] = [
          load('node', 'restarts-node', weir.uri),
          load('python', 'restarts-python', weir.uri),
          load('node', 'restarts-direct', `${server.uri}/?directConnection=true`),
        ];
        const programs = [through, beside, direct];
        const reports = await withPrograms(programs, async () => {
          await Promise.all(programs.map(async (program) => program.started()));
          await sleep(BEFORE_MS);
          const before = await connections(weir);
          await restart(server);
          const after = await connections(weir);
          context.diagnostic(`connections before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
          // A driver may open another one while it waits; it closes none, and weir closes none.
          assert.deepEqual(after.closed, before.closed, 'clients lost connections');
          return Promise.all(programs.map(async (program) => program.report()));
        });
        const names = ['through', 'through', 'direct'];
        for (const [index, report] of reports.entries()) context.diagnostic(`${names[index] ?? ''} ${summary(report)}`);
        const [node, python] = reports;
        assert.ok(node && python);
        await checkReport(node, 'restarts-node', server.uri);
        await checkReport(python, 'restarts-python', server.uri);
        assert.ok(node.errors.length > 0, 'the restarts were not felt at all: test it harder');
      });
    },
    ['--sync-on-commit'],
  );
});

function load(language: 'node' | 'python', app: string, uri: string): Program {
  const operations = ['insert', 'find', 'transaction'];
  return new Program(language, {
    uri,
    app,
    operations,
    scenario: 'load',
    clients: CLIENTS,
    seconds: SECONDS,
    pauseMs: 5,
  });
}

async function restart(server: OwnServer): Promise<void> {
  for (let time = 0; time < RESTARTS; time++) {
    await server.kill();
    await sleep(DOWN_MS);
    await server.startAgain();
    await sleep(UP_MS);
  }
}

/** Client connections so far. */
async function connections(weir: Weir): Promise<{ accepted: number; closed: Record<string, number> }> {
  const samples = readSamples(await weir.metrics());
  const accepted = samples.filter(({ name }) => name === 'weir_downstream_connections_total');
  const closed = samples.filter(({ name, value }) => name === 'weir_downstream_closed_total' && value > 0);
  return {
    accepted: accepted.reduce((total, { value }) => total + value, 0),
    closed: Object.fromEntries(closed.map(({ labels, value }) => [labels['reason'] ?? '', value])),
  };
}

function summary({ driver, acknowledged, errors, latencies, poolCleared }: ProgramReport): string {
  const seen = errors.map((row) => `${row.where} ${String(row.code)} [${row.labels.join(' ')}] x ${String(row.count)}`);
  const longest = Math.round(Math.max(...latencies.map((row) => row.max)));
  const done = `${driver}: ${String(acknowledged.length)} acknowledged, longest ${String(longest)} ms`;
  return `${done}, pools cleared ${String(poolCleared)}, errors: ${seen.join(', ')}`;
}

async function checkReport(report: ProgramReport, app: string, uri: string): Promise<void> {
  assert.equal(report.poolCleared, 0, `${app} cleared its pool`);
  assert.deepEqual(
    report.errors.filter((row) => !isAllowed(row)),
    [],
    `${app}: errors that weir may not give`,
  );
  assert.ok(report.acknowledgedInLastThreeSeconds > 0, `${app} does not go on by itself`);
  const stored = await storedIds(uri, app, CLIENTS);
  assert.deepEqual(
    report.acknowledged.filter((id) => !stored.has(id)),
    [],
    `${app}: lost`,
  );
}
