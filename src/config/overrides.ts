// What flags of the command line change in a config: the first listener, the first cluster, admin and log level.
// It reads no argv. Invariant: the result passes the same checks as a file.

import type { ListenerMode } from '../options.ts';
import type { ClusterConfig, Config, ListenerConfig, LogLevel } from './config.ts';
import { LOG_LEVELS } from './config.ts';
import { crossCheck } from './cross-check.ts';
import { type Complaint, complain, type Parsed, parsed, quote } from './parsed.ts';
import { parseBind, parseBindOrOff } from './quantities.ts';
import { parseUpstreamUri } from './upstream-uri.ts';

/** Texts as typed; absent means the file's value stays. */
export interface Overrides {
  readonly listen?: string | undefined;
  readonly upstream?: string | undefined;
  readonly maxUpstream?: string | undefined;
  readonly admin?: string | undefined;
  readonly mode?: string | undefined;
  readonly logLevel?: string | undefined;
}

/** The config with the overrides in it, or a sentence that starts with the flag. */
export function applyOverrides(config: Config, overrides: Overrides): Parsed<Config> {
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
  const changed: Config = {
    ...config,
    listeners: changeFirst(config.listeners, (first: ListenerConfig) => ({
      ...first,
      bind: listen.value ?? first.bind,
      mode: mode.value ?? first.mode,
    })),
    clusters: changeFirst(config.clusters, (first: ClusterConfig) => ({
      ...first,
      uri: upstream.value ?? first.uri,
      pool: { ...first.pool, maxConnections: cap.value ?? first.pool.maxConnections },
    })),
    admin: admin.value === undefined ? config.admin : { bind: admin.value },
    log: { level: level.value ?? config.log.level },
  };
  if (cap.value !== undefined && changed.listeners[0]?.mode === 'passthrough') {
    return complain('--max-upstream: mode passthrough opens one connection per client connection; leave it out');
  }
  return recheck(changed);
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
