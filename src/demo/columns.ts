// The columns of the demo's tables and how their numbers are written. Pure.
// Invariant: calls/s, times and refusals stay on 80 columns; what goes first on a narrow terminal has the higher rank.

import type { LimitSnapshot } from '../core/snapshots.ts';
import type { Column } from './table.ts';
import type { OperationLine } from './view.ts';

/** How the screen is coloured; without colours every function returns its text. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
}

/** 12,345 */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** One decimal below ten: 0.4, 9.6, 12. Nothing at all is 0. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  if (value < 0.05) return '<0.1';
  return value < 9.95 ? value.toFixed(1) : formatCount(value);
}

/** 0.4ms, 12ms, 3.5s: the unit stands in the cell, so heads stay short. */
export function formatMs(ms: number): string {
  if (ms === 0) return '0';
  if (ms < 0.05) return '<0.1ms';
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  return ms < 999.5 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(1)}s`;
}

const NUMBER_ROOM = 5;

function numbers(head: string, rank: number, of: (row: OperationLine) => string): Column<OperationLine> {
  return { head, align: 'right', rank, room: NUMBER_ROOM, text: of };
}

function shownWhenSome(count: number): string {
  return count === 0 ? '-' : formatCount(count);
}

/** `isFinal`: calls in all stand before calls per second. */
function numberColumns(paint: Paint, isFinal: boolean): readonly Column<OperationLine>[] {
  return [
    { ...numbers('calls', isFinal ? 0 : 8, (row) => formatCount(row.calls)), room: 7 },
    numbers('calls/s', 0, (row) => formatNumber(row.callsPerSecond)),
    numbers('p50', 3, (row) => formatMs(row.serverP50Ms)),
    numbers('p95', 1, (row) => formatMs(row.serverP95Ms)),
    numbers('wait p95', 2, (row) => formatMs(row.waitP95Ms)),
    numbers('docs', 7, (row) => formatNumber(row.documentsPerCall)),
    {
      ...numbers('errors', 6, (row) => shownWhenSome(row.errors)),
      paint: (cell, row) => (row.errors > 0 ? paint.bad(cell) : paint.dim(cell)),
    },
    {
      ...numbers('refused', 0, (row) => shownWhenSome(row.refused)),
      room: 7,
      paint: (cell, row) => (row.refused > 0 ? paint.warn(cell) : paint.dim(cell)),
    },
  ];
}

/** One row per application, call site, collection and command. */
export function callSiteColumns(paint: Paint, isFinal: boolean): readonly Column<OperationLine>[] {
  return [
    {
      head: 'call site',
      align: 'left',
      rank: 0,
      narrowest: 16,
      room: 16,
      text: (row) => row.callSite,
      paint: paint.bold,
    },
    { head: 'app', align: 'left', rank: 5, room: 10, narrowest: 9, text: (row) => row.app },
    { head: 'command', align: 'left', rank: 0, room: 13, narrowest: 13, text: (row) => row.command },
    { head: 'collection', align: 'left', rank: 4, room: 18, narrowest: 16, cut: 'start', text: (row) => row.namespace },
    ...numberColumns(paint, isFinal),
  ];
}

/** One row per collection and command. */
export function collectionColumns(paint: Paint, isFinal: boolean): readonly Column<OperationLine>[] {
  return [
    {
      head: 'collection',
      align: 'left',
      rank: 0,
      narrowest: 18,
      room: 18,
      cut: 'start',
      text: (row) => row.namespace,
      paint: paint.bold,
    },
    { head: 'command', align: 'left', rank: 0, room: 13, narrowest: 13, text: (row) => row.command },
    ...numberColumns(paint, isFinal),
  ];
}

/** `rule`: the limit in words. */
export function limitColumns(paint: Paint, rule: string): readonly Column<LimitSnapshot>[] {
  const count = (head: string, of: (row: LimitSnapshot) => number): Column<LimitSnapshot> => ({
    head,
    align: 'right',
    rank: 0,
    room: 7,
    text: (row) => formatCount(of(row)),
  });
  return [
    { head: 'limit', align: 'left', rank: 0, narrowest: 8, room: 10, text: (row) => row.name, paint: paint.bold },
    count('matched', (row) => row.matched),
    { ...count('allowed', (row) => row.allowed), paint: paint.good },
    { ...count('refused', (row) => row.refused), paint: (cell, row) => (row.refused > 0 ? paint.warn(cell) : cell) },
    { head: 'rule', align: 'left', rank: 1, narrowest: 20, text: () => rule },
  ];
}
