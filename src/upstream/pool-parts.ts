// What a pool is made of, what it asks of the endpoint that owns it, and what it says of itself. Types only.

import type { Clock, Random } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Lane, PoolSnapshot } from '../core/snapshots.ts';
import type { Connector } from '../net/connector.ts';
import type { HostPort } from '../options.ts';
import type { CompressionRequest } from './compression.ts';
import type { EndpointKey } from './exchange.ts';
import type { Weights } from './fair-queue.ts';
import type { Handshake } from './handshake.ts';
import type { RequestIds } from './request-ids.ts';
import type { UpkeepOptions } from './upkeep.ts';

/** What a pool asks of the endpoint that owns it. */
export interface PoolHost {
  /** Where to connect; null while no server is known or reachable. */
  reachableAddress(): HostPort | null;
  /** For one new connection. */
  makeHandshake(): Handshake;
  /** The handshake's answer; false refuses the connection. */
  onGreeted(helloBody: Buffer): boolean;
  /** Whether new work may come, so that minConnections is worth keeping; absent: always. */
  expectsWork?(): boolean;
  /** A connection was lost or could not be made: worth a look by the monitor. */
  onTrouble(): void;
  onDecodeError(reason: string): void;
}

export interface PoolParts {
  readonly lane: Lane;
  /** The member it connects to; noted on each exchange that goes there. Absent: ''. */
  readonly endpoint?: EndpointKey;
  /** Absent: off. */
  readonly pipelining?: 'adaptive' | 'off';
  readonly weights?: Weights;
  readonly upkeep?: UpkeepOptions;
  readonly cap: number;
  /** Transactions whose statements come this way: they make the lane keep a reserve. */
  readonly openTransactions: () => number;
  readonly maxConnecting: number;
  readonly maxWaiters: number;
  readonly connectTimeoutMs: number;
  readonly host: PoolHost;
  readonly connector: Connector;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absent: nothing is compressed. */
  readonly compression?: CompressionRequest;
  /** Larger replies are passed on as they come; absent: none. */
  readonly replyBufferBytes?: number;
}

/** What a pool knows of itself; the cluster adds its own name and the endpoint's. */
export type LaneSnapshot = Omit<PoolSnapshot, 'cluster' | 'endpoint' | 'state'>;
