// How each answer of the admin API looks as a table: which columns, in which words. Pure; it fetches nothing.
// Invariant: text from the wire never reaches the terminal with control characters in it.

import Table from 'cli-table3';

export const SHOW_KINDS = ['pools', 'clients', 'collections', 'callsites', 'namespaces', 'limits'] as const;
export type ShowKind = (typeof SHOW_KINDS)[number];

/** One row as the API gives it. */
export type ApiRow = Readonly<Record<string, unknown>>;

export interface Column {
  readonly head: string;
  /** Path in the row, such as `serverMs.p99`. */
  readonly from: string;
}

const MAX_CELL_CHARACTERS = 60;

const OPERATION_COLUMNS: readonly Column[] = [
  { head: 'ops', from: 'operations' },
  { head: 'errors', from: 'errors' },
  { head: 'docs out', from: 'documentsReturned' },
  { head: 'docs changed', from: 'documentsChanged' },
  { head: 'active', from: 'active' },
  { head: 'server p50 ms', from: 'serverMs.p50' },
  { head: 'p99', from: 'serverMs.p99' },
  { head: 'wait p50 ms', from: 'waitMs.p50' },
  { head: 'p99', from: 'waitMs.p99' },
];

const COLUMNS: Readonly<Record<ShowKind, readonly Column[]>> = {
  pools: [
    { head: 'cluster', from: 'cluster' },
    { head: 'endpoint', from: 'endpoint' },
    { head: 'lane', from: 'lane' },
    { head: 'state', from: 'state' },
    { head: 'cap', from: 'maxConnections' },
    { head: 'idle', from: 'idle' },
    { head: 'busy', from: 'busy' },
    { head: 'connecting', from: 'connecting' },
    { head: 'waiters', from: 'waiters' },
    { head: 'longest wait ms', from: 'longestWaitMs' },
    { head: 'checkouts', from: 'checkouts' },
    { head: 'connects', from: 'connects' },
  ],
  clients: [
    { head: 'id', from: 'id' },
    { head: 'listener', from: 'listener' },
    { head: 'address', from: 'address' },
    { head: 'app', from: 'app' },
    { head: 'driver', from: 'driver' },
    { head: 'state', from: 'state' },
    { head: 'ops', from: 'operations' },
    { head: 'connected s', from: 'connectedSeconds' },
  ],
  collections: [
    { head: 'db', from: 'db' },
    { head: 'collection', from: 'collection' },
    { head: 'command', from: 'command' },
    ...OPERATION_COLUMNS,
  ],
  callsites: [
    { head: 'app', from: 'app' },
    { head: 'call site', from: 'callSite' },
    { head: 'db', from: 'db' },
    { head: 'collection', from: 'collection' },
    { head: 'command', from: 'command' },
    ...OPERATION_COLUMNS,
  ],
  namespaces: [
    { head: 'db', from: 'db' },
    { head: 'collection', from: 'collection' },
    { head: 'command', from: 'command' },
    { head: 'role', from: 'role' },
    { head: 'ops', from: 'operations' },
    { head: 'statements', from: 'statements' },
  ],
  limits: [
    { head: 'limit', from: 'name' },
    { head: 'mode', from: 'mode' },
    { head: 'matched', from: 'matched' },
    { head: 'allowed', from: 'allowed' },
    { head: 'observed', from: 'observed' },
    { head: 'refused', from: 'refused' },
  ],
};

/** The rows as a table without colours; an empty list is a sentence. */
export function renderTable(kind: ShowKind, rows: readonly ApiRow[]): string {
  return rows.length === 0 ? `no ${kind} yet` : renderColumns(COLUMNS[kind], rows);
}

/** The same with columns of the caller's choice, and at least one row. */
export function renderColumns(columns: readonly Column[], rows: readonly ApiRow[]): string {
  const numeric = columns.map(({ from }) => rows.every((row) => typeof readPath(row, from) !== 'string'));
  const table = new Table({
    head: columns.map(({ head }) => head),
    colAligns: numeric.map((isNumber) => (isNumber ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(columns.map(({ from }) => renderCell(readPath(row, from))));
  return table.toString();
}

function readPath(row: ApiRow, path: string): unknown {
  let value: unknown = row;
  for (const step of path.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = (value as ApiRow)[step];
  }
  return value;
}

function renderCell(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  if (typeof value !== 'string') return value === undefined || value === null ? '-' : JSON.stringify(value);
  const clean = value.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > MAX_CELL_CHARACTERS ? `${clean.slice(0, MAX_CELL_CHARACTERS - 1)}…` : clean;
}
