// What a weir is told to do: plain, complete, frozen values. config/to-options.ts makes them from YAML and flags.
// Components take the small part that they need and never import config. Units are in the names.

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** pool: many client connections on few. passthrough: one to one, bytes untouched, read on their way. */
export type ListenerMode = 'pool' | 'passthrough';

/** Compressors that connections may agree on. */
export type Compressor = 'snappy' | 'zstd' | 'zlib';

export interface ListenerOptions {
  readonly name: string;
  readonly bind: HostPort;
  /** Name of the cluster that this listener's operations go to. */
  readonly cluster: string;
  /** Absent: pool. */
  readonly mode?: ListenerMode;
  /** Client connections at once; null: the descriptor limit less a reserve for upstream and files. */
  readonly maxConnections: number | null;
  /** Mode pool: what clients are offered that ask for compression; absent: all that work in this process. */
  readonly compressors?: readonly Compressor[];
  /** Mode passthrough: a connection that is silent both ways for so long is closed; null or absent: never. */
  readonly idleTimeoutMs?: number | null;
}

export interface PoolOptions {
  /** Hard cap of ordinary connections to the endpoint. */
  readonly maxConnections: number;
  /** Connections being established at the same time. */
  readonly maxConnecting: number;
  readonly waitQueueTimeoutMs: number;
  readonly maxWaiters: number;
  /** Connections beside the cap that only awaiting getMores use. */
  readonly awaitConnections: number;
}

export interface ClusterOptions {
  readonly name: string;
  readonly seeds: readonly HostPort[];
  /** The set name that the endpoint must belong to; null: any server will do. */
  readonly replicaSet: string | null;
  /** Mode passthrough: how long a connection to the server may take to open; absent: 10 s. */
  readonly connectTimeoutMs?: number;
  /** Mode pool: what the server is asked for, in the order of preference; empty or absent: nothing is compressed. */
  readonly compressors?: readonly Compressor[];
  readonly pool: PoolOptions;
}

/** All given parts must match. Texts are globs (`*`); an absent part matches everything. */
export interface LimitMatch {
  readonly callSite?: string;
  readonly app?: string;
  readonly database?: string;
  readonly collection?: string;
  readonly command?: string;
}

export type LimitDimension = 'app' | 'callSite' | 'db' | 'collection' | 'command';

export interface LimitOptions {
  readonly name: string;
  readonly match: LimitMatch;
  /** One bucket per distinct value of these; empty: one bucket for all that match. */
  readonly per: readonly LimitDimension[];
  readonly ratePerSecond: number;
  readonly burst: number;
  readonly mode: 'observe' | 'enforce';
}

export interface StatsOptions {
  /** Rows of the operation table; what comes later is summed in `other`. */
  readonly maxRows: number;
  /** Call sites that get a Prometheus series of their own. */
  readonly maxCallSites: number;
}

export interface WeirOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly clusters: readonly ClusterOptions[];
  readonly limits: readonly LimitOptions[];
  readonly stats: StatsOptions;
  readonly admin: HostPort | null;
  /** How long a stop waits for running operations. */
  readonly drainTimeoutMs: number;
}
