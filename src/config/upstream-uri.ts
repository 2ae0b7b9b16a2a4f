// Reads the URI of a cluster into seeds and a set name. It connects to nothing and resolves nothing.
// Invariant: what would change the meaning and is not built is refused, never ignored, and no part of the URI that
// could be a secret is repeated in a sentence.

import { ConnectionString } from 'mongodb-connection-string-url';
import type { Compressor, HostPort } from '../options.ts';
import { type Complaint, complain, type Parsed, parsed, quote, refuse } from './parsed.ts';
import { readHost, readPort } from './quantities.ts';

/** What weir uses of a connection string. */
export interface Upstream {
  readonly seeds: readonly HostPort[];
  readonly replicaSet: string | null;
  /** In the order of preference; absent: no compression. */
  readonly compressors?: readonly Compressor[];
  /** Only mode passthrough asks; mode pool keeps its own. */
  readonly connectTimeoutMs?: number;
}

/** What weir can speak, in the order in which servers list them. */
export const COMPRESSORS: readonly ['snappy', 'zstd', 'zlib'] = ['snappy', 'zstd', 'zlib'];

const MAX_CONNECT_TIMEOUT_MS = 24 * 3600 * 1000;
const DEFAULT_PORT = 27_017;
const MAX_SEEDS = 50;
const MAX_URI_LENGTH = 8192;
const COMES_LATER = 'come with upstream logins and TLS, which are not built yet';
const LEAVE_OUT = `${COMES_LATER}; mode passthrough passes the logins and TLS of clients by itself, leave this out`;

/** Options that are read below, and those that change nothing for a proxy, or mean what weir does anyway. */
const TAKEN: ReadonlySet<string> = new Set([
  'replicaset',
  'compressors',
  'directconnection',
  'appname',
  'retrywrites',
  'retryreads',
  'serverselectiontimeoutms',
  'connecttimeoutms',
]);

/** Reads `mongodb://host[:port][,host…]/[?replicaSet=…]`. */
export function parseUpstreamUri(text: string): Parsed<Upstream> {
  if (text.length > MAX_URI_LENGTH) return complain(`expected a uri of at most ${MAX_URI_LENGTH} characters`);
  if (/^mongodb\+srv:\/\//i.test(text)) return refuse(`refused: mongodb+srv addresses ${COMES_LATER}`);
  // Any @: a password with an unescaped slash would otherwise pass for a host and be shown.
  if (text.includes('@')) return refuse(`refused: credentials in the uri ${LEAVE_OUT}`);
  let uri: ConnectionString;
  try {
    uri = new ConnectionString(text);
  } catch {
    // The library's own message may repeat what was typed.
    return complain('expected a uri such as mongodb://host:27017 or mongodb://a,b,c/?replicaSet=rs0');
  }
  const options = readOptions(uri);
  if (!options.ok) return options;
  const seeds = readSeeds(uri.hosts);
  if (!seeds.ok) return seeds;
  if (options.value.direct && seeds.value.length > 1) {
    return complain('directConnection=true needs exactly one host in the uri');
  }
  const { replicaSet, connectTimeoutMs, compressors } = options.value;
  return parsed({
    seeds: seeds.value,
    replicaSet,
    ...(compressors === undefined ? {} : { compressors }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
  });
}

function readSeeds(hosts: readonly string[]): Parsed<readonly HostPort[]> {
  if (hosts.length > MAX_SEEDS) return complain(`expected at most ${MAX_SEEDS} hosts in the uri`);
  const seeds: HostPort[] = [];
  for (const [index, text] of hosts.entries()) {
    if (/%2f/i.test(text)) return complain('not built yet: unix sockets in the uri; use host:port');
    const seed = readSeed(text);
    if (seed === null) return complain(`expected host or host:port as host ${index + 1} of the uri`);
    if (!seeds.some((known) => known.host === seed.host && known.port === seed.port)) seeds.push(seed);
  }
  return parsed(seeds);
}

function readSeed(text: string): HostPort | null {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text);
  const host = readHost(match?.[1] ?? '');
  const port = match?.[2] === undefined ? DEFAULT_PORT : readPort(match[2]);
  return match === null || host === null || port === null || port === 0 ? null : { host, port };
}

interface UriOptions {
  readonly replicaSet: string | null;
  readonly direct: boolean;
  readonly compressors: readonly Compressor[] | undefined;
  readonly connectTimeoutMs: number | undefined;
}

function readOptions(uri: ConnectionString): Parsed<UriOptions> {
  const options = new Map<string, string>();
  for (const [name, value] of uri.searchParams) {
    const key = name.toLowerCase();
    if (options.has(key)) return complain(`option ${quote(name)} is given twice in the uri`);
    const complaint = judgeOption(name, value);
    if (complaint !== null) return complaint;
    options.set(key, value);
  }
  const replicaSet = options.get('replicaset') ?? null;
  if (replicaSet === '') return complain('replicaSet is empty in the uri');
  const connectTimeoutMs = readTimeout(options.get('connecttimeoutms'));
  if (connectTimeoutMs === null)
    return complain('expected milliseconds for connectTimeoutMS in the uri, at most a day');
  const compressors = readCompressors(options.get('compressors'));
  if (compressors === null) return complain(`expected some of ${COMPRESSORS.join(',')} for compressors in the uri`);
  const direct = options.get('directconnection') === 'true';
  return parsed({ replicaSet, direct, compressors, connectTimeoutMs });
}

/** Names between commas, each once; null if one is unknown. */
function readCompressors(text: string | undefined): readonly Compressor[] | null | undefined {
  if (text === undefined) return undefined;
  const found = new Set<Compressor>();
  for (const name of text.split(',')) {
    const known = COMPRESSORS.find((compressor) => compressor === name);
    if (known === undefined) return null;
    found.add(known);
  }
  return [...found];
}

/** 0 is "no timeout" to drivers; here it is the longest. */
function readTimeout(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (ms > MAX_CONNECT_TIMEOUT_MS) return null;
  return ms === 0 ? MAX_CONNECT_TIMEOUT_MS : ms;
}

function judgeOption(name: string, value: string): Complaint | null {
  const key = name.toLowerCase();
  if (TAKEN.has(key)) return null;
  if (key === 'tls' || key === 'ssl') {
    return value === 'false' ? null : refuse(`refused: ${key}=true in the uri: such connections ${LEAVE_OUT}`);
  }
  if (/^(?:tls|ssl|auth)/.test(key))
    return refuse(`refused: option ${quote(name)} in the uri: such options ${LEAVE_OUT}`);
  if (key === 'zlibcompressionlevel') {
    return complain(`not built yet: ${quote(name)} in the uri; zlib compresses at its own default level`);
  }
  if (key === 'loadbalanced') {
    return value === 'false' ? null : complain('not built yet: loadBalanced=true in the uri');
  }
  return complain(
    `option ${quote(name)} in the uri would not be obeyed: it belongs into the applications' own connection strings, leave it out here`,
  );
}
