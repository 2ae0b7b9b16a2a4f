// Guards the metrics page: every metric of the registry is on it, sums are right, and no series shrinks or vanishes.
// It reads the page as a scraper does, line by line.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { systemClock } from '../../../src/core/clock.ts';
import { MAX_CODES_PER_ROW } from '../../../src/stats/operation-row.ts';
import { MAX_CODES } from '../../../src/stats/operation-series.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { createMetrics, type MetricsOptions } from '../../../src/stats/prometheus.ts';
import { ALL_METRICS } from '../../../src/stats/registry.ts';
import { fakeSnapshots } from './fake-snapshots.ts';
import { type Page, parsePage } from './metrics-text.ts';
import { runOperation } from './results.ts';

function sumOf(page: Page, name: string): number {
  let sum = 0;
  for (const [series, value] of page) if (series.startsWith(`${name}{`)) sum += value;
  return sum;
}

function setUp(
  maxRows: number,
  caps: Partial<MetricsOptions> = {},
): { table: OperationTable; scrape: () => Promise<Page> } {
  const table = new OperationTable({ maxRows });
  const metrics = createMetrics({ table, snapshots: fakeSnapshots(), maxCallSites: 100, ...caps });
  return { table, scrape: async () => parsePage((await metrics.render()).toString()) };
}

