// Reads the URI of a cluster into what weir uses of it. It connects to nothing, resolves nothing and reads no files.
// Invariant: what would change the meaning and is not built is refused, never ignored, and no part of the URI that
// could be a secret is repeated in a sentence.

import { ConnectionString } from 'mongodb-connection-string-url';
import type { Compressor, Credential, HostPort, SrvOptions } from '../options.ts';
import { complain, type Parsed, parsed } from './parsed.ts';
import { readHost, readPort } from './quantities.ts';
import { readLogin, readMechanism, readUserInfo } from './upstream-login.ts';
import { readTlsOptions, type TlsFiles } from './upstream-tls.ts';
import { readUriOptions, type UriOptions } from './uri-options.ts';

/** Sizes and times of the pool, where the uri has them; else those under `pool` count. */
export interface PoolWish {
  readonly maxConnections?: number;
  readonly minConnections?: number;
  readonly maxConnecting?: number;
  /** Milliseconds; 0: never. */
  readonly maxIdleTime?: number;
  readonly waitQueueTimeout?: number;
}

/** What weir uses of a connection string; what it does not mention is absent. */
export interface Upstream {
  /** Empty with `srv`. */
  readonly seeds: readonly HostPort[];
  readonly srv?: SrvOptions;
  readonly replicaSet: string | null;
  readonly direct?: boolean;
  /** In the order of preference; absent: no compression. */
  readonly compressors?: readonly Compressor[];
  /** Only mode passthrough asks; mode pool keeps its own. */
  readonly connectTimeoutMs?: number;
  readonly heartbeatMs?: number;
  readonly localThresholdMs?: number;
  readonly credential?: Credential;
  /** null: tls=false is spelt out. */
  readonly tls?: TlsFiles | null;
  readonly pool?: PoolWish;
}

/** What weir can speak, in the order in which servers list them. */
export const COMPRESSORS: readonly ['snappy', 'zstd', 'zlib'] = ['snappy', 'zstd', 'zlib'];

const DAY_MS = 24 * 3600 * 1000;
const DEFAULT_PORT = 27_017;
const MAX_SEEDS = 50;
const MAX_URI_LENGTH = 8192;

/** Reads `mongodb://[user:password@]host[:port][,host…]/[database][?option=value…]`, and the same with mongodb+srv. */
export function parseUpstreamUri(text: string): Parsed<Upstream> {
  if (text.length > MAX_URI_LENGTH) return complain(`expected a uri of at most ${MAX_URI_LENGTH} characters`);
  // Before anything else: a password with an unescaped slash would otherwise pass for a host and be shown.
  if (hasStrayAt(text))
    return complain('write @ / : ? # in user name, password and options of the uri percent-encoded');
  let uri: ConnectionString;
  try {
    uri = new ConnectionString(text);
  } catch {
    // The library's own message may repeat what was typed.
    return complain(
      'expected a uri such as mongodb://host:27017, mongodb://user:password@a,b,c/?replicaSet=rs0 or mongodb+srv://name.example.com',
    );
  }
  const options = readUriOptions(uri.searchParams);
  return options.ok ? readUpstream(uri, options.value) : options;
}

