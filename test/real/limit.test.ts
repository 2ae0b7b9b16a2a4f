// A limit of 50 operations a second with a burst of 10 on one call site, counted where it matters: at the server.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { compareRows } from './harness/compare.ts';
import { databaseOf, LANGUAGES, Program, withPrograms } from './harness/programs.ts';
import { withServer } from './harness/server.ts';
import { type Weir, withWeir } from './harness/weir.ts';
import type { LatencyRow, ProgramReport } from './report.ts';

const RATE = 50;
const BURST = 10;
const WINDOW_SECONDS = 20;
/** The load outlasts the window on both sides, so that the limit bites during all of it. */
const LOAD_SECONDS = WINDOW_SECONDS + 6;
const CLIENTS = 8;
const TOLERANCE = 0.01;

const LIMITS = `  - name: hot
    match: {callSite: "hot.*"}
    per: [callSite]
    rate: ${String(RATE)}/s
    burst: ${String(BURST)}
    action: reject
    mode: enforce
`;

test('50/s with burst 10 on one call site: so many reach the server, others feel nothing, pools stay', async (context) => {
  await withServer(async ({ uri }) => {
    await withWeir(uri, async (weir) => checkLimit(uri, weir, context), { limits: LIMITS });
  });
});

async function checkLimit(uri: string, weir: Weir, context: TestContext): Promise<void> {
  const quiet = await runCalm(weir.uri, 'calm-before', 5);
  const apps = LANGUAGES.map((language) => `hot-${language}`);
  const hot = LANGUAGES.map(
    (language) =>
      new Program(language, {
        uri: weir.uri,
        app: `hot-${language}`,
        scenario: 'load',
        clients: CLIENTS,
        seconds: LOAD_SECONDS,
        callSite: 'hot',
      }),
  );
  await withPrograms(hot, async () => {
    await Promise.all(hot.map(async (program) => program.started()));
    await sleep(1000);
    const [passed, busy] = await Promise.all([
      passedInWindow(uri, apps),
      runCalm(weir.uri, 'calm-during', WINDOW_SECONDS),
    ]);
    const { least, most } = bounds(passed.seconds);
    context.diagnostic(`${String(passed.count)} operations reached the server in ${passed.seconds.toFixed(2)} s`);
    assert.ok(passed.count >= least && passed.count <= most, `${String(passed.count)} in ${String(passed.seconds)} s`);

    const reports = await Promise.all(hot.map(async (program) => program.report()));
    await checkHot(uri, apps, reports, weir);
    context.diagnostic(`other call sites: before ${latencies(quiet)}, during ${latencies(busy)}`);
    assert.deepEqual(busy.errors, [], 'other call sites see no error');
    assert.equal(busy.poolCleared, 0);
    for (const [position, row] of busy.latencies.entries()) checkFeelsNothing(quiet.latencies[position], row);
  });
}

function bounds(seconds: number): { least: number; most: number } {
  return { least: RATE * seconds * (1 - TOLERANCE), most: (RATE * seconds + BURST) * (1 + TOLERANCE) };
}

/** Documents that arrived at the server between two looks, WINDOW_SECONDS apart, past weir. */
async function passedInWindow(uri: string, apps: readonly string[]): Promise<{ count: number; seconds: number }> {
  const client = new MongoClient(uri);
  try {
    await client.connect();
    const before = await inserted(client, apps);
    const fromMs = performance.now();
    await sleep(WINDOW_SECONDS * 1000);
    const after = await inserted(client, apps);
    return { count: after - before, seconds: (performance.now() - fromMs) / 1000 };
  } finally {
    await client.close();
  }
}

async function inserted(client: MongoClient, apps: readonly string[]): Promise<number> {
  const counts = await Promise.all(
    apps.map(async (app) => client.db(databaseOf(app)).collection('load').countDocuments()),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function checkHot(
  uri: string,
  apps: readonly string[],
  reports: readonly ProgramReport[],
  weir: Weir,
): Promise<void> {
  const client = new MongoClient(uri);
  const total = await inserted(client, apps).finally(async () => client.close());
  const [limit] = await weir.limits();
  assert.ok(limit !== undefined && limit.name === 'hot');
  assert.equal(limit.allowed, total, 'what weir allowed is what the server has');
  assert.ok(limit.refused > 0, 'the limit bit');
  assert.equal(limit.matched, limit.allowed + limit.refused);
  const rows = await weir.callSites();
  for (const report of reports) {
    assert.equal(report.poolCleared, 0, report.driver);
    assert.ok(report.errors.every(isRefusal), JSON.stringify(report.errors));
    assert.deepEqual(compareRows(report, `hot-${report.driver}`, rows), [], report.driver);
  }
}

function isRefusal(row: ProgramReport['errors'][number]): boolean {
  const labels = ['NoWritesPerformed', 'RetryableError', 'SystemOverloadedError'];
  return row.code === 462 && JSON.stringify(row.labels) === JSON.stringify(labels);
}

async function runCalm(uri: string, app: string, seconds: number): Promise<ProgramReport> {
  const operations = ['insert', 'find'];
  const program = new Program('go', {
    uri,
    app,
    scenario: 'load',
    clients: 2,
    seconds,
    pauseMs: 20,
    operations,
    callSite: 'calm',
  });
  return withPrograms([program], async () => program.report());
}

function latencies(report: ProgramReport): string {
  return report.latencies.map((row) => `${row.operation} p50 ${String(row.p50)} p99 ${String(row.p99)} ms`).join(', ');
}

/** The machine is shared with the hot programs, so the bound is wide; waiting for a bucket would be far beyond it. */
function checkFeelsNothing(quiet: LatencyRow | undefined, busy: LatencyRow): void {
  const bound = (quiet?.p50 ?? 0) * 5 + 20;
  assert.ok(
    busy.p50 <= bound,
    `${busy.operation}: p50 ${String(busy.p50)} ms under load, ${String(quiet?.p50)} ms before`,
  );
}
