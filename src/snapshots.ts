// Read-only pictures of the running parts for the admin side, made on demand. It changes nothing and counts nothing itself.

import type { Clock } from './core/clock.ts';
import type { Counters, Snapshots, Summary } from './core/snapshots.ts';
import type { Tally } from './core/tally.ts';
import type { DownstreamServer } from './downstream/server.ts';
import type { RateLimitFilter } from './filters/rate-limit.ts';
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
  readonly limits: RateLimitFilter;
  readonly decodeErrors: Tally<string>;
}

export function createSnapshots(sources: SnapshotSources): Snapshots {
  const startedMs = sources.clock.nowMs();
  return {
    summary: () => summary(sources, startedMs),
    pools: () => sources.clusters.flatMap((cluster) => cluster.snapshot()),
    clients: () =>
      sources.servers.flatMap((server) => [...server.connections].map((connection) => connection.snapshot())),
    limits: () => sources.limits.snapshot(),
    counters: () => counters(sources),
  };
}

function summary({ version, clock, table, clusters, servers }: SnapshotSources, startedMs: number): Summary {
  const { operations, errors, refused } = table.totals;
  return {
    version,
    uptimeSeconds: (clock.nowMs() - startedMs) / 1000,
    downstreamConnections: sum(servers, (server) => server.connections.size),
    upstreamConnections: sum(clusters, (cluster) => cluster.upstreamConnections),
    operations,
    errors,
    refused,
    upstreamReachable: clusters.every((cluster) => cluster.isUp),
  };
}

function counters({ clusters, routers, servers, decodeErrors }: SnapshotSources): Counters {
  return {
    downstreamAccepted: acceptedByListener(servers),
    downstreamClosed: merged(servers.map((server) => server.closed)),
    decodeErrors: decodeErrors.counts,
    protocolMismatches: sum(clusters, (cluster) => cluster.closedFor('response_mismatch')),
    pins: merged(routers.map((router) => router.pins)),
    cleanups: merged(routers.map((router) => router.cleanUp.counts)),
    openCursors: sum(routers, (router) => router.cursors.size),
    openTransactions: sum(routers, (router) => router.transactions.size),
  };
}

function acceptedByListener(servers: readonly DownstreamServer[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const { name, accepted } of servers) {
    for (const [fate, count] of accepted.counts) all.set(`${name}|${fate}`, count);
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
