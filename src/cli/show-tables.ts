// How each answer of the admin API looks as a table: which columns, in which words. Pure; it fetches nothing.
// Invariant: text from the wire never reaches the terminal with control characters in it.

import Table from 'cli-table3';
import { showAgo, showBytes, showMilliseconds, showSeconds } from './units.ts';

export const SHOW_KINDS = [
  'pools',
  'clients',
  'servers',
  'cursors',
  'operations',
  'collections',
  'callsites',
  'namespaces',
  'limits',
] as const;
export type ShowKind = (typeof SHOW_KINDS)[number];

/** One row as the API gives it. */
export type ApiRow = Readonly<Record<string, unknown>>;

export interface Column {
  readonly head: string;
  /** Path in the row, such as `serverMs.p99`. */
  readonly from: string;
  /** In place of the number, if the row has one. */
  readonly show?: (value: number) => string;
  /** Left out where no row has anything to say. */
  readonly isOptional?: true;
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
    { head: 'paused', from: 'isPaused' },
    { head: 'cap', from: 'maxConnections' },
    { head: 'idle', from: 'idle' },
    { head: 'busy', from: 'busy' },
    { head: 'awaiting', from: 'awaiting' },
    { head: 'connecting', from: 'connecting' },
    { head: 'depth', from: 'depth', isOptional: true },
    { head: 'in flight', from: 'inFlight', isOptional: true },
    { head: 'shared', from: 'pipelined', isOptional: true },
    { head: 'waiters', from: 'waiters' },
    { head: 'longest', from: 'longestWaitMs', show: showMilliseconds },
    { head: 'checkouts', from: 'checkouts' },
    { head: 'connects', from: 'connects' },
  ],
  clients: [
    { head: 'id', from: 'id' },
    { head: 'app', from: 'app' },
    { head: 'address', from: 'address' },
    { head: 'driver', from: 'driver' },
    { head: 'state', from: 'state' },
    { head: 'for', from: 'current.ms', show: showMilliseconds, isOptional: true },
    { head: 'command', from: 'current.command', isOptional: true },
    { head: 'namespace', from: 'current.namespace', isOptional: true },
    { head: 'call site', from: 'current.callSite', isOptional: true },
    { head: 'ops', from: 'operations' },
    { head: 'in', from: 'bytesIn', show: showBytes },
    { head: 'out', from: 'bytesOut', show: showBytes },
    { head: 'connected', from: 'connectedSeconds', show: showSeconds },
  ],
  servers: [
    { head: 'cluster', from: 'cluster' },
    { head: 'address', from: 'address' },
    { head: 'type', from: 'type' },
    { head: 'state', from: 'state' },
    { head: 'in use', from: 'isInWindow' },
    { head: 'set', from: 'setName', isOptional: true },
    { head: 'rtt', from: 'rttMs', show: showMilliseconds },
    { head: 'answered', from: 'lastAnswerMs', show: showAgo },
    { head: 'wire', from: 'maxWireVersion' },
    { head: 'last error', from: 'lastError', isOptional: true },
  ],
  cursors: [
    { head: 'id', from: 'id' },
    { head: 'namespace', from: 'namespace' },
    { head: 'server', from: 'server' },
    { head: 'app', from: 'app' },
    { head: 'address', from: 'address' },
    { head: 'call site', from: 'callSite' },
    { head: 'age', from: 'ageSeconds', show: showSeconds },
    { head: 'idle', from: 'idleSeconds', show: showSeconds },
    { head: 'awaits', from: 'awaits' },
    { head: 'lane', from: 'lane' },
  ],
  operations: [
    { head: 'id', from: 'id' },
    { head: 'for', from: 'ms', show: showMilliseconds },
    { head: 'waited', from: 'waitedMs', show: showMilliseconds },
    { head: 'state', from: 'state' },
    { head: 'command', from: 'command' },
    { head: 'namespace', from: 'namespace' },
    { head: 'call site', from: 'callSite' },
    { head: 'app', from: 'app' },
    { head: 'address', from: 'address' },
    { head: 'server', from: 'server' },
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

/** What an empty list means; the others were only never used. */
const EMPTY: Readonly<Partial<Record<ShowKind, string>>> = {
  clients: 'no clients',
  servers: 'no servers found yet, or all listeners are in mode passthrough',
  cursors: 'no open cursors',
  operations: 'no operations in flight',
};

/** The rows as a table without colours; an empty list is a sentence. */
export function renderTable(kind: ShowKind, rows: readonly ApiRow[]): string {
  return rows.length === 0 ? (EMPTY[kind] ?? `no ${kind} yet`) : renderColumns(COLUMNS[kind], rows);
}

/** The same with columns of the caller's choice, and at least one row. */
export function renderColumns(all: readonly Column[], rows: readonly ApiRow[]): string {
  const columns = all.filter(({ from, isOptional }) => isOptional !== true || rows.some((row) => hasValue(row, from)));
  const numeric = columns.map(({ from }) => rows.every((row) => typeof readPath(row, from) !== 'string'));
  const table = new Table({
    head: columns.map(({ head }) => head),
    colAligns: numeric.map((isNumber) => (isNumber ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(columns.map((column) => renderColumn(column, row)));
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

function hasValue(row: ApiRow, from: string): boolean {
  const value = readPath(row, from);
  return value !== undefined && value !== null && value !== '';
}

function renderColumn({ from, show }: Column, row: ApiRow): string {
  const value = readPath(row, from);
  return typeof value === 'number' && show !== undefined ? show(value) : renderCell(value);
}

function renderCell(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (value === '') return '-';
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  if (typeof value !== 'string') return value === undefined || value === null ? '-' : JSON.stringify(value);
  const clean = value.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > MAX_CELL_CHARACTERS ? `${clean.slice(0, MAX_CELL_CHARACTERS - 1)}…` : clean;
}
