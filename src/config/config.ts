// The shape of a checked config: units resolved, defaults filled in, texts parsed. It follows the file's own tree, key
// for key; to-options.ts turns it into what the components take. Invariant: schema.ts yields exactly this type.

import type { Compressor, HostPort, LimitDimension, ListenerMode } from '../options.ts';
import type { Upstream } from './upstream-uri.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ListenerConfig {
  readonly name: string;
  readonly bind: HostPort;
  /** Absent: the only cluster there is. */
  readonly cluster?: string | undefined;
  readonly mode: ListenerMode;
  readonly face: 'mongos';
  readonly maxConnections?: number | undefined;
  /** Absent: all that work. */
  readonly compressors?: readonly Compressor[] | undefined;
  /** Milliseconds; absent: none. */
  readonly idleTimeout?: number | undefined;
  readonly auth: { readonly mode: 'none' };
}

export interface ClusterConfig {
  readonly name: string;
  readonly uri: Upstream;
  /** Times in milliseconds. */
  readonly pool: {
    readonly maxConnections: number;
    readonly maxConnecting: number;
    readonly waitQueueTimeout: number;
    readonly maxWaiters: number;
    readonly awaitConnections: number;
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
  /** bind null: no admin server. */
  readonly admin: { readonly bind: HostPort | null };
  readonly log: { readonly level: LogLevel };
  readonly shutdown: { readonly drainTimeout: number };
  readonly workers: 1;
}
