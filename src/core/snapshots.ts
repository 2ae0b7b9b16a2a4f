// Read-only pictures of the running proxy for the admin API, the metrics page and the command line.
// Plain data, made on demand; nothing here is on the path of an operation.

import type { OperationState } from './operation.ts';

export type Lane = 'ordinary' | 'await';

/**
 * How weir's own user fares at the servers. none: it has no user there; pending: no login has ended yet, or none since the
 * last connection was lost; works: connections are logged in; refused: none is, and the last login failed.
 */
export type UpstreamLogin = 'none' | 'pending' | 'works' | 'refused';

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
  /** The worst of all clusters. */
  readonly upstreamLogin: UpstreamLogin;
  /** Connections of applications for each connection that operations go out on, in mode pool; null while there is none. */
  readonly multiplexRatio: number | null;
  /** Clusters whose operations are held (weir pause). */
  readonly paused: readonly string[];
  /** Nobody new is accepted, and weir ends when those that are here have left. */
  readonly isDraining: boolean;
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
  /** Nothing is sent for now (`weir pause`). */
  readonly isPaused?: boolean;
  /** Short exchanges that one connection may carry at once now; 1 or absent: no pipelining. */
  readonly depth?: number;
  /** Exchanges whose reply is due. */
  readonly inFlight?: number;
  /** Exchanges that were sent behind another, and the milliseconds that they spent behind others. */
  readonly pipelined?: number;
  readonly behindMs?: number;
  /** Short ones that found no place, by reason; and how often the depth fell to 1. */
  readonly pipelineRefusals?: Readonly<Record<string, number>>;
  readonly pipelineCollapses?: number;
  readonly checkouts: number;
  /** Waits of those that got a connection; null where nobody can wait (the monitor, pass-through). */
  readonly waits: HistogramSnapshot | null;
  readonly connects: number;
  /** Connections closed, by reason (upstream/perish.ts, net/relay.ts). */
  readonly closed: Readonly<Record<string, number>>;
}

/** A pool as it is shown: with what its cluster adds. */
export interface PoolRow extends PoolSnapshot {
  /** Of the busy ones, those whose operation waits at the server for news. */
  readonly awaiting: number;
  /** Its cluster is paused: nothing is lent. */
  readonly isPaused: boolean;
}

/** One server of a cluster, as its monitor knows it. */
export interface MemberSnapshot {
  /** `host:port`. */
  readonly address: string;
  /** primary, secondary, arbiter, mongos, standalone, other, unknown … */
  readonly type: string;
  readonly state: 'unknown' | 'up' | 'down';
  /** Null: it belongs to none, or has not answered yet. */
  readonly setName: string | null;
  /** Null: not measured yet. */
  readonly rttMs: number | null;
  /** How long ago it answered; null: never. */
  readonly lastAnswerMs: number | null;
  readonly maxWireVersion: number | null;
  /** Operations may go there: the primary, or one of the mongos near enough. */
  readonly isInWindow: boolean;
  readonly lastError: string | null;
}

export interface ServerRow extends MemberSnapshot {
  readonly cluster: string;
}

/** What a client is doing right now. */
export interface CurrentOperation {
  /** `client.number`: unique while weir runs. */
  readonly id: string;
  readonly command: string;
  /** `db.collection`, or the database alone. */
  readonly namespace: string;
  readonly callSite: string;
  readonly state: OperationState;
  /** Since it arrived. */
  readonly ms: number;
  /** Of these, in weir's queue. */
  readonly waitedMs: number;
  /** Where it was sent; '' while it waits. */
  readonly server: string;
}

export interface ClientSnapshot {
  /** Unique over all listeners. */
  readonly id: number;
  readonly listener: string;
  readonly address: string;
  readonly app: string;
  readonly driver: string;
  readonly connectedSeconds: number;
  readonly operations: number;
  readonly state: string;
  /** On the wire. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The oldest, where several are under way; null: none. */
  readonly current: CurrentOperation | null;
}

/** An operation in flight, with who asked it. */
export interface OperationInFlight extends CurrentOperation {
  /** Id of the client connection. */
  readonly client: number;
  readonly listener: string;
  readonly address: string;
  readonly app: string;
}

/** A cursor that is open through weir. */
export interface CursorSnapshot {
  readonly cluster: string;
  /** Decimal: JSON numbers do not hold 64 bits. */
  readonly id: string;
  readonly namespace: string;
  /** `host:port`; '' if it is not known. */
  readonly server: string;
  /** Who opened it. */
  readonly app: string;
  readonly address: string;
  readonly callSite: string;
  readonly ageSeconds: number;
  /** Since it was opened or asked for more. */
  readonly idleSeconds: number;
  readonly awaits: 'none' | 'tailable' | 'change_stream';
  /** The lane of its getMores. */
  readonly lane: Lane;
}

/** The first rows of a list, and how many there are. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
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
  /** Turns of awaiting getMores, by what happened: shortened | again | killed. */
  readonly awaitTurns: ReadonlyMap<string, number>;
  /** Clean-up done for dead clients: cursors_killed, transactions_aborted, … */
  readonly cleanups: ReadonlyMap<string, number>;
  /** Messages by `side|compressor|direction`, see CompressionCounts. */
  readonly compressedMessages: ReadonlyMap<string, number>;
  /** Bytes by `side|compressor|direction|form`. */
  readonly compressionBytes: ReadonlyMap<string, number>;
  /** What clients hold of the byte budget, and how often it made one of them wait. */
  readonly bufferBytes: number;
  readonly bufferPauses: number;
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
  pools(): readonly PoolRow[];
  /** Those with the longest operation under way first, then those that asked most. */
  clients(): readonly ClientSnapshot[];
  servers(): readonly ServerRow[];
  /** Those that were asked longest ago first. */
  cursors(limit: number): Page<CursorSnapshot>;
  /** Longest first. */
  operations(): readonly OperationInFlight[];
  limits(): readonly LimitSnapshot[];
  counters(): Counters;
}
