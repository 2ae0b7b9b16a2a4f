// Pass-through in front of a real server: every driver gets what it gets directly, in the clear, with a login, inside TLS;
// where the bytes can be read, weir counts exactly what the drivers say they sent.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCertificate } from './harness/certificate.ts';
import { compareMetrics, compareRows, readSamples } from './harness/compare.ts';
import { Program, reportsOf, SCRIPT_LANGUAGES } from './harness/programs.ts';
import { createUser, withOwnServer, withServer } from './harness/server.ts';
import { type Weir, withWeir } from './harness/weir.ts';
import type { ProgramReport } from './report.ts';

const CLIENTS = 2;
const USER = 'ada';
const PASSWORD = 'a password of this test only';

/** How the programs reach a server or weir; without directConnection they would follow the server's own address. */
interface Way {
  readonly login?: string;
  readonly query?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function uriOf(base: string, { login, query }: Way): string {
  const host = base.replace('mongodb://', '');
  return `mongodb://${login === undefined ? '' : `${login}@`}${host}/?directConnection=true${query ?? ''}`;
}

/** All languages, one after the other: directly, then through weir; results must be equal. */
async function compareRuns(server: string, weir: Weir, way: Way): Promise<readonly ProgramReport[]> {
  const reports: ProgramReport[] = [];
  for (const language of SCRIPT_LANGUAGES) {
    const common = { scenario: 'script', clients: CLIENTS, env: way.env ?? {} } as const;
    const direct = new Program(language, { ...common, uri: uriOf(server, way), app: `direct-${language}` });
    const [expected] = await reportsOf([direct]);
    const through = new Program(language, { ...common, uri: uriOf(weir.uri, way), app: `through-${language}` });
    const [report] = await reportsOf([through]);
    assert.ok(report !== undefined && expected !== undefined);
    assert.deepEqual(report.results, expected.results, language);
    assert.deepEqual(report.deviations, [], language);
    assert.deepEqual(report.errors, [], language);
    assert.equal(report.poolCleared, 0, language);
    reports.push(report);
  }
  return reports;
}

async function compareCounts(reports: readonly ProgramReport[], weir: Weir): Promise<void> {
  const rows = await weir.callSites();
  for (const [index, language] of SCRIPT_LANGUAGES.entries()) {
    const report = reports[index];
    assert.ok(report !== undefined);
    assert.deepEqual(compareRows(report, `through-${language}`, rows), [], `${language}: /api/v1/callsites`);
  }
  assert.deepEqual(compareMetrics(reports, await weir.metrics()), [], '/metrics');
}

test('in the clear: equal results, and weir counts what the drivers sent', async () => {
  await withServer(async ({ uri }) => {
    await withWeir(
      uri,
      async (weir) => {
        const reports = await compareRuns(uri, weir, {});
        await compareCounts(reports, weir);
      },
      { mode: 'passthrough' },
    );
  });
});

test('with a SCRAM login that weir knows nothing of: the same', async () => {
  await withOwnServer(
    async ({ uri }) => {
      await createUser(uri, USER, PASSWORD);
      await withWeir(
        uri,
        async (weir) => {
          const login = `${USER}:${encodeURIComponent(PASSWORD)}`;
          const reports = await compareRuns(uri, weir, { login, query: '&authSource=admin' });
          await compareCounts(reports, weir);
          assert.ok(!weir.log.includes(PASSWORD));
        },
        { mode: 'passthrough' },
      );
    },
    ['--auth'],
  );
});

test('inside TLS: equal results, nothing read, and weir says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-tls-'));
  try {
    const { certFile, keyFile, javaOptions } = await makeCertificate(folder);
    await withOwnServer(
      async ({ uri }) => {
        await withWeir(
          uri,
          async (weir) => {
            const query = `&tls=true&tlsCAFile=${encodeURIComponent(certFile)}`;
            await compareRuns(uri, weir, { query, env: { JAVA_TOOL_OPTIONS: javaOptions } });
            const samples = readSamples(await weir.metrics());
            const ended = samples.find(
              ({ name, labels }) => name === 'weir_sniffing_ended_total' && labels['reason'] === 'tls',
            );
            assert.ok((ended?.value ?? 0) > 0, 'conversations inside TLS are counted');
            assert.match(weir.log, /TLS/);
            assert.deepEqual(await weir.callSites(), []);
          },
          { mode: 'passthrough' },
        );
      },
      ['--tls-cert-file', certFile, '--tls-key-file', keyFile],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
