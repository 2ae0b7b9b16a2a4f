// Checks that need more than one key: names that must be unique, names that must exist, addresses used twice, limits
// that could never bite. Pure; paths are those of the file. Invariant: it never repeats what the schema checks.

import type { HostPort } from '../options.ts';
import { findSecurityMistakes } from './cluster-security.ts';
import type { ClusterConfig, Config, ListenerConfig } from './config.ts';
import { quote } from './parsed.ts';
import type { ConfigPath } from './places.ts';
import { formatHostPort } from './quantities.ts';

export interface CrossProblem {
  readonly path: ConfigPath;
  readonly sentence: string;
}

/** Never refused by any limit: refusing them would leave cursors, transactions and sessions behind. */
const NEVER_REFUSED: ReadonlySet<string> = new Set([
  'getMore',
  'killCursors',
  'commitTransaction',
  'abortTransaction',
  'endSessions',
]);

/** Problems of a config whose single values are all right. */
export function crossCheck(config: Config): readonly CrossProblem[] {
  return [
    ...findDuplicateNames(config),
    ...findUnknownClusters(config),
    ...findAddressesUsedTwice(config),
    ...findIdleLimits(config),
    ...findPassthroughMistakes(config),
    ...findClusterMistakes(config),
  ];
}

function findDuplicateNames(config: Config): readonly CrossProblem[] {
  const problems: CrossProblem[] = [];
  for (const list of ['listeners', 'clusters', 'limits'] as const) {
    const seen = new Set<string>();
    for (const [index, { name }] of config[list].entries()) {
      if (seen.has(name))
        problems.push({ path: [list, index, 'name'], sentence: `the name ${quote(name)} is used twice in ${list}` });
      seen.add(name);
    }
  }
  return problems;
}

function findUnknownClusters(config: Config): readonly CrossProblem[] {
  const names = config.clusters.map((cluster) => cluster.name);
  const problems: CrossProblem[] = [];
  for (const [index, listener] of config.listeners.entries()) {
    if (listener.cluster === undefined && names.length > 1) {
      problems.push({
        path: ['listeners', index],
        sentence: `"cluster" is missing, and there are several: ${names.join(', ')}`,
      });
    } else if (listener.cluster !== undefined && !names.includes(listener.cluster)) {
      const sentence = `no cluster is named ${quote(listener.cluster)}, there is: ${names.join(', ')}`;
      problems.push({ path: ['listeners', index, 'cluster'], sentence });
    }
  }
  return problems;
}

function findAddressesUsedTwice(config: Config): readonly CrossProblem[] {
  const problems: CrossProblem[] = [];
  const seen = new Map<string, string>();
  const claim = (bind: HostPort, owner: string, path: ConfigPath): void => {
    const text = formatHostPort(bind);
    const other = seen.get(text);
    if (other !== undefined) problems.push({ path, sentence: `${owner} and ${other} have the same address ${text}` });
    if (bind.port !== 0) seen.set(text, owner);
  };
  for (const [index, listener] of config.listeners.entries()) {
    claim(listener.bind, `listener ${listener.name}`, ['listeners', index, 'bind']);
  }
  if (config.admin.bind !== null) claim(config.admin.bind, 'admin', ['admin', 'bind']);
  return problems;
}

function findIdleLimits(config: Config): readonly CrossProblem[] {
  const problems: CrossProblem[] = [];
  for (const [index, { match }] of config.limits.entries()) {
    if (match.command === undefined || !NEVER_REFUSED.has(match.command)) continue;
    const sentence = `${match.command} is never refused, so this limit could not bite; limit the command that opens its cursor or transaction`;
    problems.push({ path: ['limits', index, 'match', 'command'], sentence });
  }
  return problems;
}

function findClusterMistakes(config: Config): readonly CrossProblem[] {
  const problems: CrossProblem[] = [];
  for (const [index, cluster] of config.clusters.entries()) {
    for (const { key, sentence } of findSecurityMistakes(cluster)) {
      problems.push({ path: ['clusters', index, key], sentence });
    }
    const { minConnections, maxConnections } = { ...cluster.pool, ...cluster.uri.pool };
    if (minConnections <= maxConnections) continue;
    const sentence = `minConnections (minPoolSize) is ${minConnections}, above maxConnections (maxPoolSize), which is ${maxConnections}`;
    problems.push({ path: ['clusters', index, 'pool'], sentence });
  }
  return problems;
}

function findPassthroughTargetMistakes(
  listener: ListenerConfig,
  clusters: readonly ClusterConfig[],
): readonly string[] {
  const cluster = clusters.find(({ name }) => name === (listener.cluster ?? clusters[0]?.name));
  if (cluster === undefined) return [];
  const sentences: string[] = [];
  if (isSecured(cluster)) {
    const remedy = 'leave them out, or give this listener a cluster of its own';
    sentences.push(`mode passthrough passes the logins and TLS of clients by itself; ${remedy}`);
  }
  if (cluster.uri.srv !== undefined) sentences.push('mode passthrough goes to one host: name it in a mongodb:// uri');
  const hosts = cluster.uri.seeds.length;
  if (hosts < 2) return sentences;
  const remedy = 'give each member a cluster and a listener of its own';
  return [...sentences, `mode passthrough goes to one host, and cluster ${cluster.name} has ${hosts}; ${remedy}`];
}

/** What mode pool does itself, and mode passthrough leaves to the clients. */
function isSecured({ uri, auth, tls }: ClusterConfig): boolean {
  const isByUri = uri.credential !== undefined || (uri.tls ?? null) !== null;
  return isByUri || auth !== undefined || tls !== undefined;
}

/** Mode passthrough goes to one server and decides nothing, whatever the rest of the file wishes. */
function findPassthroughMistakes(config: Config): readonly CrossProblem[] {
  const problems: CrossProblem[] = [];
  for (const [index, listener] of config.listeners.entries()) {
    const complain = (key: string, sentence: string): void => {
      problems.push({ path: ['listeners', index, key], sentence });
    };
    if (listener.mode === 'pool') {
      if (listener.idleTimeout === undefined) continue;
      complain('idleTimeout', 'idleTimeout is for mode passthrough; in mode pool a client stays as long as it likes');
      continue;
    }
    if (listener.compressors !== undefined) {
      complain(
        'compressors',
        'compressors is for mode pool; in mode passthrough clients and server agree on their own',
      );
    }
    if (listener.face !== 'mongos')
      complain('face', 'face is for mode pool; in mode passthrough the server shows its own');
    if (listener.slowClientTimeout !== undefined) {
      complain('slowClientTimeout', 'slowClientTimeout is for mode pool; in mode passthrough the server waits itself');
    }
    if (listener.allow.length > 0) complain('allow', 'allow is for mode pool; in mode passthrough nothing is refused');
    for (const sentence of findPassthroughTargetMistakes(listener, config.clusters)) complain('mode', sentence);
  }
  if (config.limits.length > 0 && config.listeners.every(({ mode }) => mode === 'passthrough')) {
    const sentence = 'limits never apply in mode passthrough, and no listener has mode pool; leave the limits out';
    problems.push({ path: ['limits'], sentence });
  }
  return problems;
}
