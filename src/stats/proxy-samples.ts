// Reads the snapshots of the running proxy into samples for the metrics page.
// It knows no metric library and keeps nothing between scrapes.
// Invariant: every sample has exactly as many label values as its metric has labels (registry.ts).

import type { PoolRow, PoolSnapshot, Snapshots } from '../core/snapshots.ts';
import type { ProxyMetricKey } from './registry.ts';

export interface Sample {
  /** In the order of the metric's labels. */
  readonly labels: readonly string[];
  readonly value: number;
}

export type ProxySamples = Readonly<Record<ProxyMetricKey, readonly Sample[]>>;

function single(value: number): readonly Sample[] {
  return [{ labels: [], value }];
}

function byReason(counts: ReadonlyMap<string, number>): readonly Sample[] {
  return Array.from(counts, ([reason, value]) => ({ labels: [reason], value }));
}

/** Counts whose key is `first|second`; a key without the bar has an empty second label. */
function byPair(counts: ReadonlyMap<string, number>): readonly Sample[] {
  return Array.from(counts, ([key, value]) => {
    const bar = key.lastIndexOf('|');
    return { labels: bar < 0 ? [key, ''] : [key.slice(0, bar), key.slice(bar + 1)], value };
  });
}

/** Counts whose key has one part for each label. */
function byParts(counts: ReadonlyMap<string, number>): readonly Sample[] {
  return Array.from(counts, ([key, value]) => ({ labels: key.split('|'), value }));
}

function poolLabels(pool: PoolSnapshot): readonly string[] {
  return [pool.cluster, pool.endpoint, pool.lane];
}

function byPool(pools: readonly PoolSnapshot[], read: (pool: PoolSnapshot) => number): readonly Sample[] {
  return pools.map((pool) => ({ labels: poolLabels(pool), value: read(pool) }));
}

/** One sample for each cluster that can be paused. */
function pausedClusters(pools: readonly PoolRow[]): readonly Sample[] {
  const clusters = new Map<string, boolean>();
  for (const { cluster, lane, isPaused } of pools) {
    if (lane !== 'passthrough') clusters.set(cluster, isPaused || clusters.get(cluster) === true);
  }
  return Array.from(clusters, ([cluster, isPaused]) => ({ labels: [cluster], value: isPaused ? 1 : 0 }));
}

/** Reads everything once. */
export function readProxySamples(snapshots: Snapshots): ProxySamples {
  const summary = snapshots.summary();
  const pools = snapshots.pools();
  const counters = snapshots.counters();
  const sharing = pools.filter(({ lane }) => lane === 'ordinary');
  return {
    limitDecisions: snapshots.limits().flatMap((limit) => [
      { labels: [limit.name, 'allowed'], value: limit.allowed },
      { labels: [limit.name, 'observed'], value: limit.observed },
      { labels: [limit.name, 'refused'], value: limit.refused },
    ]),
    downstreamConnections: single(summary.downstreamConnections),
    downstreamConnectionsTotal: byPair(counters.downstreamAccepted),
    downstreamClosed: byReason(counters.downstreamClosed),
    upstreamConnections: pools.flatMap((pool) => [
      { labels: [...poolLabels(pool), 'idle'], value: pool.idle },
      { labels: [...poolLabels(pool), 'busy'], value: pool.busy - pool.awaiting },
      { labels: [...poolLabels(pool), 'awaiting'], value: pool.awaiting },
      { labels: [...poolLabels(pool), 'connecting'], value: pool.connecting },
    ]),
    upstreamConnects: byPool(pools, (pool) => pool.connects),
    upstreamClosed: pools.flatMap((pool) =>
      Object.entries(pool.closed).map(([reason, value]) => ({ labels: [...poolLabels(pool), reason], value })),
    ),
    upstreamReachable: single(summary.upstreamReachable ? 1 : 0),
    poolCheckouts: byPool(pools, (pool) => pool.checkouts),
    poolWaiters: byPool(pools, (pool) => pool.waiters),
    poolLongestWait: byPool(pools, (pool) => pool.longestWaitMs / 1000),
    pipelineDepth: byPool(sharing, (pool) => pool.depth ?? 1),
    pipelined: byPool(sharing, (pool) => pool.pipelined ?? 0),
    pipelinedBehind: byPool(sharing, (pool) => (pool.behindMs ?? 0) / 1000),
    pipelineRefusals: sharing.flatMap((pool) =>
      Object.entries(pool.pipelineRefusals ?? {}).map(([reason, value]) => ({
        labels: [...poolLabels(pool), reason],
        value,
      })),
    ),
    pipelineCollapses: byPool(sharing, (pool) => pool.pipelineCollapses ?? 0),
    awaitTurns: byReason(counters.awaitTurns),
    poolPaused: pausedClusters(pools),
    multiplexRatio: single(summary.multiplexRatio ?? 0),
    upstreamRtt: snapshots
      .servers()
      .flatMap(({ cluster, address, rttMs }) =>
        rttMs === null ? [] : [{ labels: [cluster, address], value: rttMs / 1000 }],
      ),
    draining: single(summary.isDraining ? 1 : 0),
    pins: byReason(counters.pins),
    decodeErrors: byPair(counters.decodeErrors),
    sniffingEnded: byPair(counters.sniffingEnded),
    driverLeaves: Array.from(counters.driverLeaves, ([listener, leaves]) => ({
      labels: [listener],
      value: leaves ? 1 : 0,
    })),
    compressedMessages: byParts(counters.compressedMessages),
    compressionBytes: byParts(counters.compressionBytes),
    protocolMismatches: single(counters.protocolMismatches),
    cleanups: byReason(counters.cleanups),
    bufferBytes: single(counters.bufferBytes),
    bufferPauses: single(counters.bufferPauses),
    openCursors: single(counters.openCursors),
    openTransactions: single(counters.openTransactions),
    uptime: single(summary.uptimeSeconds),
    buildInfo: [{ labels: [summary.version], value: 1 }],
  };
}
