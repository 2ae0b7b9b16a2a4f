// The call sites of `weir decode` as CSV (RFC 4180), one row per server, application, call site, namespace and command.
// Invariant: no cell begins like a formula: the texts come from whoever was captured, and tables are opened by people.

import type { OperationReportRow } from '../stats/operation-report.ts';
import type { DecodeReport } from './decode-report.ts';

const COLUMNS: readonly (readonly [string, (row: OperationReportRow) => string | number])[] = [
  ['server', (row) => row.listener],
  ['app', (row) => row.app],
  ['callSite', (row) => row.callSite],
  ['db', (row) => row.db],
  ['collection', (row) => row.collection],
  ['command', (row) => row.command],
  ['operations', (row) => row.operations],
  ['errors', (row) => row.errors],
  ['documentsReturned', (row) => row.documentsReturned],
  ['documentsChanged', (row) => row.documentsChanged],
  ['requestBytes', (row) => row.requestBytes],
  ['replyBytes', (row) => row.replyBytes],
  ['serverMsP50', (row) => row.serverMs.p50],
  ['serverMsP95', (row) => row.serverMs.p95],
  ['serverMsP99', (row) => row.serverMs.p99],
  ['serverMsMax', (row) => row.serverMs.max],
];

/** A header line and one line per row, CRLF between them. */
export function renderCsv({ callSites }: DecodeReport): string {
  const lines = callSites.map((row) => COLUMNS.map(([, read]) => cell(read(row))).join(','));
  return [COLUMNS.map(([name]) => name).join(','), ...lines].join('\r\n');
}

/** A text that a spreadsheet would take for a formula gets an apostrophe in front; `-`, no name, is none. */
function cell(value: string | number): string {
  // Times to the microsecond: percentiles are no more exact than that.
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  const safe = /^[=+@\t]|^-./.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
