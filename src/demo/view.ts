// What the demo shows, as plain data read from a running weir: connections, rates, rows of the statistics.
// It lays nothing out. Invariant: rates are over the last RATE_WINDOW_MS at least, except at the very start.

import type { LimitSnapshot, Snapshots } from '../core/snapshots.ts';
import { type OperationReportRow, reportCallSites, reportCollections } from '../stats/operation-report.ts';
import type { OperationTable } from '../stats/operation-table.ts';

/** Client connections of one application. */
export interface ApplicationLine {
  readonly name: string;
  readonly connections: number;
}

/** One row of either table; `app` and `callSite` are empty where rows are per collection. Times in milliseconds. */
export interface OperationLine {
  readonly app: string;
  readonly callSite: string;
  readonly namespace: string;
  readonly command: string;
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly serverP50Ms: number;
  readonly serverP95Ms: number;
  readonly waitP95Ms: number;
  /** Returned by a call that went well, on average. */
  readonly documentsPerCall: number;
  /** Without refusals. */
  readonly errors: number;
  readonly refused: number;
}

/** Everything on the screen. */
export interface DemoView {
  readonly elapsedSeconds: number;
  /** null: until a key or a signal. */
  readonly totalSeconds: number | null;
  readonly serverName: string;
  readonly isSandbox: boolean;
  readonly isReachable: boolean;
  readonly applications: readonly ApplicationLine[];
  readonly connectionsIn: number;
  /** Of the pool, without the monitor's. */
  readonly connectionsOut: number;
  readonly operations: number;
  readonly operationsPerSecond: number;
  /** Without refusals. */
  readonly errors: number;
  readonly refused: number;
  readonly callSites: readonly OperationLine[];
  readonly collections: readonly OperationLine[];
  readonly limits: readonly LimitSnapshot[];
  /** What to type or open: label and address. */
  readonly addresses: readonly (readonly [string, string])[];
}

/** What a view is read from. */
export interface ViewSource {
  readonly snapshots: Snapshots;
  readonly table: OperationTable;
}

/** The parts of a view that no weir knows. */
export type ViewFrame = Pick<DemoView, 'elapsedSeconds' | 'totalSeconds' | 'serverName' | 'isSandbox' | 'addresses'>;

const RATE_WINDOW_MS = 2000;
/** The code of a limit's refusal. Full wait queues have it too, but the demo never fills its own. */
const REFUSED_CODE = '462';
const TOTAL = 'total';
/** What drivers say for themselves. */
const UNLISTED: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions']);

/** Turns counts that only grow into rates over the last seconds. Samples are dropped as they age. */
export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly counts: ReadonlyMap<string, number> }[] = [];

  /** Adds a sample and returns the rate per second of each of its keys; all 0 at the first. */
  sample(atMs: number, counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    while ((this.#samples[1]?.atMs ?? atMs) <= atMs - RATE_WINDOW_MS) this.#samples.shift();
    const oldest = this.#samples[0];
    this.#samples.push({ atMs, counts });
    const seconds = oldest === undefined ? 0 : (atMs - oldest.atMs) / 1000;
    const rates = new Map<string, number>();
    for (const [key, count] of counts) {
      rates.set(key, seconds > 0 ? (count - (oldest?.counts.get(key) ?? 0)) / seconds : 0);
    }
    return rates;
  }
}

/** `isFinal`: rates are averages over the whole run instead of the last seconds, and rows are in order of their calls. */
export function readView(
  source: ViewSource,
  frame: ViewFrame,
  rates: { readonly meter: RateMeter; readonly nowMs: number; readonly isFinal: boolean },
): DemoView {
  const { snapshots, table } = source;
  const summary = snapshots.summary();
  const callSites = reportCallSites(table).filter(isListed);
  const collections = reportCollections(table).filter(isListed);
  const counts = new Map<string, number>([[TOTAL, summary.operations]]);
  for (const row of [...callSites, ...collections]) counts.set(keyOf(row), row.operations);
  const measured = rates.meter.sample(rates.nowMs, counts);
  const rateOf = (key: string): number =>
    rates.isFinal ? (counts.get(key) ?? 0) / Math.max(frame.elapsedSeconds, 1) : (measured.get(key) ?? 0);
  const linesOf = (rows: readonly OperationReportRow[]): readonly OperationLine[] =>
    rows.map((row) => toLine(row, rateOf(keyOf(row)))).sort(rates.isFinal ? byCalls : byRate);
  return {
    ...frame,
    isReachable: summary.upstreamReachable,
    applications: countApplications(snapshots),
    connectionsIn: summary.downstreamConnections,
    connectionsOut: countPool(snapshots),
    operations: summary.operations,
    operationsPerSecond: rateOf(TOTAL),
    errors: summary.errors - summary.refused,
    refused: summary.refused,
    callSites: linesOf(callSites),
    collections: linesOf(collections),
    limits: snapshots.limits(),
  };
}

function isListed({ command }: OperationReportRow): boolean {
  return !UNLISTED.has(command);
}

function keyOf(row: OperationReportRow): string {
  return [row.app, row.callSite, row.db, row.collection, row.command].join('\0');
}

function toLine(row: OperationReportRow, callsPerSecond: number): OperationLine {
  const refused = row.errorsByCode[REFUSED_CODE] ?? 0;
  return {
    app: row.app,
    callSite: row.callSite,
    namespace: row.collection === '' ? row.db : `${row.db}.${row.collection}`,
    command: row.command,
    calls: row.operations,
    callsPerSecond,
    serverP50Ms: row.serverMs.p50,
    serverP95Ms: row.serverMs.p95,
    waitP95Ms: row.waitMs.p95,
    documentsPerCall: row.documentsReturned / Math.max(1, row.operations - row.errors),
    errors: row.errors - refused,
    refused,
  };
}

// Rounded, so that rows of about the same rate do not change places at every redraw.
function byRate(a: OperationLine, b: OperationLine): number {
  return Math.round(b.callsPerSecond / 5) - Math.round(a.callsPerSecond / 5) || b.calls - a.calls;
}

function byCalls(a: OperationLine, b: OperationLine): number {
  return b.calls - a.calls;
}

function countApplications(snapshots: Snapshots): readonly ApplicationLine[] {
  const counts = new Map<string, number>();
  for (const { app } of [...snapshots.clients()].sort((a, b) => a.id - b.id))
    counts.set(app, (counts.get(app) ?? 0) + 1);
  return [...counts].map(([name, connections]) => ({
    name: name === '' || name === '-' ? 'unnamed' : name,
    connections,
  }));
}

function countPool(snapshots: Snapshots): number {
  let open = 0;
  for (const pool of snapshots.pools()) if (pool.lane !== 'monitor') open += pool.idle + pool.busy;
  return open;
}
