// The shape of a checked config: units resolved, defaults filled in, texts parsed. It follows the file's own tree, key
// for key; to-options.ts turns it into what the components take. Invariant: schema.ts yields exactly this type.

import type {
  AllowableCommand,
  Compressor,
  Face,
  HostPort,
  LimitDimension,
  ListenerMode,
  Secret,
  UpstreamTls,
} from '../options.ts';
import type { Mechanism } from './upstream-login.ts';
import type { Upstream } from './upstream-uri.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ListenerConfig {
  readonly name: string;
  readonly bind: HostPort;
  /** Absent: the only cluster there is. */
  readonly cluster?: string | undefined;
  readonly mode: ListenerMode;
  readonly face: Face;
  readonly allow: readonly AllowableCommand[];
  readonly maxConnections?: number | undefined;
  /** Absent: all that work. */
  readonly compressors?: readonly Compressor[] | undefined;
  /** Milliseconds; absent: none. */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds; absent: 10 s. */
  readonly slowClientTimeout?: number | undefined;
  readonly auth: { readonly mode: 'none' };
}

export interface ClusterConfig {
  readonly name: string;
  readonly uri: Upstream;
  /** Absent: as the uri says. */
  readonly auth?:
    | {
        readonly username?: string | undefined;
        readonly password?: Secret | undefined;
        /** Absent: what the server offers. */
        readonly mechanism?: Mechanism | undefined;
        readonly source?: string | undefined;
      }
    | undefined;
  /** Absent: as the uri says. */
  readonly tls?:
    | {
        readonly caFile?: string | undefined;
        readonly certificateKeyFile?: string | undefined;
        readonly certificateKeyFilePassword?: Secret | undefined;
        readonly allowInvalidHostnames: boolean;
        readonly allowInvalidCertificates: boolean;
      }
    | undefined;
  /** What the files hold that uri or `tls` name; load.ts and overrides.ts read them. Absent: no TLS. */
  readonly pem?: UpstreamTls | undefined;
  /** Times in milliseconds; what the uri says of the same things counts instead. */
  readonly pool: {
    readonly maxConnections: number;
    readonly maxConnecting: number;
    readonly waitQueueTimeout: number;
    readonly maxWaiters: number;
    readonly awaitConnections: number;
    readonly minConnections: number;
    /** 0: never, as maxLifetime. */
    readonly maxIdleTime: number;
    readonly maxLifetime: number;
    readonly pipelining: 'adaptive' | 'off';
    /** By the name of an application. */
    readonly weights: Readonly<Record<string, number>>;
    /** Bytes. */
    readonly replyBuffer: number;
    readonly onClientGone: 'finish' | 'cancel';
  };
}

export interface LimitConfig {
  readonly name: string;
  readonly match: {
    readonly callSite?: string | undefined;
    readonly app?: string | undefined;
    readonly db?: string | undefined;
    readonly collection?: string | undefined;
    readonly command?: string | undefined;
  };
  readonly per: readonly LimitDimension[];
  /** Operations per second. */
  readonly rate: number;
  /** Absent: what the rate allows in one second, at least 1. */
  readonly burst?: number | undefined;
  readonly action: 'reject';
  readonly mode: 'observe' | 'enforce';
}

export interface Config {
  readonly listeners: readonly ListenerConfig[];
  readonly clusters: readonly ClusterConfig[];
  readonly limits: readonly LimitConfig[];
  readonly stats: { readonly rows: { readonly max: number }; readonly callSites: { readonly max: number } };
  /** Bytes. */
  readonly memory: { readonly buffers: number };
  /** bind null: no admin server. */
  readonly admin: { readonly bind: HostPort | null };
  readonly log: { readonly level: LogLevel };
  readonly shutdown: { readonly drainTimeout: number };
  readonly workers: 1;
}
