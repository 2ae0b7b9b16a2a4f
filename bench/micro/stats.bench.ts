// What statistics cost: ns per operation of the row lookup and of begin/finish, bytes per row, ms per /metrics page.
// Run: node --expose-gc --import tsx bench/micro/stats.bench.ts [rows]. It asserts nothing; figures go to bench/README.md.

import { DDSketch } from '@datadog/sketches-js';
import { bench, do_not_optimize, run } from 'mitata';
import type { OperationResult } from '../../src/core/operation.ts';
import { LatencySketch } from '../../src/stats/latency-sketch.ts';
import { OperationTable } from '../../src/stats/operation-table.ts';
import { createMetrics, type Metrics } from '../../src/stats/prometheus.ts';
import { fakeSnapshots } from '../../test/unit/stats/fake-snapshots.ts';

const rowCount = Number(process.argv[2] ?? 1000);

type Key = readonly [string, string, string, string, string, string];

function makeKeys(count: number): readonly Key[] {
  const keys: Key[] = [];
  for (let i = 0; i < count; i += 1) {
    keys.push(['main', `app${i % 4}`, `orders.go:${Math.floor(i / 80)}`, 'shop', `collection${i % 20}`, 'find']);
  }
  return keys;
}

/** Server times spread over three decades, as a busy collection shows them. */
const spread: readonly number[] = Array.from({ length: 4096 }, (_, i) => 0.2 * 10 ** ((3 * i) / 4096));

function resultAt(i: number): OperationResult {
  return {
    outcome: 'ok',
    errorCode: 0,
    errorOrigin: 'upstream',
    documentsReturned: 1,
    documentsChanged: 0,
    requestBytes: 180,
    replyBytes: 200,
    serverMs: spread[(i * 1597) % spread.length] ?? 1,
    behindMs: 0,
    waitMs: i % 3 === 0 ? (spread[(i * 31) % spread.length] ?? 1) : 0,
    totalMs: (spread[(i * 1597) % spread.length] ?? 1) + 0.05,
  };
}

function heapBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const usage = process.memoryUsage();
  return usage.heapUsed + usage.external;
}

function fillTable(rows: number, operationsPerRow: number, resultOf: (i: number) => OperationResult): OperationTable {
  const table = new OperationTable({ maxRows: rows });
  for (let i = 0; i < rows; i += 1) {
    const row = table.row('main', 'app', `call site ${i}`, 'shop', `collection ${i % 200}`, 'find');
    for (let n = 0; n < operationsPerRow; n += 1) {
      row.begin();
      row.finish(resultOf(i + n));
    }
  }
  return table;
}

/** One decade of server times and no waiting: most rows of a healthy proxy. */
function calmResultAt(i: number): OperationResult {
  return {
    ...resultAt(i),
    serverMs: 0.3 + ((i * 37) % 100) * 0.03,
    waitMs: 0,
    totalMs: 0.35 + ((i * 37) % 100) * 0.03,
  };
}

function reportMemory(): void {
  const kinds = [
    ['one decade of server times, no waits', calmResultAt],
    ['three decades of server times and of waits', resultAt],
  ] as const;
  for (const [name, resultOf] of kinds) {
    const before = heapBytes();
    const table = fillTable(10_000, 300, resultOf);
    const bytes = heapBytes() - before;
    console.log(`10 000 rows, ${name}: ${(bytes / 1e6).toFixed(1)} MB, ${Math.round(bytes / 10_000)} bytes a row`);
    do_not_optimize(table);
  }
  const start = heapBytes();
  const sketches = Array.from({ length: 10_000 }, () => new DDSketch({ relativeAccuracy: 0.02 }));
  for (const sketch of sketches)
    for (let n = 0; n < 300; n += 1) sketch.accept(spread[(n * 1597) % spread.length] ?? 1);
  console.log(`DDSketch at 2 %, same values: ${Math.round((heapBytes() - start) / 10_000)} bytes each`);
  do_not_optimize(sketches);
}

/** Each row its own namespace: the most series that a number of rows can make. */
function fillDistinct(rows: number): OperationTable {
  const table = new OperationTable({ maxRows: rows });
  for (let i = 0; i < rows; i += 1) {
    const row = table.row('main', 'app', `call site ${i % 1000}`, 'shop', `collection ${i}`, 'find');
    for (let n = 0; n < 50; n += 1) {
      row.begin();
      row.finish(resultAt(n));
    }
  }
  return table;
}

interface Rendering {
  readonly ms: number;
  /** The longest time in which nothing else had its turn. */
  readonly blockedMs: number;
  readonly bytes: number;
}

async function render(metrics: Metrics): Promise<Rendering> {
  let isDone = false;
  let blockedMs = 0;
  let lastMs = performance.now();
  const turn = (): void => {
    const nowMs = performance.now();
    blockedMs = Math.max(blockedMs, nowMs - lastMs);
    lastMs = nowMs;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  const startMs = performance.now();
  const bytes = (await metrics.render()).length;
  const ms = performance.now() - startMs;
  isDone = true;
  turn();
  return { ms, blockedMs, bytes };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function reportRendering(): Promise<void> {
  for (const [name, table] of [
    ['2 000 rows in 200 namespaces', fillTable(2000, 50, resultAt)],
    ['2 000 rows in 2 000 namespaces', fillDistinct(2000)],
    ['10 000 rows in 10 000 namespaces', fillDistinct(10_000)],
  ] as const) {
    const metrics = createMetrics({ table, snapshots: fakeSnapshots(), maxCallSites: 1000 });
    const pages: Rendering[] = [];
    for (let i = 0; i < 15; i += 1) pages.push(await render(metrics));
    const first = pages[0]?.ms ?? 0;
    const ms = median(pages.map((page) => page.ms));
    const blockedMs = median(pages.map((page) => page.blockedMs));
    const megabytes = (pages[0]?.bytes ?? 0) / 1e6;
    console.log(
      `/metrics, ${name}: first ${first.toFixed(0)} ms, median ${ms.toFixed(0)} ms, at most ${blockedMs.toFixed(1)} ms at a time, ${megabytes.toFixed(1)} MB`,
    );
  }
}

function addBenches(): void {
  const keys = makeKeys(rowCount);
  const nested = new OperationTable({ maxRows: rowCount });
  const joined = new Map<string, number>();
  for (const [i, key] of keys.entries()) {
    nested.row(...key);
    joined.set(key.join('\0'), i);
  }
  const at = (i: number): Key => keys[(i * 7919) % keys.length] ?? ['', '', '', '', '', ''];
  let i = 0;
  bench(`row lookup, nested maps, ${rowCount} rows`, () => {
    const key = at(i++);
    do_not_optimize(nested.row(...key));
  });
  bench(`row lookup, one map with a joined key, ${rowCount} rows`, () => {
    const key = at(i++);
    do_not_optimize(joined.get(`${key[0]}\0${key[1]}\0${key[2]}\0${key[3]}\0${key[4]}\0${key[5]}`));
  });
  const row = nested.row(...at(0));
  const results = Array.from({ length: 4096 }, (_, n) => resultAt(n));
  bench('begin and finish', () => {
    row.begin();
    row.finish(results[i++ & 4095] as OperationResult);
  });
  const sketch = new LatencySketch();
  bench('LatencySketch record', () => sketch.record(spread[i++ & 4095] ?? 1));
  const datadog = new DDSketch({ relativeAccuracy: 0.02 });
  bench('DDSketch accept', () => datadog.accept(spread[i++ & 4095] ?? 1));
}

reportMemory();
await reportRendering();
addBenches();
await run();
