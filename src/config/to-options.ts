// Maps a checked Config to the plain options that the components take. No checks, no defaults that a user could ask
// about except the two that depend on other keys. Invariant: total; every Config gives valid options.

import type { ClusterOptions, LimitMatch, LimitOptions, PoolOptions, WeirOptions } from '../options.ts';
import { credentialOf } from './cluster-security.ts';
import type { ClusterConfig, Config, LimitConfig } from './config.ts';

/** Every Config becomes exactly one WeirOptions. The log level stays with the command line. */
export function toOptions(config: Config): WeirOptions {
  return {
    listeners: config.listeners.map((listener) => ({
      name: listener.name,
      bind: listener.bind,
      cluster: listener.cluster ?? config.clusters[0]?.name ?? '',
      mode: listener.mode,
      face: listener.face,
      allow: [...new Set(listener.allow)],
      maxConnections: listener.maxConnections ?? null,
      ...(listener.compressors === undefined ? {} : { compressors: listener.compressors }),
      idleTimeoutMs: listener.idleTimeout ?? null,
      ...(listener.slowClientTimeout === undefined ? {} : { slowClientTimeoutMs: listener.slowClientTimeout }),
    })),
    clusters: config.clusters.map(toCluster),
    limits: config.limits.map(toLimit),
    stats: { maxRows: config.stats.rows.max, maxCallSites: config.stats.callSites.max },
    admin: config.admin.bind,
    bufferBytes: config.memory.buffers,
    drainTimeoutMs: config.shutdown.drainTimeout,
  };
}

function toCluster(cluster: ClusterConfig): ClusterOptions {
  const { seeds, replicaSet, srv, direct, connectTimeoutMs, compressors, heartbeatMs, localThresholdMs } = cluster.uri;
  const credential = credentialOf(cluster);
  return {
    name: cluster.name,
    seeds,
    ...(srv === undefined ? {} : { srv }),
    replicaSet,
    ...(direct === true ? { directConnection: true } : {}),
    ...(credential.ok && credential.value !== null ? { credential: credential.value } : {}),
    ...(cluster.pem === undefined ? {} : { tls: cluster.pem }),
    ...(compressors === undefined ? {} : { compressors }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(localThresholdMs === undefined ? {} : { localThresholdMs }),
    pool: toPool(cluster),
  };
}

function toPool({ pool, uri }: ClusterConfig): PoolOptions {
  const { waitQueueTimeout, maxIdleTime, maxLifetime, replyBuffer, ...same } = { ...pool, ...uri.pool };
  return {
    ...same,
    waitQueueTimeoutMs: waitQueueTimeout,
    maxIdleTimeMs: maxIdleTime,
    maxLifetimeMs: maxLifetime,
    replyBufferBytes: replyBuffer,
  };
}

function toLimit(limit: LimitConfig): LimitOptions {
  return {
    name: limit.name,
    match: toMatch(limit.match),
    per: [...new Set(limit.per)],
    ratePerSecond: limit.rate,
    burst: limit.burst ?? Math.max(1, Math.ceil(limit.rate)),
    mode: limit.mode,
  };
}

function toMatch(match: LimitConfig['match']): LimitMatch {
  const { callSite, app, command } = match;
  return {
    ...(callSite === undefined ? {} : { callSite }),
    ...(app === undefined ? {} : { app }),
    ...toNamespace(match.db, match.collection),
    ...(command === undefined ? {} : { command }),
  };
}

/** Without a database, `shop.orders` is database and collection; with one, the collection may hold dots itself. */
function toNamespace(
  db: string | undefined,
  collection: string | undefined,
): Pick<LimitMatch, 'database' | 'collection'> {
  if (db !== undefined) return collection === undefined ? { database: db } : { database: db, collection };
  if (collection === undefined) return {};
  const dot = collection.indexOf('.');
  if (dot < 0) return { collection };
  return { database: collection.slice(0, dot), collection: collection.slice(dot + 1) };
}
