// Many driver clients of four languages at once through one weir, with change streams open beside them, and what must be
// true of it: results, counts, connections, and nothing left. It starts neither the server nor weir.
// Invariant: the results are held against a direct run of the same script, not against what weir says.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import type { LatencyRow, ProgramReport } from '../report.ts';
import { compareMetrics, compareRows } from './compare.ts';
import { assertQuietStory, metricOf, type Peaks, PoolWatch } from './pool-story.ts';
import { Program, type ProgramOptions, reportsOf, SCRIPT_LANGUAGES, withPrograms } from './programs.ts';
import { AWAIT_LANE, MAX_UPSTREAM, MONITORS, type PoolRow, type Weir } from './weir.ts';

export interface Crowd {
  /** Where the direct run goes: the server itself. */
  readonly directUri: string;
  /** The server's port; null for one that others may use as well, whose connections say nothing. */
  readonly serverPort: number | null;
  /** Clients of each language that run the script. */
  readonly clientsEach: number;
  /** Change streams that are open all the time, each on a collection of its own. */
  readonly streams: number;
}

/** What runs, by application name. */
type Reports = ReadonlyMap<string, ProgramReport>;

const STREAMS = 'crowd-streams';
const RUSH = 'crowd-rush';
/** The test's own. */
const QUESTION = 'crowd-question';
/** Between the writes to a collection that is watched. */
const NOTE_PAUSE_MS = 500;
/**
 * The script asks each collection too seldom for anything to be known as short, so nothing of it shares a connection.
 * Here many ask one short thing of one collection; the crowd comes while their operations share connections.
 */
const RUSH_LOAD = { scenario: 'rush', clients: 64, seconds: 20 } as const;
/** So many of them were sent behind others before the crowd comes. */
const SHARED_FIRST = 100;
const SHARED_DEADLINE_MS = 15_000;
/** Hundreds of clients need no more; by itself Java takes a quarter of the machine. */
const JAVA = { JAVA_TOOL_OPTIONS: '-Xmx512m' };

/** Runs them to their end and asserts all of it; figures go to the test's diagnostics. */
export async function assertCrowd(context: TestContext, weir: Weir, crowd: Crowd): Promise<void> {
  const direct = await runDirect(crowd.directUri);
  const before = await serverStory(weir);
  const startedMs = performance.now();
  const watch = new PoolWatch(weir, crowd.serverPort);
  const reports = await runAll(weir, crowd);
  const peaks = await watch.stop();
  const seconds = (performance.now() - startedMs) / 1000;
  context.diagnostic(`${seconds.toFixed(1)} s; ${peakFigures(peaks)}`);
  for (const app of [STREAMS, RUSH]) context.diagnostic(latencyFigures(app, reports.get(app)?.latencies[0]));

  for (const language of SCRIPT_LANGUAGES) assertSameResults(reports.get(`crowd-${language}`), direct);
  for (const [app, { errors, poolCleared }] of reports) assert.deepEqual([errors, poolCleared], [[], 0], app);
  assertEveryEvent(reports.get(STREAMS), crowd.streams);
  assertOwnAnswers(reports.get(RUSH));
  assertCaps(peaks);
  const pools = await assertQuietStory(weir, crowd.serverPort);
  for (const pool of pools) context.diagnostic(poolFigures(pool));
  await assertCounts(weir, reports);
  assert.ok(
    pools.some(({ pipelined = 0 }) => pipelined >= SHARED_FIRST),
    'no operation was sent behind another',
  );
  if (crowd.serverPort !== null) assertServerStory(before, await serverStory(weir));
}

async function runDirect(uri: string): Promise<ProgramReport> {
  const [direct] = await reportsOf([new Program('go', { uri, app: 'direct-go', scenario: 'script', clients: 1 })]);
  assert.ok(direct !== undefined);
  assert.deepEqual([direct.errors, direct.deviations], [[], []], 'the direct run');
  return direct;
}

async function runAll(weir: Weir, { clientsEach, streams }: Crowd): Promise<Reports> {
  const { uri } = weir;
  const watching = new Program('node', {
    uri,
    app: STREAMS,
    scenario: 'streams',
    clients: streams,
    pauseMs: NOTE_PAUSE_MS,
  });
  return withPrograms([watching], async () => {
    await watching.started();
    const rush = new Program('node', { uri, app: RUSH, ...RUSH_LOAD });
    return withPrograms([rush], async () => {
      await rush.started();
      await shared(weir);
      const script = SCRIPT_LANGUAGES.map((language) => {
        const options: ProgramOptions = { uri, app: `crowd-${language}`, scenario: 'script', clients: clientsEach };
        return new Program(language, language === 'java' ? { ...options, env: JAVA } : options);
      });
      const crowd = (await reportsOf(script)).map((report) => [`crowd-${report.driver}`, report] as const);
      watching.finish();
      return new Map([...crowd, [RUSH, await rush.report()], [STREAMS, await watching.report()]]);
    });
  });
}

