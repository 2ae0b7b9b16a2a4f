// Two hundred clients in three languages at once through one weir with eight connections to the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareMetrics, compareRows } from './harness/compare.ts';
import { LANGUAGES, Program, reportsOf } from './harness/programs.ts';
import { withServer } from './harness/server.ts';
import { ConnectionPeak } from './harness/sockets.ts';
import { AWAIT_LANE, MAX_UPSTREAM, MONITORS, withWeir } from './harness/weir.ts';

const CLIENTS: Readonly<Record<(typeof LANGUAGES)[number], number>> = { node: 66, python: 67, go: 67 };

test('200 clients at once finish the script with the direct results on 8 connections', async (context) => {
  await withServer(async ({ uri, port }) => {
    const [direct] = await reportsOf([new Program('go', { uri, app: 'direct-go', scenario: 'script', clients: 1 })]);
    await withWeir(uri, async (weir) => {
      const peak = port === null ? null : new ConnectionPeak(port);
      const app = (language: string): string => `crowd-${language}`;
      const programs = LANGUAGES.map(
        (language) =>
          new Program(language, { uri: weir.uri, app: app(language), scenario: 'script', clients: CLIENTS[language] }),
      );
      const reports = await reportsOf(programs);
      const connections = peak?.stop() ?? 0;
      context.diagnostic(`at most ${String(connections)} connections at the server`);
      for (const report of reports) {
        assert.deepEqual(report.errors, [], report.driver);
        assert.deepEqual(report.deviations, [], report.driver);
        assert.deepEqual(report.results, direct?.results, report.driver);
        assert.equal(report.poolCleared, 0, report.driver);
      }
      const rows = await weir.callSites();
      for (const report of reports) assert.deepEqual(compareRows(report, app(report.driver), rows), [], report.driver);
      assert.deepEqual(compareMetrics(reports, await weir.metrics()), [], '/metrics');
      assert.ok(
        connections <= MAX_UPSTREAM + AWAIT_LANE + MONITORS,
        `${String(connections)} connections at the server`,
      );
    });
  });
});