test('every metric of the registry is announced once, with its help and type', async () => {
  const metrics = createMetrics({
    table: new OperationTable({ maxRows: 1 }),
    snapshots: fakeSnapshots(),
    maxCallSites: 1,
  });
  const text = (await metrics.render()).toString();
  for (const metric of ALL_METRICS) {
    assert.equal(text.split(`# TYPE ${metric.name} ${metric.type}\n`).length, 2, metric.name);
    assert.ok(text.includes(`# HELP ${metric.name} ${metric.help}\n`), metric.name);
  }
  assert.equal(text.match(/^# TYPE /gm)?.length, ALL_METRICS.length);
  assert.ok(text.endsWith('\n') && !text.endsWith('\n\n'));
});

test('names are unique and follow the conventions of prometheus', () => {
  assert.equal(new Set(ALL_METRICS.map((metric) => metric.name)).size, ALL_METRICS.length);
  for (const { name, type } of ALL_METRICS) {
    assert.match(name, /^weir_[a-z_]+$/);
    if (type === 'counter' && name !== 'weir_rows_capped') assert.match(name, /_total$/);
    if (type === 'gauge') assert.doesNotMatch(name, /_total$/);
  }
});

test('one operation shows in every family it belongs to', async () => {
  const { table, scrape } = setUp(10);
  const row = table.row('main', 'app', 'a.ts:1', 'shop', 'orders', 'insert');
  runOperation(row, { documentsReturned: 2, documentsChanged: 3, serverMs: 2, waitMs: 0, totalMs: 2.5 });
  const duplicate = { outcome: 'write_error', errorCode: 11000 } as const;
  runOperation(row, { ...duplicate, documentsReturned: 0, serverMs: 500, waitMs: 20, totalMs: 5000 });
  row.begin();
  const page = await scrape();
  const names = 'db="shop",collection="orders",command="insert"';
  const labels = `listener="main",${names}`;
  const expected: Readonly<Record<string, number>> = {
    [`weir_operations_total{${labels},outcome="ok"}`]: 1,
    [`weir_operations_total{${labels},outcome="write_error"}`]: 1,
    [`weir_operation_seconds_bucket{${names},le="0.001024"}`]: 0,
    [`weir_operation_seconds_bucket{${names},le="0.004096"}`]: 1,
    [`weir_operation_seconds_bucket{${names},le="4.194304"}`]: 1,
    [`weir_operation_seconds_bucket{${names},le="+Inf"}`]: 2,
    [`weir_operation_seconds_sum{${names}}`]: 5.0025,
    [`weir_operation_seconds_count{${names}}`]: 2,
    [`weir_server_seconds_bucket{${names},le="0.001024"}`]: 0,
    [`weir_server_seconds_bucket{${names},le="0.004096"}`]: 1,
    [`weir_server_seconds_bucket{${names},le="0.262144"}`]: 1,
    [`weir_server_seconds_bucket{${names},le="1.048576"}`]: 2,
    [`weir_server_seconds_bucket{${names},le="+Inf"}`]: 2,
    [`weir_server_seconds_sum{${names}}`]: 0.502,
    [`weir_server_seconds_count{${names}}`]: 2,
    [`weir_wait_seconds_bucket{${names},le="0.000256"}`]: 1,
    [`weir_wait_seconds_sum{${names}}`]: 0.02,
    [`weir_wait_seconds_count{${names}}`]: 2,
    [`weir_reply_documents_total{${labels}}`]: 2,
    [`weir_documents_changed_total{${labels}}`]: 3,
    [`weir_request_bytes_total{${labels}}`]: 200,
    [`weir_reply_bytes_total{${labels}}`]: 400,
    [`weir_callsite_operations_total{callsite="a.ts:1",${names}}`]: 2,
    [`weir_callsite_seconds_total{callsite="a.ts:1",${names}}`]: 0.502,
    [`weir_callsite_documents_total{callsite="a.ts:1",${names}}`]: 2,
    'weir_errors_total{code="11000",origin="upstream"}': 1,
    weir_rows_capped: 0,
    weir_rows: 2,
    weir_operations_active: 1,
  };
  for (const [series, value] of Object.entries(expected)) assert.equal(page.get(series), value, series);
  assert.equal(page.has(`weir_operations_total{${labels},outcome="refused"}`), false);
});

test('apps and call sites are summed per listener and collection, listeners per collection in histograms', async () => {
  const { table, scrape } = setUp(10);
  runOperation(table.row('one', 'app1', 'x', 'd', 'c', 'find'));
  runOperation(table.row('one', 'app2', 'x', 'd', 'c', 'find'));
  runOperation(table.row('two', 'app2', 'y', 'd', 'c', 'find'));
  const page = await scrape();
  const names = 'db="d",collection="c",command="find"';
  assert.equal(page.get(`weir_operations_total{listener="one",${names},outcome="ok"}`), 2);
  assert.equal(page.get(`weir_operations_total{listener="two",${names},outcome="ok"}`), 1);
  assert.equal(page.get(`weir_operation_seconds_count{${names}}`), 3);
  assert.equal(page.get(`weir_callsite_operations_total{callsite="x",${names}}`), 2);
});

test('the same code of server and of weir are two series', async () => {
  const { table, scrape } = setUp(10);
  const row = table.row('main', 'app', 'x', 'd', 'c', 'find');
  runOperation(row, { outcome: 'wait_timeout', errorCode: 50, errorOrigin: 'proxy' });
  for (let i = 0; i < 2; i += 1) runOperation(row, { outcome: 'command_error', errorCode: 50 });
  const page = await scrape();
  assert.equal(page.get('weir_errors_total{code="50",origin="proxy"}'), 1);
  assert.equal(page.get('weir_errors_total{code="50",origin="upstream"}'), 2);
});

test('counters are exact for every row, histograms beyond the cap are summed in other', async () => {
  const { table, scrape } = setUp(1000, { maxHistogramNamespaces: 3 });
  for (let i = 0; i < 700; i += 1) runOperation(table.row('main', 'app', 'x', 'd', `c${i}`, 'find'));
  const page = await scrape();
  for (let i = 0; i < 700; i += 1) {
    const names = `db="d",collection="c${i}",command="find"`;
    assert.equal(page.get(`weir_operations_total{listener="main",${names},outcome="ok"}`), 1);
    assert.equal(page.get(`weir_callsite_operations_total{callsite="x",${names}}`), 1);
    assert.equal(page.has(`weir_operation_seconds_count{${names}}`), i < 3, names);
  }
  for (const name of ['operation', 'server', 'wait']) {
    assert.equal(page.get(`weir_${name}_seconds_count{db="other",collection="other",command="other"}`), 697);
    assert.equal(sumOf(page, `weir_${name}_seconds_count`), 700);
  }
});

test('a large page lets others have their turn, and who asks meanwhile gets one page made afterwards', async () => {
  const table = new OperationTable({ maxRows: 3000 });
  for (let i = 0; i < 3000; i += 1) runOperation(table.row('main', 'app', 'x', 'd', `c${i}`, 'find'));
  let turns = 0;
  let nowMs = 0;
  const resumed = new EventEmitter();
  const clock = {
    ...systemClock,
    nowMs: () => (nowMs += 3),
    onTurnEnd: (run: () => void) => {
      turns += 1;
      resumed.once('resume', run);
    },
  };
  const metrics = createMetrics({ table, snapshots: fakeSnapshots(), maxCallSites: 10, clock });
  const settled: string[] = [];
  const first = metrics.render().finally(() => settled.push('first'));
  for (let i = 0; i < 1000 && resumed.listenerCount('resume') === 0; i += 1) await Promise.resolve();
  assert.equal(resumed.listenerCount('resume'), 1, 'the page was made without a pause');
  runOperation(table.row('main', 'app', 'x', 'late', 'late', 'find'));
  const [second, third] = [metrics.render(), metrics.render()];
  void second.finally(() => settled.push('second'));
  while (settled.length < 2) {
    resumed.emit('resume');
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(turns > 20, `${turns} turns`);
  assert.deepEqual(settled, ['first', 'second']);
  assert.notEqual(await first, await second, 'a page that was begun before it was asked for');
  assert.equal(await second, await third);
  const late = (page: Page): number => page.get('weir_rows_capped') ?? 0;
  assert.equal(late(parsePage((await second).toString())), 1);
  assert.equal(sumOf(parsePage((await first).toString()), 'weir_operations_total') >= 3000, true);
});

test('label texts are escaped', async () => {
  const { table, scrape } = setUp(10);
  runOperation(table.row('main', 'app', 'f("a\\b")\n', 'd', 'c"}', 'find'));
  const page = await scrape();
  const labels = 'db="d",collection="c\\"}",command="find"';
  assert.equal(page.get(`weir_callsite_operations_total{callsite="f(\\"a\\\\b\\")\ufffd",${labels}}`), 1);
});

test('no series decreases or vanishes while rows are admitted up to and beyond every cap', async () => {
  const { table, scrape } = setUp(60, { maxCallSites: 5, maxHistogramNamespaces: 20 });
  let before: Page = new Map();
  let operations = 0;
  for (let i = 0; i < 150; i += 1) {
    // Old rows go on counting while new ones come; codes pass their cap too.
    for (const n of [i, Math.floor(i / 2), 0]) {
      const row = table.row(
        'main',
        `app${n % 3}`,
        `site${n % 11}`,
        'db',
        `c${n % 37}`,
        n % 2 === 0 ? 'find' : 'insert',
      );
      runOperation(row, { outcome: 'command_error', errorCode: 1 + ((i * 3 + n) % 300), serverMs: n, waitMs: i });
      runOperation(row, { serverMs: 2 ** (n % 14), waitMs: 0, totalMs: 2 ** (i % 14) });
      operations += 2;
    }
    const page = await scrape();
    for (const [series, value] of before) {
      const now = page.get(series);
      assert.ok(now !== undefined, `vanished: ${series}`);
      const isGauge = /^weir_(rows$|operations_active)/.test(series);
      assert.ok(isGauge || now >= value, `decreased: ${series} from ${value} to ${now}`);
    }
    assert.equal(sumOf(page, 'weir_operations_total'), operations);
    assert.equal(sumOf(page, 'weir_callsite_operations_total'), operations);
    assert.equal(sumOf(page, 'weir_errors_total'), operations / 2);
    for (const name of ['operation', 'wait']) assert.equal(sumOf(page, `weir_${name}_seconds_count`), operations);
    before = page;
  }
  const names = [...before.keys()];
  const callSites = new Set(
    names.map((name) => /callsite="([^"]*)"/.exec(name)?.[1]).filter((name) => name !== undefined),
  );
  assert.equal(callSites.size, 5 + 1);
  assert.equal(names.filter((name) => name.startsWith('weir_server_seconds_count')).length, 20 + 1);
  assert.ok((before.get('weir_rows_capped') ?? 0) > 0);
  assert.ok((before.get('weir_errors_total{code="other",origin="upstream"}') ?? 0) > 0);
});

test('an error code keeps its series when an older row brings new codes after the cap was reached', async () => {
  const { table, scrape } = setUp(20);
  const oldest = table.row('main', 'app', '-', 'db', 'oldest', 'find');
  runOperation(oldest, { outcome: 'command_error', errorCode: 9001 });
  for (let code = 1; code <= MAX_CODES + 20; code += 1) {
    const row = table.row('main', 'app', '-', 'db', `c${Math.floor(code / MAX_CODES_PER_ROW)}`, 'find');
    runOperation(row, { outcome: 'command_error', errorCode: code });
  }
  const before = await scrape();
  runOperation(oldest, { outcome: 'command_error', errorCode: 9002 });
  const after = await scrape();
  for (const [series, value] of before) assert.ok((after.get(series) ?? -1) >= value, series);
  assert.equal(after.has('weir_errors_total{code="9002",origin="upstream"}'), false);
  assert.equal(
    after.get('weir_errors_total{code="other",origin="upstream"}'),
    (before.get('weir_errors_total{code="other",origin="upstream"}') ?? 0) + 1,
  );
});

test('query kinds and namespaces are on the page, with every kind and the role other from the start', async () => {
  const { table, scrape } = setUp(10);
  const empty = await scrape();
  const other = 'db="other",collection="other",command="other",role="other"';
  for (const kind of ['primary_key', 'multi_get', 'scatter_get']) {
    assert.equal(empty.get(`weir_query_kinds_total{kind="${kind}"}`), 0);
  }
  assert.equal(empty.get(`weir_namespace_operations_total{${other}}`), 0);
  table.row('main', 'app', 'x', 'shop', 'orders', 'aggregate').begin('multi_get');
  table.row('main', 'app', 'x', 'shop', 'orders', 'insert').begin('none', 5);
  table.namespaces.countFurther('aggregate', [
    { database: 'shop', collection: 'users', role: 'lookup', statements: 2 },
  ]);
  const page = await scrape();
  assert.equal(page.get('weir_query_kinds_total{kind="multi_get"}'), 1);
  const expected: readonly (readonly [string, number, number])[] = [
    ['db="shop",collection="orders",command="aggregate",role="primary"', 1, 0],
    ['db="shop",collection="orders",command="insert",role="primary"', 1, 5],
    ['db="shop",collection="users",command="aggregate",role="lookup"', 1, 2],
  ];
  for (const [labels, operations, statements] of expected) {
    assert.equal(page.get(`weir_namespace_operations_total{${labels}}`), operations, labels);
    assert.equal(page.get(`weir_namespace_statements_total{${labels}}`), statements, labels);
  }
});
