// The flags of `weir decode`, checked. It opens no file. Invariant: a wrong flag is one sentence that names it.

import { readHost, readPort } from '../config/quantities.ts';
import { Glob } from '../filters/limit-match.ts';
import { CliFailure, EXIT } from './failure.ts';

/** As commander gives them. */
export interface DecodeFlags {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly follow?: string;
  readonly slow?: string;
  readonly collection?: string;
  readonly callSite?: string;
  readonly client?: string;
}

/** What decides whether an operation or a conversation counts; null: everything does. */
export interface DecodeFilters {
  /** Of `db.collection`. */
  readonly collection: Glob | null;
  readonly callSite: Glob | null;
  readonly client: { readonly host: string; readonly port: number | null } | null;
}

export interface DecodeOptions {
  readonly form: 'text' | 'json' | 'csv';
  /** Number of the one conversation to print message by message. */
  readonly follow: number | null;
  /** Operations that took longer are listed. */
  readonly slowMs: number | null;
  readonly filters: DecodeFilters;
}

/** @throws CliFailure */
export function readDecodeFlags(flags: DecodeFlags): DecodeOptions {
  const { follow, slow, collection, callSite, client } = flags;
  return {
    form: readForm(flags),
    follow: follow === undefined ? null : readFollow(follow),
    slowMs: slow === undefined ? null : readSlow(slow),
    filters: {
      collection: collection === undefined ? null : new Glob(collection),
      callSite: callSite === undefined ? null : new Glob(callSite),
      client: client === undefined ? null : readClient(client),
    },
  };
}

function readForm({ json, csv, follow }: DecodeFlags): DecodeOptions['form'] {
  if (json !== true && csv !== true) return 'text';
  if (json === true && csv === true) refuse('--json and --csv: give one of them');
  if (follow !== undefined) refuse('--follow prints messages as text; leave out --json and --csv');
  return json === true ? 'json' : 'csv';
}

function readFollow(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) refuse('--follow: expected the number of a conversation, from 1');
  return Number(text);
}

function readSlow(text: string): number {
  if (!/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) refuse('--slow: expected milliseconds such as 100');
  return Number(text);
}

/** `host`, `host:port` or, for IPv6, `[host]:port`; an IPv6 host alone may go without brackets. */
function readClient(text: string): { host: string; port: number | null } {
  // With one colon it is a port that stands behind it.
  const bare = readHost(text) ?? (text.split(':').length > 2 ? readHost(`[${text}]`) : null);
  if (bare !== null) return { host: bare, port: null };
  const colon = text.lastIndexOf(':');
  const host = readHost(text.slice(0, Math.max(colon, 0)));
  const port = readPort(text.slice(colon + 1));
  if (host === null || port === null) refuse('--client: expected host or host:port such as 10.0.0.7 or [::1]:40001');
  return { host, port };
}

function refuse(sentence: string): never {
  throw new CliFailure(EXIT.badInput, `weir: ${sentence}`);
}
