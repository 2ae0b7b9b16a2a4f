// Every metric of weir, once: name, type, help, labels. The page docs/generated/metrics.md is made from this table.
// It holds no values and no library. Invariant: names and labels are an interface: they are added to, not changed.

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
}

/** What operations count, summed over the rows of the operation table at scrape time. */
export const OPERATION_METRICS = {
  operations: {
    name: 'weir_operations_total',
    type: 'counter',
    help: 'Finished operations by outcome: ok, or why not.',
    labels: ['listener', 'db', 'collection', 'command', 'outcome'],
  },
  operationSeconds: {
    name: 'weir_operation_seconds',
    type: 'histogram',
    help: 'Arrival of the request to the whole reply, or to the end of the wait, of all operations.',
    labels: ['db', 'collection', 'command'],
  },
  serverSeconds: {
    name: 'weir_server_seconds',
    type: 'histogram',
    help: 'Time at the server, request written to reply read whole, of operations that were sent.',
    labels: ['db', 'collection', 'command'],
  },
  waitSeconds: {
    name: 'weir_wait_seconds',
    type: 'histogram',
    help: "Time in weir's own wait queue, of all operations; those that did not wait count as 0.",
    labels: ['db', 'collection', 'command'],
  },
  replyDocuments: {
    name: 'weir_reply_documents_total',
    type: 'counter',
    help: 'Documents returned.',
    labels: ['listener', 'db', 'collection', 'command'],
  },
  documentsChanged: {
    name: 'weir_documents_changed_total',
    type: 'counter',
    help: 'Documents inserted, modified or deleted, as the server reported.',
    labels: ['listener', 'db', 'collection', 'command'],
  },
  requestBytes: {
    name: 'weir_request_bytes_total',
    type: 'counter',
    help: 'Bytes of requests on the wire, headers included.',
    labels: ['listener', 'db', 'collection', 'command'],
  },
  replyBytes: {
    name: 'weir_reply_bytes_total',
    type: 'counter',
    help: 'Bytes of replies on the wire, headers included.',
    labels: ['listener', 'db', 'collection', 'command'],
  },
  callSiteOperations: {
    name: 'weir_callsite_operations_total',
    type: 'counter',
    help: 'Finished operations by the line of code that sent them; call sites beyond the cap are summed in "other".',
    labels: ['callsite', 'db', 'collection', 'command'],
  },
  callSiteSeconds: {
    name: 'weir_callsite_seconds_total',
    type: 'counter',
    help: 'Time at the server by call site.',
    labels: ['callsite', 'db', 'collection', 'command'],
  },
  callSiteDocuments: {
    name: 'weir_callsite_documents_total',
    type: 'counter',
    help: 'Documents returned by call site.',
    labels: ['callsite', 'db', 'collection', 'command'],
  },
  queryKinds: {
    name: 'weir_query_kinds_total',
    type: 'counter',
    help: 'Operations with a predicate, by its _id: one value (primary_key), several (multi_get), anything else (scatter_get).',
    labels: ['kind'],
  },
  namespaceOperations: {
    name: 'weir_namespace_operations_total',
    type: 'counter',
    help: 'Operations that name a collection, by what it is to them: primary, lookup, out, merge, bulkWrite and so on.',
    labels: ['db', 'collection', 'command', 'role'],
  },
  namespaceStatements: {
    name: 'weir_namespace_statements_total',
    type: 'counter',
    help: 'Documents sent to be inserted, updates, deletes, operations of a bulkWrite; for other roles the stages that name the collection.',
    labels: ['db', 'collection', 'command', 'role'],
  },
  errors: {
    name: 'weir_errors_total',
    type: 'counter',
    help: 'Operations that ended with a MongoDB error code, by who gave it: the server (upstream) or weir itself (proxy).',
    labels: ['code', 'origin'],
  },
  rowsCapped: {
    name: 'weir_rows_capped',
    type: 'counter',
    help: 'Operations counted in the row "other" because the operation table was full.',
    labels: [],
  },
  rows: {
    name: 'weir_rows',
    type: 'gauge',
    help: 'Rows of the operation table, "other" included.',
    labels: [],
  },
  active: {
    name: 'weir_operations_active',
    type: 'gauge',
    help: 'Operations begun and not finished.',
    labels: [],
  },
} as const;

