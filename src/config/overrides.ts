// What flags of the command line change in a config: the first listener, the first cluster, admin and log level.
// It reads no argv. Invariant: the result passes the same checks as a file.

import type { HostPort, ListenerMode } from '../options.ts';
import type { ClusterConfig, Config, ListenerConfig, LogLevel } from './config.ts';
import { LOG_LEVELS } from './config.ts';
import { crossCheck } from './cross-check.ts';
import { type Complaint, complain, type Parsed, parsed, quote } from './parsed.ts';
import { withPem } from './pem-files.ts';
import { parseBind, parseBindOrOff } from './quantities.ts';
import type { ReadFile } from './upstream-tls.ts';
import { parseUpstreamUri, type Upstream } from './upstream-uri.ts';

/** Texts as typed; absent means the file's value stays. */
export interface Overrides {
  readonly listen?: string | undefined;
  readonly upstream?: string | undefined;
  readonly maxUpstream?: string | undefined;
  readonly admin?: string | undefined;
  readonly mode?: string | undefined;
  readonly logLevel?: string | undefined;
}

/**
 * The config with the overrides in it, or a sentence that starts with the flag.
 * @param readFile for the files that the uri of --upstream names
 */
export function applyOverrides(config: Config, overrides: Overrides, readFile: ReadFile): Parsed<Config> {
  const listen = readFlag('--listen', overrides.listen, parseBind);
  if (!listen.ok) return listen;
  const upstream = readFlag('--upstream', overrides.upstream, parseUpstreamUri);
  if (!upstream.ok) return upstream;
  const cap = readFlag('--max-upstream', overrides.maxUpstream, parseCap);
  if (!cap.ok) return cap;
  const admin = readFlag('--admin', overrides.admin, parseBindOrOff);
  if (!admin.ok) return admin;
  const mode = readFlag('--mode', overrides.mode, parseMode);
  if (!mode.ok) return mode;
  const level = readFlag('--log-level', overrides.logLevel, parseLevel);
  if (!level.ok) return level;
  const changed = change(config, {
    bind: listen.value,
    uri: upstream.value,
    cap: cap.value,
    admin: admin.value,
    mode: mode.value,
    level: level.value,
  });
  if (cap.value !== undefined && changed.listeners[0]?.mode === 'passthrough') {
    return complain('--max-upstream: mode passthrough opens one connection per client connection; leave it out');
  }
  const checked = recheck(changed);
  return checked.ok && upstream.value !== undefined ? readFiles(checked.value, readFile) : checked;
}

/** What the flags say; undefined stays as it is. */
interface Values {
  readonly bind: HostPort | undefined;
  readonly uri: Upstream | undefined;
  readonly cap: number | undefined;
  readonly admin: HostPort | null | undefined;
  readonly mode: ListenerMode | undefined;
  readonly level: LogLevel | undefined;
}

function change(config: Config, values: Values): Config {
  return {
    ...config,
    listeners: changeFirst(config.listeners, (first: ListenerConfig) => ({
      ...first,
      bind: values.bind ?? first.bind,
      mode: values.mode ?? first.mode,
    })),
    clusters: changeFirst(config.clusters, (first: ClusterConfig) => ({
      ...first,
      uri: withCap(values.uri ?? first.uri, values.cap),
      pool: { ...first.pool, maxConnections: values.cap ?? first.pool.maxConnections },
    })),
    admin: values.admin === undefined ? config.admin : { bind: values.admin },
    log: { level: values.level ?? config.log.level },
  };
}

/** The flag goes before what the uri says. */
function withCap(uri: Upstream, cap: number | undefined): Upstream {
  const hasOwn = uri.pool?.maxConnections !== undefined;
  return cap === undefined || !hasOwn ? uri : { ...uri, pool: { ...uri.pool, maxConnections: cap } };
}

function readFiles(config: Config, readFile: ReadFile): Parsed<Config> {
  const [first, ...others] = config.clusters;
  if (first === undefined) return parsed(config);
  const read = withPem(first, readFile);
  return read.ok
    ? parsed({ ...config, clusters: [read.value, ...others] })
    : { ...read, sentence: `--upstream: ${read.sentence}` };
}

function readFlag<T>(
  flag: string,
  text: string | undefined,
  parse: (text: string) => Parsed<T>,
): Parsed<T | undefined> {
  if (text === undefined) return parsed(undefined);
  const result = parse(text);
  return result.ok ? result : { ...result, sentence: `${flag}: ${result.sentence}` };
}

function parseCap(text: string): Parsed<number> {
  const cap = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return cap >= 1 && cap <= 10_000
    ? parsed(cap)
    : complain(`expected a whole number from 1 to 10000, found ${quote(text)}`);
}

function parseMode(text: string): Parsed<ListenerMode> {
  if (text === 'pool' || text === 'passthrough') return parsed(text);
  return complain(`expected pool or passthrough, found ${quote(text)}`);
}

function parseLevel(text: string): Parsed<LogLevel> {
  const level = LOG_LEVELS.find((known) => known === text);
  return level === undefined
    ? complain(`expected one of ${LOG_LEVELS.join(', ')}, found ${quote(text)}`)
    : parsed(level);
}

function changeFirst<T>(list: readonly T[], change: (first: T) => T): readonly T[] {
  return list.map((entry, index) => (index === 0 ? change(entry) : entry));
}

function recheck(config: Config): Complaint | Parsed<Config> {
  const problem = crossCheck(config)[0];
  return problem === undefined ? parsed(config) : complain(`with these flags, ${problem.sentence}`);
}
