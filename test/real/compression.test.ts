// Each compressor from real drivers through weir in mode passthrough, in front of weir in mode pool, which asks nothing
// compressed of a server that cannot: results are those of the direct run, and both count what the drivers sent.
// Invariant: every single command and reply went compressed: they are counted where they are inflated and deflated.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareMetrics, compareRows, readSamples } from './harness/compare.ts';
import { type Language, Program, reportsOf } from './harness/programs.ts';
import { withServer } from './harness/server.ts';
import { type Weir, withWeir } from './harness/weir.ts';
import type { ProgramReport, SentRow } from './report.ts';

const CLIENTS = 2;

const COMPRESSORS = ['zlib', 'snappy', 'zstd'] as const;
const SPEAKERS: readonly Language[] = ['node', 'python', 'go', 'java', 'c'];

async function runOne(language: Language, uri: string, app: string): Promise<ProgramReport> {
  const [report] = await reportsOf([new Program(language, { uri, app, scenario: 'script', clients: CLIENTS })]);
  assert.ok(report !== undefined);
  return report;
}

/** Messages that this pool-mode weir inflated (received) and deflated (sent) for its clients so far. */
async function compressedMessages(weir: Weir, compressor: string): Promise<{ received: number; sent: number }> {
  const samples = readSamples(await weir.metrics()).filter(
    ({ name, labels }) =>
      name === 'weir_compressed_messages_total' &&
      labels['side'] === 'downstream' &&
      labels['compressor'] === compressor,
  );
  const sum = (direction: string): number =>
    samples.filter(({ labels }) => labels['direction'] === direction).reduce((total, { value }) => total + value, 0);
  return { received: sum('received'), sent: sum('sent') };
}

const countOf = (rows: readonly SentRow[]): number => rows.reduce((sum, { count }) => sum + count, 0);

/** Commands whose sender asks for no answer: the script's unacknowledged writes and how Node's driver ends sessions. */
function unanswered({ driver, sent }: ProgramReport): number {
  return countOf(
    sent.filter(
      ({ command, callSite }) =>
        callSite.endsWith('.unacknowledged') || (driver === 'node' && command === 'endSessions'),
    ),
  );
}

interface Chain {
  readonly server: string;
  readonly pool: Weir;
  readonly passthrough: Weir;
}

/** The same script directly and through the chain, where every message but hello goes compressed. */
async function runThrough(language: Language, compressor: string, chain: Chain): Promise<ProgramReport> {
  const { server, pool, passthrough } = chain;
  const app = `through-${language}`;
  const expected = await runOne(language, server, `direct-${language}`);
  const before = await compressedMessages(pool, compressor);
  const report = await runOne(language, `${passthrough.uri}/?compressors=${compressor}`, app);
  for (const weir of [passthrough, pool]) await weir.quiet();
  const after = await compressedMessages(pool, compressor);
  assert.deepEqual(report.results, expected.results, language);
  assert.deepEqual(report.deviations, [], language);
  assert.deepEqual(report.errors, [], language);
  assert.equal(report.poolCleared, 0, language);
  for (const [name, weir] of Object.entries({ pool, passthrough })) {
    assert.deepEqual(compareRows(report, app, await weir.callSites()), [], `${language}: ${name} /api/v1/callsites`);
  }
  const commands = countOf(report.sent);
  assert.ok(commands > 50, `${language} sent ${String(commands)} commands`);
  assert.equal(after.received - before.received, commands, `${language}: commands that came compressed`);
  assert.equal(after.sent - before.sent, commands - unanswered(report), `${language}: replies that went compressed`);
  return report;
}

for (const compressor of COMPRESSORS) {
  test(`${compressor}: equal results, and both weirs count what the drivers sent`, async () => {
    await withServer(async ({ uri }) => {
      await withWeir(uri, async (pool) => {
        await withWeir(
          pool.uri,
          async (passthrough) => {
            const reports: ProgramReport[] = [];
            for (const language of SPEAKERS) {
              reports.push(await runThrough(language, compressor, { server: uri, pool, passthrough }));
            }
            for (const [name, weir] of Object.entries({ pool, passthrough })) {
              assert.deepEqual(compareMetrics(reports, await weir.metrics()), [], `${name} /metrics`);
            }
          },
          { mode: 'passthrough' },
        );
      });
    });
  });
}
