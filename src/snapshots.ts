// Read-only pictures of the running parts for the admin side, made on demand. It changes nothing and counts nothing itself.

import type { ByteBudget } from './core/byte-budget.ts';
import type { Clock } from './core/clock.ts';
import type { CompressionCounts } from './core/compression-counts.ts';
import type {
  ClientSnapshot,
  Counters,
  CursorSnapshot,
  OperationInFlight,
  Page,
  PoolRow,
  PoolSnapshot,
  Snapshots,
  Summary,
  UpstreamLogin,
} from './core/snapshots.ts';
import type { Tally } from './core/tally.ts';
import type { DownstreamServer } from './downstream/server.ts';
import type { RateLimitFilter } from './filters/rate-limit.ts';
import type { PassthroughServer } from './passthrough/server.ts';
import type { Target } from './passthrough/target.ts';
import type { CursorEntry } from './router/cursor-table.ts';
import type { Router } from './router/router.ts';
import { cleanLabel } from './stats/label.ts';
import type { OperationTable } from './stats/operation-table.ts';
import type { Cluster } from './upstream/cluster.ts';

export interface SnapshotSources {
  readonly version: string;
  readonly clock: Clock;
  readonly table: OperationTable;
  readonly clusters: readonly Cluster[];
  /** In the order of their clusters. */
  readonly routers: readonly Router[];
  readonly servers: readonly DownstreamServer[];
  readonly passthroughServers: readonly PassthroughServer[];
  readonly targets: readonly Target[];
  readonly limits: RateLimitFilter;
  readonly decodeErrors: Tally<string>;
  readonly compression: CompressionCounts;
  readonly budget: ByteBudget;
  isDraining(): boolean;
}

export function createSnapshots(sources: SnapshotSources): Snapshots {
  const startedMs = sources.clock.nowMs();
  return {
    summary: () => summary(sources, startedMs),
    pools: () => pools(sources),
    clients: () => clients(sources),
    servers: () =>
      sources.clusters.flatMap((cluster) => cluster.members().map((member) => ({ cluster: cluster.name, ...member }))),
    cursors: (limit) => cursors(sources, limit),
    operations: () => operations(sources),
    limits: () => sources.limits.snapshot(),
    counters: () => counters(sources),
  };
}

function allServers(sources: SnapshotSources): readonly (DownstreamServer | PassthroughServer)[] {
  return [...sources.servers, ...sources.passthroughServers];
}

function pools({ clusters, targets }: SnapshotSources): PoolRow[] {
  return [...clusters.flatMap((cluster) => cluster.snapshot()), ...targets.map((target) => target.snapshot())].map(
    poolRow,
  );
}

/** Every getMore of the awaiting lane waits for news. */
function poolRow(pool: PoolSnapshot): PoolRow {
  return { ...pool, awaiting: pool.lane === 'await' ? pool.busy : 0, isPaused: pool.isPaused ?? false };
}

function clients(sources: SnapshotSources): ClientSnapshot[] {
  return allServers(sources)
    .flatMap((server) => [...server.connections].map((connection) => connection.snapshot()))
    .sort((a, b) => (b.current?.ms ?? -1) - (a.current?.ms ?? -1) || b.operations - a.operations);
}

function operations(sources: SnapshotSources): OperationInFlight[] {
  const all: OperationInFlight[] = [];
  for (const server of allServers(sources)) {
    for (const connection of server.connections) {
      const current = connection.current();
      if (current === null) continue;
      const { id: client, listener, app, remoteAddress, remotePort } = connection;
      all.push({ client, listener, address: `${remoteAddress}:${remotePort}`, app, ...current });
    }
  }
  return all.sort((a, b) => b.ms - a.ms);
}

function cursors({ clusters, routers, clock }: SnapshotSources, limit: number): Page<CursorSnapshot> {
  const rows: CursorSnapshot[] = [];
  const nowMs = clock.nowMs();
  for (const [index, router] of routers.entries()) {
    const cluster = clusters[index]?.name ?? '';
    let left = limit;
    for (const entry of router.cursors.all()) {
      if (left-- === 0) break;
      rows.push(cursorRow(cluster, entry, nowMs));
    }
  }
  rows.sort((a, b) => b.idleSeconds - a.idleSeconds);
  return { rows: rows.slice(0, limit), total: sum(routers, (router) => router.cursors.size) };
}

function cursorRow(cluster: string, entry: CursorEntry, nowMs: number): CursorSnapshot {
  const { id, namespace, app, callSite, awaits } = entry;
  return {
    cluster,
    id: String(id),
    namespace: cleanLabel(namespace),
    server: entry.server,
    app,
    // A peer's key begins with its host.
    address: entry.peer.key.split('\0', 1)[0] ?? '',
    callSite,
    ageSeconds: (nowMs - entry.openedMs) / 1000,
    idleSeconds: (nowMs - entry.usedMs) / 1000,
    awaits,
    lane: awaits === 'none' ? 'ordinary' : 'await',
  };
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
    upstreamLogin: worstLogin(clusters),
    multiplexRatio: multiplexRatio(sources),
    paused: clusters.filter((cluster) => cluster.isPaused).map((cluster) => cluster.name),
    isDraining: sources.isDraining(),
  };
}

function worstLogin(clusters: readonly Cluster[]): UpstreamLogin {
  const states = new Set(clusters.map(({ login }) => login));
  return (['refused', 'pending', 'works'] as const).find((state) => states.has(state)) ?? 'none';
}

function multiplexRatio({ clusters, servers }: SnapshotSources): number | null {
  const lanes = clusters.flatMap((cluster) => cluster.snapshot()).filter(({ lane }) => lane !== 'monitor');
  const out = sum(lanes, ({ idle, busy }) => idle + busy);
  return out === 0 ? null : sum(servers, (server) => server.connections.size) / out;
}

function counters(sources: SnapshotSources): Counters {
  const { clusters, routers, passthroughServers, decodeErrors, compression, budget } = sources;
  const servers = allServers(sources);
  return {
    downstreamAccepted: byListener(servers, (server) => server.accepted.counts),
    downstreamClosed: merged(servers.map((server) => server.closed)),
    decodeErrors: decodeErrors.counts,
    protocolMismatches: sum(clusters, (cluster) => cluster.closedFor('response_mismatch')),
    pins: merged(routers.map((router) => router.pins)),
    awaitTurns: merged(routers.map((router) => router.turns.counts)),
    cleanups: merged(routers.map((router) => router.cleanUp.counts)),
    compressedMessages: compression.messages.counts,
    compressionBytes: compression.bytes.counts,
    bufferBytes: budget.held,
    bufferPauses: budget.pauses,
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
