// Read-only pictures of the running proxy for the admin API, the metrics page and the command line.
// Plain data, made on demand; nothing here is on the path of an operation.

export type Lane = 'ordinary' | 'await';

export interface Summary {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly downstreamConnections: number;
  readonly upstreamConnections: number;
  readonly operations: number;
  readonly errors: number;
  readonly refused: number;
  /** True once an upstream has answered and while one is reachable. */
  readonly upstreamReachable: boolean;
}

/** Durations counted by bucket. */
export interface HistogramSnapshot {
  /** Not cumulative, +Inf last; the borders are those of every histogram of the metrics page (stats/latency-sketch.ts). */
  readonly buckets: readonly number[];
  readonly sumMs: number;
}

/** One lane of one endpoint's pool; the monitor's single connection and pass-through connections are rows of their own. */
export interface PoolSnapshot {
  readonly cluster: string;
  readonly endpoint: string;
  readonly lane: Lane | 'monitor' | 'passthrough';
  readonly state: 'unknown' | 'up' | 'down';
  readonly maxConnections: number;
  readonly idle: number;
  readonly busy: number;
  readonly connecting: number;
  readonly waiters: number;
  readonly longestWaitMs: number;
  readonly checkouts: number;
  /** Waits of those that got a connection; null where nobody can wait (the monitor, pass-through). */
  readonly waits: HistogramSnapshot | null;
  readonly connects: number;
  /** Connections closed, by reason (upstream/perish.ts, net/relay.ts). */
  readonly closed: Readonly<Record<string, number>>;
}

export interface ClientSnapshot {
  readonly id: number;
  readonly listener: string;
  readonly address: string;
  readonly app: string;
  readonly driver: string;
  readonly connectedSeconds: number;
  readonly operations: number;
  readonly state: string;
}

export interface LimitSnapshot {
  readonly name: string;
  readonly mode: 'observe' | 'enforce';
  readonly matched: number;
  readonly allowed: number;
  readonly observed: number;
  readonly refused: number;
}

/** Plain counters that are not per operation; the metrics page reads them at scrape time. */
export interface Counters {
  /** Accepted connections by `listener|fate`; fate: served | over_limit. */
  readonly downstreamAccepted: ReadonlyMap<string, number>;
  /** Closed client connections by reason. */
  readonly downstreamClosed: ReadonlyMap<string, number>;
  /** Malformed input by `side|reason` (side: downstream | upstream | sniffed_client | sniffed_server). */
  readonly decodeErrors: ReadonlyMap<string, number>;
  /** Must stay 0: replies whose responseTo did not match. */
  readonly protocolMismatches: number;
  /** Why an operation was bound to one connection or lane: fence | await | transaction. */
  readonly pins: ReadonlyMap<string, number>;
  /** Clean-up done for dead clients: cursors_killed, transactions_aborted, … */
  readonly cleanups: ReadonlyMap<string, number>;
  /** Messages by `side|compressor|direction`, see CompressionCounts. */
  readonly compressedMessages: ReadonlyMap<string, number>;
  /** Bytes by `side|compressor|direction|form`. */
  readonly compressionBytes: ReadonlyMap<string, number>;
  readonly openCursors: number;
  readonly openTransactions: number;
  /** Pass-through conversations that are no longer read while their bytes go on, by `listener|reason`. */
  readonly sniffingEnded: ReadonlyMap<string, number>;
  /** Pass-through listeners, and whether drivers were seen to leave through the hosts that the server names. */
  readonly driverLeaves: ReadonlyMap<string, boolean>;
}

/** What the admin side may ask of the running proxy. */
export interface Snapshots {
  summary(): Summary;
  pools(): readonly PoolSnapshot[];
  clients(): readonly ClientSnapshot[];
  limits(): readonly LimitSnapshot[];
  counters(): Counters;
}
