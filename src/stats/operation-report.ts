// Rows of the operation table as people read them: per collection (summed) and per call site (not summed), busiest first.
// It makes no text and knows no HTTP. Invariant: sums over all reported rows equal the table's totals.

import { LatencySketch, type Percentiles } from './latency-sketch.ts';
import { type OperationRow, OTHER_CODE, type QueryKindCounts } from './operation-row.ts';
import { type OperationTable, OTHER, sumQueryKinds } from './operation-table.ts';

/** One row of the JSON API. Times in milliseconds; percentiles within 1.6 %, maxima exact. */
export interface OperationReportRow {
  /** Empty where summed over listeners. */
  readonly listener: string;
  readonly db: string;
  readonly collection: string;
  readonly command: string;
  /** Empty where summed over call sites. */
  readonly callSite: string;
  /** Empty where summed over apps. */
  readonly app: string;
  readonly operations: number;
  /** Operations whose outcome was not ok. */
  readonly errors: number;
  /** By MongoDB code, or `other`. */
  readonly errorsByCode: Readonly<Record<string, number>>;
  readonly documentsReturned: number;
  readonly documentsChanged: number;
  readonly requestBytes: number;
  readonly replyBytes: number;
  /** Begun and not finished. */
  readonly active: number;
  /** Begun with a predicate, by its kind; commands without one are in none of them. */
  readonly queryKinds: Readonly<QueryKindCounts>;
  readonly serverMs: Percentiles;
  readonly waitMs: Percentiles;
}

/** The busiest rows, and how many there are in all. */
export interface OperationReport {
  readonly rows: readonly OperationReportRow[];
  readonly total: number;
}

/** Rows that are reported as one. */
interface Group {
  readonly first: OperationRow;
  readonly rows: OperationRow[];
  operations: number;
}

function byOperations(a: Group, b: Group): number {
  if (a.operations !== b.operations) return b.operations - a.operations;
  const left = nameOf(a.first);
  const right = nameOf(b.first);
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function nameOf(row: OperationRow): string {
  return [row.database, row.collection, row.command, row.callSite, row.app, row.listener].join('\0');
}

function sumOf(rows: readonly OperationRow[], read: (row: OperationRow) => number): number {
  let sum = 0;
  for (const row of rows) sum += read(row);
  return sum;
}

function percentilesOf(rows: readonly OperationRow[], read: (row: OperationRow) => LatencySketch): Percentiles {
  const only = rows.length === 1 ? rows[0] : undefined;
  if (only !== undefined) return read(only).percentiles();
  const merged = new LatencySketch();
  for (const row of rows) merged.merge(read(row));
  return merged.percentiles();
}

function codesOf(rows: readonly OperationRow[]): Readonly<Record<string, number>> {
  const codes: Record<string, number> = {};
  for (const row of rows) {
    for (const origin of ['upstream', 'proxy'] as const) {
      for (const [code, count] of row.codesOf(origin) ?? []) {
        const name = code === OTHER_CODE ? OTHER : String(code);
        codes[name] = (codes[name] ?? 0) + count;
      }
    }
  }
  return codes;
}

function report(group: Group, summed: boolean): OperationReportRow {
  const { first, rows } = group;
  return {
    listener: summed ? '' : first.listener,
    db: first.database,
    collection: first.collection,
    command: first.command,
    callSite: summed ? '' : first.callSite,
    app: summed ? '' : first.app,
    operations: group.operations,
    errors: sumOf(rows, (row) => row.errors),
    errorsByCode: codesOf(rows),
    documentsReturned: sumOf(rows, (row) => row.documentsReturned),
    documentsChanged: sumOf(rows, (row) => row.documentsChanged),
    requestBytes: sumOf(rows, (row) => row.requestBytes),
    replyBytes: sumOf(rows, (row) => row.replyBytes),
    active: sumOf(rows, (row) => row.active),
    queryKinds: sumQueryKinds(rows),
    serverMs: percentilesOf(rows, (row) => row.serverTimes),
    waitMs: percentilesOf(rows, (row) => row.waitTimes),
  };
}

function reportBusiest(groups: Group[], limit: number, summed: boolean): OperationReport {
  const busiest = groups.sort(byOperations).slice(0, limit);
  return { rows: busiest.map((group) => report(group, summed)), total: groups.length };
}

/** Rows in which something was begun: `other` exists from the start and is left out until it is used. */
function usedRows(table: OperationTable): readonly OperationRow[] {
  return table.rows().filter((row) => row.operations > 0 || row.active > 0);
}

/** The `limit` busiest rows as they are, told apart by call site, app and listener. */
export function pageCallSites(table: OperationTable, limit: number = Infinity): OperationReport {
  const groups = usedRows(table).map((row) => ({ first: row, rows: [row], operations: row.operations }));
  return reportBusiest(groups, limit, false);
}

/** The `limit` busiest collections and commands, summed over call sites, apps and listeners. */
export function pageCollections(table: OperationTable, limit: number = Infinity): OperationReport {
  const groups = new Map<string, Group>();
  for (const row of usedRows(table)) {
    const key = [row.database, row.collection, row.command].join('\0');
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { first: row, rows: [row], operations: row.operations });
    } else {
      group.rows.push(row);
      group.operations += row.operations;
    }
  }
  return reportBusiest([...groups.values()], limit, true);
}

/** The rows of pageCallSites. */
export function reportCallSites(table: OperationTable, limit?: number): readonly OperationReportRow[] {
  return pageCallSites(table, limit).rows;
}

/** The rows of pageCollections. */
export function reportCollections(table: OperationTable, limit?: number): readonly OperationReportRow[] {
  return pageCollections(table, limit).rows;
}