function hasStrayAt(text: string): boolean {
  const rest = text.replace(/^[^/]*:\/\//, '');
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  return authority.split('@').length > 2 || rest.slice(authority.length).includes('@');
}

function readUpstream(uri: ConnectionString, options: UriOptions): Parsed<Upstream> {
  const parts = readParts(uri, options);
  const direct = options.flag('directConnection') === true;
  // A value that cannot be read explains what follows from it.
  if (options.complaint !== null) return options.complaint;
  if (!parts.ok) return parts;
  if (direct && (uri.isSRV || parts.value.seeds.length > 1)) {
    return complain('directConnection=true needs exactly one host in the uri');
  }
  return parsed({ ...parts.value, ...(direct ? { direct } : {}) });
}

function readParts(uri: ConnectionString, options: UriOptions): Parsed<Upstream> {
  const seeds = uri.isSRV ? parsed([]) : readSeeds(uri.hosts);
  if (!seeds.ok) return seeds;
  const srv = readSrv(uri, options);
  if (!srv.ok) return srv;
  const credential = readCredential(uri, options);
  if (!credential.ok) return credential;
  const tls = readTlsOptions(options, uri.isSRV);
  if (!tls.ok) return tls;
  const compressors = readCompressors(options.text('compressors'));
  if (compressors === null) return complain(`expected some of ${COMPRESSORS.join(',')} for compressors in the uri`);
  return parsed({
    seeds: seeds.value,
    replicaSet: options.text('replicaSet') ?? null,
    ...present({ srv: srv.value, credential: credential.value ?? undefined, tls: tls.value, compressors }),
    ...readTimes(options),
    ...readPool(options),
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

function readSrv(uri: ConnectionString, options: UriOptions): Parsed<SrvOptions | undefined> {
  const service = options.text('srvServiceName') ?? 'mongodb';
  const maxHosts = options.number({ name: 'srvMaxHosts', min: 0, max: 1000 }) ?? 0;
  if (!uri.isSRV) {
    const isPlain = !options.has('srvServiceName') && !options.has('srvMaxHosts');
    return isPlain ? parsed(undefined) : complain('srvServiceName and srvMaxHosts belong to mongodb+srv://');
  }
  const host = readHost(uri.hosts[0] ?? '');
  if (host === null) return complain('expected a name such as mongodb+srv://name.example.com');
  if (!/^[A-Za-z0-9-]{1,62}$/.test(service)) return complain('srvServiceName is no service name');
  if (maxHosts > 0 && options.has('replicaSet')) return complain('srvMaxHosts and replicaSet exclude each other');
  const isAuthSourceGiven = options.has('authSource') || databaseOf(uri) !== undefined;
  return parsed({ host: host.toLowerCase(), service, maxHosts, isAuthSourceGiven });
}

function readCredential(uri: ConnectionString, options: UriOptions): Parsed<Credential | null> {
  const user = readUserInfo(uri.username, uri.password);
  if (!user.ok) return user;
  const mechanism = readMechanism(options.text('authMechanism'));
  if (!mechanism.ok) return mechanism;
  const source = options.text('authSource');
  if (user.value.username === undefined && mechanism.value === undefined) {
    return source === undefined ? parsed(null) : complain('authSource without a user name in the uri');
  }
  const database = mechanism.value === 'MONGODB-X509' ? undefined : databaseOf(uri);
  return readLogin({ ...user.value, mechanism: mechanism.value, source: source ?? database });
}

/** What stands behind the slash. */
function databaseOf({ pathname }: ConnectionString): string | undefined {
  const name = pathname.slice(1);
  return name === '' ? undefined : safelyDecoded(name);
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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

function readTimes(options: UriOptions): Partial<Upstream> {
  return present({
    connectTimeoutMs: endless(options.number({ name: 'connectTimeoutMS', min: 0, max: DAY_MS })),
    heartbeatMs: options.number({ name: 'heartbeatFrequencyMS', min: 500, max: DAY_MS }),
    localThresholdMs: options.number({ name: 'localThresholdMS', min: 0, max: 60_000 }),
  });
}

function readPool(options: UriOptions): { readonly pool?: PoolWish } {
  const pool = present({
    maxConnections: options.number({ name: 'maxPoolSize', min: 1, max: 10_000 }),
    minConnections: options.number({ name: 'minPoolSize', min: 0, max: 10_000 }),
    maxConnecting: options.number({ name: 'maxConnecting', min: 1, max: 100 }),
    maxIdleTime: options.number({ name: 'maxIdleTimeMS', min: 0, max: DAY_MS }),
    waitQueueTimeout: endless(options.number({ name: 'waitQueueTimeoutMS', min: 0, max: DAY_MS })),
  });
  return Object.keys(pool).length === 0 ? {} : { pool };
}

/** 0 is "no timeout" to drivers; here it is the longest. */
function endless(ms: number | undefined): number | undefined {
  return ms === 0 ? DAY_MS : ms;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys that hold nothing. */
function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}
