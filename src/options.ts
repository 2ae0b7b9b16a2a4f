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

/** What clients see: a mongos, or one server without a set. Those that say loadBalanced get a service, whatever it says. */
export type Face = 'mongos' | 'direct';

/** What weir refuses because it ends sessions of everybody, unless a listener allows it; killSessions: the form without ids. */
export type AllowableCommand = 'killAllSessions' | 'killAllSessionsByPattern' | 'killSessions';

export interface ListenerOptions {
  readonly name: string;
  readonly bind: HostPort;
  /** Name of the cluster that this listener's operations go to. */
  readonly cluster: string;
  /** Absent: pool. */
  readonly mode?: ListenerMode;
  /** Mode pool; absent: mongos. */
  readonly face?: Face;
  /** Mode pool; absent: none. */
  readonly allow?: readonly AllowableCommand[];
  /** Client connections at once; null: the descriptor limit less a reserve for upstream and files. */
  readonly maxConnections: number | null;
  /** Mode pool: what clients are offered that ask for compression; absent: all that work in this process. */
  readonly compressors?: readonly Compressor[];
  /** Mode passthrough: a connection that is silent both ways for so long is closed; null or absent: never. */
  readonly idleTimeoutMs?: number | null;
  /** Mode pool: how long a client may leave its answers unread, or a request unfinished while memory is short; absent: 10 s. */
  readonly slowClientTimeoutMs?: number;
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
  /** Connections that are kept open while the endpoint is up; absent: 0. */
  readonly minConnections?: number;
  /** An idle connection is closed after so long; absent or 0: never. */
  readonly maxIdleTimeMs?: number;
  /** A connection is replaced at this age, less up to a tenth; absent or 0: never. */
  readonly maxLifetimeMs?: number;
  /** Short operations may share a busy connection; absent: adaptive. */
  readonly pipelining?: 'adaptive' | 'off';
  /** Turns in the queue for one of an application, by its name; absent: 1. */
  readonly weights?: Readonly<Record<string, number>>;
  /** What happens at the server to a read whose client left; absent: finish. */
  readonly onClientGone?: 'finish' | 'cancel';
  /** Replies up to this are collected and their connection is free; larger ones pass as they come. Absent: 1 MiB. */
  readonly replyBufferBytes?: number;
}

/** How weir logs in at the servers of a cluster. The password never leaves upstream/login. */
export type Credential =
  | {
      readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-1' | 'negotiated';
      readonly username: string;
      readonly password: Secret;
      readonly source: string;
    }
  | { readonly mechanism: 'MONGODB-X509'; readonly username: string | null };

/** A value that shows as `<secret>` wherever it is printed. */
export interface Secret {
  reveal(): string;
  toJSON(): string;
}

/** TLS towards the servers of a cluster. PEM texts, read when the configuration is. */
export interface UpstreamTls {
  /** null: the system's own authorities. */
  readonly ca: string | null;
  /** Certificate and key in one, as tlsCertificateKeyFile holds them; null: none. */
  readonly certificateKey: string | null;
  readonly certificateKeyPassword: Secret | null;
  readonly allowInvalidHostnames: boolean;
  readonly allowInvalidCertificates: boolean;
}

/** `mongodb+srv`: the seeds are looked up under this name, again and again. */
export interface SrvOptions {
  readonly host: string;
  /** `mongodb` unless srvServiceName says otherwise. */
  readonly service: string;
  /** 0: all. */
  readonly maxHosts: number;
  /** The configuration names an authSource: that of the TXT record does not count. Absent: it does not. */
  readonly isAuthSourceGiven?: boolean;
}

export interface ClusterOptions {
  readonly name: string;
  /** Empty with `srv`. */
  readonly seeds: readonly HostPort[];
  /** Absent or null: the seeds are given. */
  readonly srv?: SrvOptions | null;
  /** Absent or null: nobody logs in. */
  readonly credential?: Credential | null;
  /** Absent or null: in the clear. */
  readonly tls?: UpstreamTls | null;
  /** How often each member is asked how it is; absent: 10 s. */
  readonly heartbeatMs?: number;
  /** Several mongos: those within this of the nearest are used; absent: 15. */
  readonly localThresholdMs?: number;
  /** The set name that the endpoint must belong to; null: any server will do. */
  readonly replicaSet: string | null;
  /** The only seed is used as it is, and the other members of its set are not looked for; absent: false. */
  readonly directConnection?: boolean;
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
  /** Mode pool: what all clients' large requests and unread answers may take of memory; absent: 256 MiB. */
  readonly bufferBytes?: number;
  /** How long a stop waits for running operations. */
  readonly drainTimeoutMs: number;
}
