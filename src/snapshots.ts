// Read-only pictures of the running parts for the admin side, made on demand. It changes nothing and counts nothing itself.

import type { Clock } from './core/clock.ts';
import type { CompressionCounts } from './core/compression-counts.ts';
import type { Counters, Snapshots, Summary } from './core/snapshots.ts';
import type { Tally } from './core/tally.ts';
import type { DownstreamServer } from './downstream/server.ts';
import type { RateLimitFilter } from './filters/rate-limit.ts';
import type { PassthroughServer } from './passthrough/server.ts';
import type { Target } from './passthrough/target.ts';
import type { Router } from './router/router.ts';
import type { OperationTable } from './stats/operation-table.ts';
import type { Cluster } from './upstream/cluster.ts';

export interface SnapshotSources {
  readonly version: string;
  readonly clock: Clock;
  readonly table: OperationTable;
  readonly clusters: readonly Cluster[];
  readonly routers: readonly Router[];
  readonly servers: readonly DownstreamServer[];
  readonly passthroughServers: readonly PassthroughServer[];
  readonly targets: readonly Target[];
  readonly limits: RateLimitFilter;
  readonly decodeErrors: Tally<string>;
  readonly compression: CompressionCounts;
}

export function createSnapshots(sources: SnapshotSources): Snapshots {
  const startedMs = sources.clock.nowMs();
  return {
    summary: () => summary(sources, startedMs),
    pools: () => [
      ...sources.clusters.flatMap((cluster) => cluster.snapshot()),
      ...sources.targets.map((target) => target.snapshot()),
    ],
    clients: () =>
      allServers(sources).flatMap((server) => [...server.connections].map((connection) => connection.snapshot())),
    limits: () => sources.limits.snapshot(),
    counters: () => counters(sources),
  };
}

function allServers(sources: SnapshotSources): readonly (DownstreamServer | PassthroughServer)[] {
  return [...sources.servers, ...sources.passthroughServers];
}

function summary(sources: SnapshotSources, startedMs: number): Summary {
  const { version, clock, table, clusters, targets } = sources;
  const { operations, errors, refused } = table.totals;
  return {
    version,
    uptimeSeconds: (clock.nowMs() - startedMs) / 1000,
    downstreamConnections: sum(allServers(sources), (server) => server.connections.size),
    upstreamConnections:
      sum(clusters, (cluster) => cluster.upstreamConnections) + sum(targets, (target) => target.connected),
    operations,
    errors,
    refused,
    upstreamReachable: clusters.every((cluster) => cluster.isUp) && targets.every((target) => target.isUp),
  };
}

function counters(sources: SnapshotSources): Counters {
  const { clusters, routers, passthroughServers, decodeErrors, compression } = sources;
  const servers = allServers(sources);
  return {
    downstreamAccepted: byListener(servers, (server) => server.accepted.counts),
    downstreamClosed: merged(servers.map((server) => server.closed)),
    decodeErrors: decodeErrors.counts,
    protocolMismatches: sum(clusters, (cluster) => cluster.closedFor('response_mismatch')),
    pins: merged(routers.map((router) => router.pins)),
    cleanups: merged(routers.map((router) => router.cleanUp.counts)),
    compressedMessages: compression.messages.counts,
    compressionBytes: compression.bytes.counts,
    openCursors: sum(routers, (router) => router.cursors.size),
    openTransactions: sum(routers, (router) => router.transactions.size),
    sniffingEnded: byListener(passthroughServers, (server) => server.sniffingEnded.counts),
    driverLeaves: new Map(passthroughServers.map((server) => [server.name, server.isLeft])),
  };
}

/** Keys `listener|reason`. */
function byListener<Server extends { readonly name: string }>(
  servers: readonly Server[],
  read: (server: Server) => ReadonlyMap<string, number>,
): Map<string, number> {
  const all = new Map<string, number>();
  for (const server of servers) {
    for (const [reason, count] of read(server)) all.set(`${server.name}|${reason}`, count);
  }
  return all;
}

function sum<Part>(parts: readonly Part[], of: (part: Part) => number): number {
  return parts.reduce((total, part) => total + of(part), 0);
}

function merged(tallies: readonly Tally<string>[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const { counts } of tallies)
    for (const [reason, count] of counts) all.set(reason, (all.get(reason) ?? 0) + count);
  return all;
}
