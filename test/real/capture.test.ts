// A capture of what the drivers' scripts send, read by `weir decode`: its counts are those of the programs, those of the
// live weir that the same bytes went through, and its messages as many as Wireshark's dissector sees (tshark.test.ts
// compares each). Invariant: no test is skipped: without the right to capture, a relay writes the file, and that is said.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { DecodeReport } from '../../src/cli/decode-report.ts';
import { compareRows } from './harness/compare.ts';
import { decode } from './harness/decoded.ts';
import { dissect } from './harness/dissection.ts';
import { type Language, Program, reportsOf, SCRIPT_LANGUAGES } from './harness/programs.ts';
import { withOwnServer, withServer } from './harness/server.ts';
import { type TrafficRun, whyNotDumpcap, withDumpcap, withRelay } from './harness/traffic.ts';
import { type CallSiteRow, withWeir } from './harness/weir.ts';
import type { ProgramReport } from './report.ts';

const CLIENTS = 2;

async function withTraffic(context: TestContext, run: TrafficRun): Promise<void> {
  const why = await whyNotDumpcap();
  if (why === null) return withDumpcap(run);
  context.diagnostic(`captured by a relay of our own, because dumpcap says: ${why}`);
  return withRelay(run);
}

const appOf = (language: Language): string => `through-${language}`;

async function runScript(language: Language, port: number, query = ''): Promise<ProgramReport> {
  const uri = `mongodb://127.0.0.1:${String(port)}/?directConnection=true${query}`;
  const options = { uri, app: appOf(language), scenario: 'script', clients: CLIENTS } as const;
  const [report] = await reportsOf([new Program(language, options)]);
  assert.ok(report !== undefined);
  assert.deepEqual([report.errors, report.deviations], [[], []], language);
  return report;
}

/** Nothing of the capture was missing or not understood. */
function assertWhole(decoded: DecodeReport): void {
  assert.deepEqual(
    decoded.files.map(({ problem }) => problem),
    [null],
  );
  assert.deepEqual([decoded.packets.skipped, decoded.packets.damaged, decoded.tcp.gaps], [{}, 0, 0]);
  assert.deepEqual([decoded.streamFaults, decoded.ended, decoded.totals.active], [{}, {}, 0]);
  assert.deepEqual(Object.keys(decoded.connections.byContent), ['mongodb']);
}

function assertCounts(decoded: DecodeReport, reports: ReadonlyMap<Language, ProgramReport>): void {
  assertWhole(decoded);
  for (const [language, report] of reports) {
    assert.ok(report.sent.length > 20, `${language} sent something`);
    assert.deepEqual(compareRows(report, appOf(language), decoded.callSites), [], language);
  }
}

/** Everything of a row but times, which depend on who looks, and the listener, which a capture does not have. */
function withoutTimes(rows: readonly CallSiteRow[]): readonly object[] {
  return rows
    .map((row) => ({ ...row, listener: '', serverMs: null, waitMs: null }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Requests that tshark sees, each of which weir counts as one operation. */
function requestsByTshark(file: string, port: number): number {
  const messages = dissect(file, port);
  assert.ok(messages.every(({ isMalformed }) => !isMalformed));
  return messages.filter(({ targetPort }) => targetPort === port).length;
}

test('all drivers through weir: decode, the live weir and the programs count the same', async (context) => {
  await withServer(async ({ uri }) => {
    await withWeir(
      uri,
      async (weir) => {
        const reports = new Map<Language, ProgramReport>();
        let live: readonly CallSiteRow[] = [];
        await withTraffic(context, {
          port: weir.port,
          during: async (port) => {
            for (const language of [...SCRIPT_LANGUAGES, 'c'] as const) {
              reports.set(language, await runScript(language, port));
            }
          },
          use: async ({ file, port }) => {
            await weir.quiet();
            live = await weir.callSites();
            const decoded = await decode(file);
            assertCounts(decoded, reports);
            assert.deepEqual(withoutTimes(decoded.callSites), withoutTimes(live));
            assert.equal(decoded.totals.operations, requestsByTshark(file, port), 'requests by tshark');
          },
        });
      },
      { mode: 'passthrough' },
    );
  });
});

test('compressed with each of the three: the same', async (context) => {
  await withServer(async ({ uri }) => {
    await withWeir(uri, async (weir) => {
      const reports = new Map<Language, ProgramReport>();
      await withTraffic(context, {
        port: weir.port,
        during: async (port) => {
          for (const [language, compressor] of [
            ['python', 'zlib'],
            ['java', 'snappy'],
            ['go', 'zstd'],
          ] as const) {
            reports.set(language, await runScript(language, port, `&compressors=${compressor}`));
          }
        },
        use: async ({ file }) => {
          await weir.quiet();
          const decoded = await decode(file);
          assertCounts(decoded, reports);
          assert.deepEqual(withoutTimes(decoded.callSites), withoutTimes(await weir.callSites()));
        },
      });
    });
  });
});

test('straight at the server, captured by a relay: what is done where nobody may capture works', async () => {
  await withOwnServer(async ({ port: serverPort }) => {
    const reports = new Map<Language, ProgramReport>();
    await withRelay({
      port: serverPort,
      during: async (port) => {
        for (const language of ['node', 'c'] as const) reports.set(language, await runScript(language, port));
      },
      use: async ({ file, port }) => {
        const decoded = await decode(file);
        assertCounts(decoded, reports);
        assert.equal(decoded.totals.operations, requestsByTshark(file, port), 'requests by tshark');
      },
    });
  });
});
