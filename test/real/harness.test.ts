// The harness itself, direct against the server: the driver programs agree with each other without weir.
// If these fail, the other tests of this folder say nothing about weir.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LANGUAGES, Program, reportsOf, SCRIPT_LANGUAGES } from './harness/programs.ts';
import { withServer } from './harness/server.ts';

for (const scenario of ['script', 'owners'] as const) {
  test(`direct: all drivers see the same results (${scenario})`, async () => {
    await withServer(async ({ uri }) => {
      const programs = (scenario === 'script' ? SCRIPT_LANGUAGES : LANGUAGES).map(
        (language) => new Program(language, { uri, app: `direct-${language}`, scenario, clients: 2 }),
      );
      const reports = await reportsOf(programs);
      for (const report of reports) {
        assert.deepEqual(report.errors, [], report.driver);
        assert.deepEqual(report.deviations, [], report.driver);
        assert.deepEqual(report.results, reports[0]?.results, report.driver);
        assert.equal(report.digest, reports[0]?.digest, report.driver);
        assert.equal(report.poolCleared, 0, report.driver);
      }
    });
  });
}
