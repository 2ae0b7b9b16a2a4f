// `weir show WHAT`: asks a running weir's admin API and prints a table or the JSON. It changes nothing there.

import { formatHostPort, parseBind } from '../config/quantities.ts';
import type { HostPort } from '../options.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';
import { type ApiRow, renderTable, type ShowKind } from './show-tables.ts';

export interface ShowFlags {
  readonly what: ShowKind;
  /** host:port, as typed. */
  readonly admin: string;
  readonly json: boolean;
}

const PATIENCE_MS = 5000;
/** More rows than people read; a proxy may have ten thousand. */
const MAX_ROWS = 200;

interface Answer {
  readonly rows: readonly ApiRow[];
  /** How many rows the proxy has beside these; 0 if it does not say. */
  readonly leftOut: number;
}

/** Throws CliFailure: 1 for a wrong address, 2 when nobody or somebody else answers there. */
export async function runShow(flags: ShowFlags, io: Io): Promise<number> {
  const address = parseBind(flags.admin);
  if (!address.ok) throw new CliFailure(EXIT.badInput, `weir: --admin: ${address.sentence}`);
  const { rows, leftOut } = await fetchRows(address.value, flags.what);
  io.out(flags.json ? JSON.stringify(rows, null, 2) : renderTable(flags.what, rows));
  // Not among the rows: with --json standard output stays JSON.
  if (leftOut > 0) {
    const all = `http://${formatHostPort(address.value)}/api/v1/${flags.what}`;
    io.err(`weir: ${leftOut} more rows are left out; ${all} has all of them`);
  }
  return EXIT.ok;
}

async function fetchRows(address: HostPort, what: ShowKind): Promise<Answer> {
  const where = formatHostPort(address);
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(`http://${where}/api/v1/${what}?limit=${MAX_ROWS}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      redirect: 'error',
    });
    body = await response.json().catch(() => null);
  } catch {
    throw new CliFailure(
      EXIT.cannotStart,
      `weir: no weir answers at ${where}; start one, or give its admin address with --admin`,
    );
  }
  if (!response.ok || !isRows(body)) {
    const message = `weir: what answers at ${where} (HTTP ${response.status}) is not this weir's API; give another address with --admin`;
    throw new CliFailure(EXIT.cannotStart, message);
  }
  const total = Number(response.headers.get('x-total-count')) || 0;
  return { rows: body, leftOut: Math.max(0, total - body.length) };
}

function isRows(body: unknown): body is readonly ApiRow[] {
  return Array.isArray(body) && body.every((row) => row !== null && typeof row === 'object' && !Array.isArray(row));
}
