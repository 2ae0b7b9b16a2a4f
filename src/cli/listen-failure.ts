// Words for the ways in which listening fails. Shared by the verbs that open a port; decides nothing.

import { formatHostPort } from '../config/quantities.ts';
import type { HostPort } from '../options.ts';
import { CliFailure, EXIT } from './failure.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken; stop the process that holds it or choose another port with',
  EACCES: 'this user may not use that port; choose one above 1023 with',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with',
  ENOTFOUND: 'no address is known for that host name; choose another with',
  EAI_AGAIN: 'the host name could not be resolved now; choose an address with',
};

/** An address that was asked for, and the flag that changes it. */
export interface ListenWish {
  readonly address: HostPort;
  readonly flag: string;
}

/** The failure in one line; anything that is not about listening keeps its own words. */
export function explainListenFailure(error: unknown, wishes: readonly ListenWish[]): CliFailure {
  const { code, port, address } = readSystemError(error);
  const reason = REASONS[code];
  const wish =
    wishes.find((candidate) => candidate.address.port === port && candidate.address.host === address) ??
    wishes.find((candidate) => candidate.address.port === port) ??
    wishes[0];
  if (reason === undefined || wish === undefined) {
    return new CliFailure(
      EXIT.cannotStart,
      `weir: cannot start: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const message = `weir: cannot listen on ${formatHostPort(wish.address)}: ${reason} ${wish.flag}`;
  return new CliFailure(EXIT.cannotStart, message);
}

interface SystemErrorParts {
  readonly code: string;
  readonly port: number | null;
  readonly address: string | null;
}

function readSystemError(error: unknown): SystemErrorParts {
  if (!(error instanceof Error)) return { code: '', port: null, address: null };
  const fields = error as Error & { readonly code?: unknown; readonly port?: unknown; readonly address?: unknown };
  return {
    code: typeof fields.code === 'string' ? fields.code : '',
    port: typeof fields.port === 'number' ? fields.port : null,
    address: typeof fields.address === 'string' ? fields.address : null,
  };
}
