// What the running proxy tells of itself on the metrics page: pools, clusters, connections, counters.
// Invariant tested: it is read anew at every scrape, and what is gone is not shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolRow, ServerRow } from '../../../src/core/snapshots.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { createMetrics } from '../../../src/stats/prometheus.ts';
import { fakeSnapshots, idleSummary } from './fake-snapshots.ts';
import { parsePage } from './metrics-text.ts';

function makePool(waiters: number): PoolRow {
  return {
    cluster: 'orders',
    endpoint: 'db1:27017',
    lane: 'ordinary',
    state: 'up',
    maxConnections: 8,
    idle: 1,
    busy: 6,
    awaiting: 2,
    isPaused: true,
    connecting: 1,
    waiters,
    longestWaitMs: 250,
    checkouts: 900,
    // 890 at once, seven up to 0.26 ms, three of 20 s.
    waits: { buckets: [897, 0, 0, 0, 0, 0, 0, 0, 3], sumMs: 60_001 },
    connects: 12,
    closed: { idle: 4 },
    depth: 7,
    pipelined: 600,
    behindMs: 1500,
    pipelineRefusals: { depth: 40, overdue: 2 },
    pipelineCollapses: 3,
  };
}

const member: Omit<ServerRow, 'address' | 'rttMs'> = {
  cluster: 'orders',
  type: 'primary',
  state: 'up',
  setName: 'rs0',
  lastAnswerMs: 10,
  maxWireVersion: 25,
  isInWindow: true,
  lastError: null,
};

test('the state of the proxy is read anew at every scrape', async () => {
  let waiters = 3;
  let isGone = false;
  const snapshots = fakeSnapshots({
    summary: () => ({
      ...idleSummary,
      downstreamConnections: 200,
      upstreamReachable: true,
      multiplexRatio: 28.5,
      isDraining: true,
    }),
    servers: () => [
      { ...member, address: 'db1:27017', rttMs: 1.5 },
      { ...member, address: 'db2:27017', rttMs: null },
    ],
    pools: () => (isGone ? [] : [makePool(waiters)]),
    limits: () => [{ name: 'reports', mode: 'enforce', matched: 10, allowed: 7, observed: 0, refused: 3 }],
    counters: () => ({
      downstreamAccepted: new Map([
        ['main|served', 210],
        ['main|over_limit', 2],
      ]),
      downstreamClosed: new Map([['client_closed', 10]]),
      decodeErrors: new Map([['downstream|size', 1]]),
      protocolMismatches: 0,
      pins: new Map([['fence', 5]]),
      awaitTurns: new Map([['again', 11]]),
      cleanups: new Map([['cursors_killed', 4]]),
      compressedMessages: new Map([['downstream|zstd|sent', 8]]),
      compressionBytes: new Map([
        ['downstream|zstd|sent|wire', 800],
        ['downstream|zstd|sent|plain', 3000],
      ]),
      bufferBytes: 70_000,
      bufferPauses: 3,
      openCursors: 9,
      openTransactions: 1,
      sniffingEnded: new Map([['sniffed|tls', 6]]),
      driverLeaves: new Map([
        ['sniffed', true],
        ['other', false],
      ]),
    }),
  });
  const metrics = createMetrics({ table: new OperationTable({ maxRows: 1 }), snapshots, maxCallSites: 1 });
  const page = parsePage((await metrics.render()).toString());
  const pool = 'cluster="orders",endpoint="db1:27017",lane="ordinary"';
  const expected: Readonly<Record<string, number>> = {
    weir_downstream_connections: 200,
    weir_buffer_bytes: 70_000,
    weir_buffer_pauses_total: 3,
    'weir_downstream_connections_total{listener="main",result="served"}': 210,
    'weir_downstream_connections_total{listener="main",result="over_limit"}': 2,
    'weir_downstream_closed_total{reason="client_closed"}': 10,
    [`weir_upstream_connections{${pool},state="busy"}`]: 4,
    [`weir_upstream_connections{${pool},state="awaiting"}`]: 2,
    [`weir_upstream_connections{${pool},state="idle"}`]: 1,
    [`weir_upstream_connections{${pool},state="connecting"}`]: 1,
    [`weir_upstream_connects_total{${pool}}`]: 12,
    [`weir_upstream_closed_total{${pool},reason="idle"}`]: 4,
    weir_upstream_reachable: 1,
    [`weir_pool_checkouts_total{${pool}}`]: 900,
    [`weir_pool_waiters{${pool}}`]: 3,
    [`weir_pipeline_depth{${pool}}`]: 7,
    [`weir_pipelined_total{${pool}}`]: 600,
    [`weir_pipelined_behind_seconds_total{${pool}}`]: 1.5,
    [`weir_pipeline_refusals_total{${pool},reason="depth"}`]: 40,
    [`weir_pipeline_refusals_total{${pool},reason="overdue"}`]: 2,
    [`weir_pipeline_collapses_total{${pool}}`]: 3,
    'weir_await_turns_total{event="again"}': 11,
    [`weir_pool_wait_seconds_bucket{${pool},le="0.000256"}`]: 897,
    [`weir_pool_wait_seconds_bucket{${pool},le="4.194304"}`]: 897,
    [`weir_pool_wait_seconds_bucket{${pool},le="+Inf"}`]: 900,
    [`weir_pool_wait_seconds_sum{${pool}}`]: 60.001,
    [`weir_pool_wait_seconds_count{${pool}}`]: 900,
    [`weir_pool_longest_wait_seconds{${pool}}`]: 0.25,
    'weir_pool_paused{cluster="orders"}': 1,
    weir_multiplex_ratio: 28.5,
    'weir_upstream_rtt_seconds{cluster="orders",endpoint="db1:27017"}': 0.0015,
    weir_draining: 1,
    'weir_limit_decisions_total{limit="reports",decision="allowed"}': 7,
    'weir_limit_decisions_total{limit="reports",decision="observed"}': 0,
    'weir_limit_decisions_total{limit="reports",decision="refused"}': 3,
    'weir_pins_total{reason="fence"}': 5,
    'weir_decode_errors_total{side="downstream",reason="size"}': 1,
    'weir_compressed_messages_total{side="downstream",compressor="zstd",direction="sent"}': 8,
    'weir_compression_bytes_total{side="downstream",compressor="zstd",direction="sent",form="wire"}': 800,
    'weir_compression_bytes_total{side="downstream",compressor="zstd",direction="sent",form="plain"}': 3000,
    weir_protocol_mismatches_total: 0,
    'weir_sniffing_ended_total{listener="sniffed",reason="tls"}': 6,
    'weir_driver_leaves_proxy{listener="sniffed"}': 1,
    'weir_driver_leaves_proxy{listener="other"}': 0,
    'weir_cleanups_total{what="cursors_killed"}': 4,
    weir_open_cursors: 9,
    weir_open_transactions: 1,
    weir_uptime_seconds: 1.23456,
    'weir_build_info{version="0.0.0-test"}': 1,
  };
  for (const [series, value] of Object.entries(expected)) assert.equal(page.get(series), value, series);
  assert.ok(!page.has('weir_upstream_rtt_seconds{cluster="orders",endpoint="db2:27017"}'), 'not measured yet');
  waiters = 0;
  assert.equal(parsePage((await metrics.render()).toString()).get(`weir_pool_waiters{${pool}}`), 0);
  isGone = true;
  assert.equal(parsePage((await metrics.render()).toString()).has(`weir_pool_waiters{${pool}}`), false);
});
