// Through weir, every driver gets what it gets directly, and weir counts exactly what the drivers say they sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareMetrics, compareRows } from './harness/compare.ts';
import { LANGUAGES, Program, reportsOf, SCRIPT_LANGUAGES } from './harness/programs.ts';
import { withServer } from './harness/server.ts';
import { ConnectionPeak } from './harness/sockets.ts';
import { AWAIT_LANE, MAX_UPSTREAM, MONITORS, withWeir } from './harness/weir.ts';
import type { ProgramReport } from './report.ts';

const CLIENTS = 3;

for (const scenario of ['script', 'owners'] as const) {
  test(`through weir: the direct run's results, and weir's counts are the drivers' (${scenario})`, async () => {
    await withServer(async ({ uri, port }) => {
      const languages = scenario === 'script' ? SCRIPT_LANGUAGES : LANGUAGES;
      const direct = new Map<string, ProgramReport>();
      for (const language of languages) {
        const [report] = await reportsOf([
          new Program(language, { uri, app: `direct-${language}`, scenario, clients: CLIENTS }),
        ]);
        if (report !== undefined) direct.set(language, report);
      }
      await withWeir(uri, async (weir) => {
        const peak = port === null ? null : new ConnectionPeak(port);
        const through: ProgramReport[] = [];
        for (const language of languages) {
          const app = `through-${language}`;
          const [report] = await reportsOf([new Program(language, { uri: weir.uri, app, scenario, clients: CLIENTS })]);
          assert.ok(report !== undefined);
          through.push(report);
          assert.deepEqual(report.results, direct.get(language)?.results, language);
          assert.deepEqual(report.deviations, [], language);
          assert.equal(report.digest, direct.get(language)?.digest, language);
          assert.deepEqual(report.errors, [], language);
          assert.equal(report.poolCleared, 0, language);
          assert.deepEqual(compareRows(report, app, await weir.callSites()), [], `${language}: /api/v1/callsites`);
        }
        assert.deepEqual(compareMetrics(through, await weir.metrics()), [], '/metrics');
        if (peak !== null) assert.ok(peak.stop() <= MAX_UPSTREAM + AWAIT_LANE + MONITORS);
      });
    });
  });
}