/** Resolves when operations share connections. */
async function shared(weir: Weir): Promise<void> {
  const deadline = Date.now() + SHARED_DEADLINE_MS;
  while (!(await weir.pools()).some(({ pipelined = 0 }) => pipelined >= SHARED_FIRST)) {
    if (Date.now() > deadline) assert.fail(`too few were sent behind others: ${JSON.stringify(await weir.pools())}`);
    await sleep(20);
  }
}

function assertSameResults(report: ProgramReport | undefined, direct: ProgramReport): void {
  assert.deepEqual(report?.errors, [], report?.driver);
  assert.deepEqual(report.deviations, [], report.driver);
  assert.deepEqual(report.results, direct.results, report.driver);
  assert.equal(report.digest, direct.digest, report.driver);
}

/** Each saw what was written to its collection, and only that, on the one stream that it opened. */
function assertEveryEvent(report: ProgramReport | undefined, streams: number): void {
  assert.ok(report !== undefined);
  assert.equal(report.results.length, streams);
  for (const { step, value } of report.results) {
    const [written, seen, wrong] = value as readonly number[];
    assert.ok((written ?? 0) > 0, `${step}: nothing was written`);
    assert.deepEqual({ seen, wrong }, { seen: written, wrong: 0 }, step);
  }
  const opened = report.sent.filter(({ command }) => command === 'aggregate');
  assert.equal(
    opened.reduce((sum, { count }) => sum + count, 0),
    streams,
    'a stream was opened again',
  );
}

function assertOwnAnswers(report: ProgramReport | undefined): void {
  assert.equal(report?.results.length, RUSH_LOAD.clients);
  for (const { step, value } of report.results) {
    const [asked, wrong] = value as readonly number[];
    assert.ok((asked ?? 0) > 0, `${step}: nothing was asked`);
    assert.equal(wrong, 0, `${step}: answers to others' questions`);
  }
}

function assertCaps({ sockets, lanes, waiters }: Peaks): void {
  const most = MAX_UPSTREAM + AWAIT_LANE + MONITORS;
  assert.ok(sockets <= most, `${String(sockets)} connections at the server, not ${String(most)}`);
  assert.equal(lanes.get('ordinary'), MAX_UPSTREAM, 'the crowd uses all that it may');
  assert.ok((lanes.get('await') ?? 0) <= AWAIT_LANE);
  assert.ok(waiters > 0, 'the crowd is larger than the pool');
}

async function assertCounts(weir: Weir, reports: Reports): Promise<void> {
  const rows = await weir.callSites();
  for (const [app, report] of reports) assert.deepEqual(compareRows(report, app, rows), [], app);
  const text = await weir.metrics();
  const asked = rows.filter(({ app }) => app === QUESTION).map((row) => ({ ...row, count: row.operations }));
  assert.deepEqual(compareMetrics([...reports.values(), { sent: asked }], text), [], '/metrics');
  assert.equal(metricOf(text, 'weir_protocol_mismatches_total'), 0);
}

/** Connections as the server and as weir count them. */
interface ServerStory {
  readonly open: number;
  readonly opened: number;
  readonly openAtWeir: number;
  readonly openedByWeir: number;
}

/** The server is asked through weir, so that asking opens no connection of its own. */
async function serverStory(weir: Weir): Promise<ServerStory> {
  const client = new MongoClient(weir.uri, { appName: QUESTION });
  try {
    const { connections } = await client.db('admin').command({ serverStatus: 1 });
    const { current, totalCreated } = connections as { current: number; totalCreated: number };
    const pools = await weir.pools();
    return {
      open: current,
      opened: totalCreated,
      openAtWeir: pools.reduce((sum, { idle, busy }) => sum + idle + busy, 0),
      openedByWeir: pools.reduce((sum, { connects }) => sum + connects, 0),
    };
  } finally {
    await client.close();
  }
}

function assertServerStory(before: ServerStory, after: ServerStory): void {
  assert.equal(after.open, after.openAtWeir, 'connections open');
  assert.equal(after.opened - before.opened, after.openedByWeir - before.openedByWeir, 'connections opened meanwhile');
}

function peakFigures({ sockets, lanes, waiters, depth }: Peaks): string {
  const peaks = [...lanes].map(([lane, count]) => `${lane} ${String(count)}`).join(', ');
  const pool = `${String(waiters)} waiters, depth ${String(depth)}`;
  return `at most ${String(sockets)} connections at the server (${peaks}), ${pool}`;
}

function latencyFigures(app: string, row: LatencyRow | undefined): string {
  const times = [row?.p50, row?.p99, row?.max].map(String).join('/');
  return `${app}: ${String(row?.count)} times ${String(row?.operation)}, p50/p99/max ${times} ms`;
}

function poolFigures({ lane, connects, closed, pipelined = 0 }: PoolRow): string {
  return `${lane}: ${String(connects)} connects, ${String(pipelined)} behind others, closed ${JSON.stringify(closed)}`;
}