/** Histograms that the running proxy keeps itself. */
export const POOL_HISTOGRAM = {
  name: 'weir_pool_wait_seconds',
  type: 'histogram',
  help: 'Time from asking a pool for a connection to getting one; those that got it at once count as 0.',
  labels: ['cluster', 'endpoint', 'lane'],
} as const;

/** What the running proxy tells of itself (core/snapshots.ts) at scrape time. */
export const PROXY_METRICS = {
  limitDecisions: {
    name: 'weir_limit_decisions_total',
    type: 'counter',
    help: 'Operations a limit matched, by decision: allowed, observed (would be refused, was let through), refused.',
    labels: ['limit', 'decision'],
  },
  downstreamConnections: {
    name: 'weir_downstream_connections',
    type: 'gauge',
    help: 'Open connections of applications.',
    labels: [],
  },
  downstreamConnectionsTotal: {
    name: 'weir_downstream_connections_total',
    type: 'counter',
    help: 'Accepted connections of applications: served, or closed because there were too many (over_limit).',
    labels: ['listener', 'result'],
  },
  downstreamClosed: {
    name: 'weir_downstream_closed_total',
    type: 'counter',
    help: 'Closed connections of applications by reason.',
    labels: ['reason'],
  },
  upstreamConnections: {
    name: 'weir_upstream_connections',
    type: 'gauge',
    help: 'Connections to the server by lane (ordinary, await, monitor, passthrough) and state: idle, busy, awaiting (their operation waits at the server for news), connecting.',
    labels: ['cluster', 'endpoint', 'lane', 'state'],
  },
  upstreamConnects: {
    name: 'weir_upstream_connects_total',
    type: 'counter',
    help: 'Connections opened to the server.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  upstreamClosed: {
    name: 'weir_upstream_closed_total',
    type: 'counter',
    help: 'Connections to the server closed, by reason.',
    labels: ['cluster', 'endpoint', 'lane', 'reason'],
  },
  upstreamReachable: {
    name: 'weir_upstream_reachable',
    type: 'gauge',
    help: '1 once a server has answered and while one is reachable, else 0.',
    labels: [],
  },
  poolCheckouts: {
    name: 'weir_pool_checkouts_total',
    type: 'counter',
    help: 'Times a connection was lent to an operation.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  poolWaiters: {
    name: 'weir_pool_waiters',
    type: 'gauge',
    help: 'Operations waiting for a connection.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  poolLongestWait: {
    name: 'weir_pool_longest_wait_seconds',
    type: 'gauge',
    help: 'How long the oldest waiting operation has waited.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  pipelineDepth: {
    name: 'weir_pipeline_depth',
    type: 'gauge',
    help: 'Short operations that one connection may carry at once now; 1: none behind another.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  pipelined: {
    name: 'weir_pipelined_total',
    type: 'counter',
    help: 'Operations that were sent behind another one on its connection.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  pipelinedBehind: {
    name: 'weir_pipelined_behind_seconds_total',
    type: 'counter',
    help: 'Time that these spent behind others, before the server had nothing else to do on their connection.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  pipelineRefusals: {
    name: 'weir_pipeline_refusals_total',
    type: 'counter',
    help: 'Short operations that found no place behind others: every connection as deep as it may be (depth), or held up by its oldest operation (overdue).',
    labels: ['cluster', 'endpoint', 'lane', 'reason'],
  },
  pipelineCollapses: {
    name: 'weir_pipeline_collapses_total',
    type: 'counter',
    help: 'Times that the depth fell to 1, because latency rose or a connection was lost.',
    labels: ['cluster', 'endpoint', 'lane'],
  },
  awaitTurns: {
    name: 'weir_await_turns_total',
    type: 'counter',
    help: 'Turns of awaiting getMores: asked for less time than they want (shortened), queued again (again), ended because their cursor was killed (killed).',
    labels: ['event'],
  },
  poolPaused: {
    name: 'weir_pool_paused',
    type: 'gauge',
    help: '1 while the operations of this cluster are held (weir pause), else 0.',
    labels: ['cluster'],
  },
  multiplexRatio: {
    name: 'weir_multiplex_ratio',
    type: 'gauge',
    help: 'Connections of applications for each connection that operations go out on, in mode pool; 0 while there is none.',
    labels: [],
  },
  upstreamRtt: {
    name: 'weir_upstream_rtt_seconds',
    type: 'gauge',
    help: 'Round trip time of the hello to each server, as its monitor measures it.',
    labels: ['cluster', 'endpoint'],
  },
  draining: {
    name: 'weir_draining',
    type: 'gauge',
    help: '1 while weir accepts nobody and ends when its clients have left, else 0.',
    labels: [],
  },
  pins: {
    name: 'weir_pins_total',
    type: 'counter',
    help: 'Operations bound to one connection or lane, by reason.',
    labels: ['reason'],
  },
  decodeErrors: {
    name: 'weir_decode_errors_total',
    type: 'counter',
    help: 'Malformed input by side (downstream, upstream; sniffed_client and sniffed_server in mode passthrough) and reason.',
    labels: ['side', 'reason'],
  },
  sniffingEnded: {
    name: 'weir_sniffing_ended_total',
    type: 'counter',
    help: 'Connections of mode passthrough that are no longer read while their bytes go on, by reason: tls, http, lost_framing, internal_error.',
    labels: ['listener', 'reason'],
  },
  driverLeaves: {
    name: 'weir_driver_leaves_proxy',
    type: 'gauge',
    help: '1 if a driver was seen to leave this pass-through listener for the hosts that a replica set member named, and has not come back; the log names the remedies.',
    labels: ['listener'],
  },
  compressedMessages: {
    name: 'weir_compressed_messages_total',
    type: 'counter',
    help: 'Messages that came (received) or went (sent) compressed, towards applications (downstream) and the server (upstream).',
    labels: ['side', 'compressor', 'direction'],
  },
  compressionBytes: {
    name: 'weir_compression_bytes_total',
    type: 'counter',
    help: 'Bytes of those messages, headers included: as they were on the wire, and as the plain message in them.',
    labels: ['side', 'compressor', 'direction', 'form'],
  },
  protocolMismatches: {
    name: 'weir_protocol_mismatches_total',
    type: 'counter',
    help: 'Replies that answered another request than the one sent. Must stay 0: alert on it.',
    labels: [],
  },
  cleanups: {
    name: 'weir_cleanups_total',
    type: 'counter',
    help: 'What was cleaned up for clients that went away.',
    labels: ['what'],
  },
  bufferBytes: {
    name: 'weir_buffer_bytes',
    type: 'gauge',
    help: 'Memory of large requests that are not answered yet and of answers that clients have not taken (memory.buffers).',
    labels: [],
  },
  bufferPauses: {
    name: 'weir_buffer_pauses_total',
    type: 'counter',
    help: 'How often a client was not read because memory.buffers was spent.',
    labels: [],
  },
  openCursors: {
    name: 'weir_open_cursors',
    type: 'gauge',
    help: 'Cursors open through weir.',
    labels: [],
  },
  openTransactions: {
    name: 'weir_open_transactions',
    type: 'gauge',
    help: 'Transactions open through weir.',
    labels: [],
  },
  uptime: {
    name: 'weir_uptime_seconds',
    type: 'gauge',
    help: 'Seconds since weir was started.',
    labels: [],
  },
  buildInfo: {
    name: 'weir_build_info',
    type: 'gauge',
    help: 'Always 1; the label carries the version.',
    labels: ['version'],
  },
} as const;

export type ProxyMetricKey = keyof typeof PROXY_METRICS;

/** All metrics, in the order in which people read about them. */
export const ALL_METRICS: readonly MetricDefinition[] = [
  ...Object.values(OPERATION_METRICS),
  POOL_HISTOGRAM,
  ...Object.values(PROXY_METRICS),
];
