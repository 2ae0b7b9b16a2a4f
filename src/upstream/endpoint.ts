// One member that carries operations, or did: its two lanes of connections, and what is believed of it while they live.
// It chooses nothing and monitors nothing. Invariants: the member never sees more connections from here than
// maxConnections + awaitConnections; a member that takes no operations gets only exchanges that are pinned to it.

import type { Clock, Random } from '../core/clock.ts';
import type { CompressionCounts } from '../core/compression-counts.ts';
import type { Logger } from '../core/logger.ts';
import type { Lane, PoolSnapshot } from '../core/snapshots.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import type { Connector } from '../net/connector.ts';
import type { ClusterOptions, HostPort } from '../options.ts';
import type { EndpointKey, Exchange } from './exchange.ts';
import type { Handshake } from './handshake.ts';
import type { PerishReason } from './perish.ts';
import { Pool } from './pool.ts';
import type { PoolHost } from './pool-parts.ts';
import type { RequestIds } from './request-ids.ts';
import { readServerDescription, type ServerDescription } from './server-description.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const REPLY_BUFFER_BYTES = 1_048_576;
/** Connections that may be given up so that the server stops a read: each costs a new one. */
const CUTS_AT_ONCE = 5;
const CUTS_PER_SECOND = 1;

/** What an endpoint asks of its cluster. */
export interface EndpointHost {
  makeHandshake(): Handshake;
  /** Null: servers of any set will do. */
  readonly setName: string | null;
  /** Transactions that are open through weir. */
  openTransactions(): number;
  /** Another process answers at this address. */
  onProcessChanged(endpoint: Endpoint): void;
  /** A connection was lost or could not be made. */
  onEndpointTrouble(endpoint: Endpoint): void;
  onDecodeError(reason: string): void;
}

export interface EndpointParts {
  readonly key: EndpointKey;
  readonly address: HostPort;
  readonly options: ClusterOptions;
  readonly host: EndpointHost;
  readonly connector: Connector;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly compressionCounts: CompressionCounts;
}

export class Endpoint implements PoolHost {
  readonly key: EndpointKey;
  readonly #parts: EndpointParts;
  readonly #lanes: Readonly<Record<Lane, Pool>>;
  /** The monitor's last word: it answers. */
  isReachable = false;
  /** New operations may be sent to it. */
  isUsable = false;
  /** It is no member any more. */
  isGone = false;
  /** Its last answer said that it takes no writes. */
  #isReadOnly = false;
  /** Null until it is known. */
  #processId: string | null = null;
  readonly #cuts: TokenBucket;

  constructor(parts: EndpointParts) {
    this.key = parts.key;
    this.#parts = parts;
    const { pool } = parts.options;
    this.#cuts = new TokenBucket(CUTS_AT_ONCE, CUTS_PER_SECOND, parts.clock.nowMs());
    this.#lanes = {
      ordinary: this.#makeLane('ordinary', pool.maxConnections),
      await: this.#makeLane('await', pool.awaitConnections),
    };
  }

  get pools(): readonly Pool[] {
    return [this.#lanes.ordinary, this.#lanes.await];
  }

  get established(): number {
    return this.#lanes.ordinary.established + this.#lanes.await.established;
  }

  /** How busy it is; see Pool.load. */
  get load(): number {
    return this.#lanes.ordinary.load;
  }

  /** @param nowMs see Pool.submit; absent: it has not waited elsewhere. */
  submit(lane: Lane, exchange: Exchange, nowMs?: number): void {
    exchange.endpoint = this.key;
    this.#lanes[lane].submit(exchange, nowMs);
  }

  cancel(lane: Lane, exchange: Exchange): boolean {
    return this.#lanes[lane].cancel(exchange);
  }

  abandon(lane: Lane, exchange: Exchange): void {
    this.#lanes[lane].abandon(exchange);
  }

  /** Ends the connection of an exchange that nobody waits for, so that the server stops. False: others use it, or too many were. */
  cutOff(lane: Lane, exchange: Exchange): boolean {
    const connection = this.#lanes[lane].connectionOf(exchange);
    if (connection?.isUnanswered !== true || !this.#cuts.refill(this.#parts.clock.nowMs())) return false;
    this.#cuts.take();
    connection.destroy('client_gone_cancel', 'client gone');
    return true;
  }

  evict(lane: Lane): Exchange[] {
    return this.#lanes[lane].evict();
  }

  /** The number of open transactions fell. */
  pumpOrdinary(): void {
    this.#lanes.ordinary.pump();
  }

  pump(): void {
    for (const pool of this.pools) pool.pump();
  }

  pause(): void {
    for (const pool of this.pools) pool.pause();
  }

  resume(): void {
    for (const pool of this.pools) pool.resume();
  }

  recycle(): void {
    for (const pool of this.pools) pool.recycle();
  }

  clear(reason: PerishReason): void {
    for (const pool of this.pools) pool.clear(reason);
  }

  /** Whoever is pinned to a member without writes uses a connection once: none is kept, and none on its way given up. */
  noteWritable(isWritable: boolean): void {
    for (const pool of isWritable ? [] : this.pools) {
      if (this.#isReadOnly) pool.dropIdle('recycled');
      else pool.clear('endpoint_changed');
    }
    this.#isReadOnly = !isWritable;
  }

  destroyAll(reason: PerishReason): void {
    for (const pool of this.pools) pool.destroyAll(reason);
  }

  /** See Pool.refuseWaiting. */
  refuseWaiting(): void {
    for (const pool of this.pools) pool.refuseWaiting();
  }

  stop(): void {
    for (const pool of this.pools) pool.stop();
  }

  closedFor(reason: PerishReason): number {
    return this.pools.reduce((total, pool) => total + pool.closedFor(reason), 0);
  }

  /** What its monitor, or one of its own new connections, was told. */
  learn({ processId }: ServerDescription): void {
    const before = this.#processId;
    this.#processId = processId;
    if (before === null || before === processId) return;
    // Connections to the old process are dead, whether their sockets know it or not.
    for (const pool of this.pools) pool.destroyEstablished('endpoint_changed');
    this.#parts.host.onProcessChanged(this);
  }

  // --- for its pools ----------------------------------------------------------------------------------------------

  reachableAddress(): HostPort | null {
    return this.isReachable ? this.#parts.address : null;
  }

  expectsWork(): boolean {
    return this.isUsable;
  }

  makeHandshake(): Handshake {
    return this.#parts.host.makeHandshake();
  }

  /** A member that is to take writes must say that it does, or its monitor has something to find out. */
  onGreeted(helloBody: Buffer): boolean {
    const { host } = this.#parts;
    const server = readServerDescription(helloBody);
    if (server === null || (this.isUsable && !server.isWritable)) return false;
    if (host.setName !== null && server.setName !== host.setName) return false;
    this.learn(server);
    return true;
  }

  onTrouble(): void {
    this.#parts.host.onEndpointTrouble(this);
  }

  onDecodeError(reason: string): void {
    this.#parts.host.onDecodeError(reason);
  }

  snapshot(): Omit<PoolSnapshot, 'cluster' | 'endpoint' | 'state'>[] {
    return this.pools.map((pool) => pool.snapshot());
  }

  #makeLane(lane: Lane, cap: number): Pool {
    const { options, compressionCounts, host } = this.#parts;
    const { compressors = [], pool } = options;
    const isOrdinary = lane === 'ordinary';
    return new Pool({
      ...this.#parts,
      ...(compressors.length === 0 ? {} : { compression: { compressors, counts: compressionCounts } }),
      lane,
      endpoint: this.key,
      cap,
      upkeep: { ...pool, minConnections: isOrdinary ? leastConnections(options) : 0 },
      pipelining: isOrdinary ? (pool.pipelining ?? 'adaptive') : 'off',
      ...(pool.weights === undefined ? {} : { weights: pool.weights }),
      replyBufferBytes: pool.replyBufferBytes ?? REPLY_BUFFER_BYTES,
      // No statement of a transaction waits for news, so the awaiting lane needs no reserve.
      openTransactions: isOrdinary ? () => host.openTransactions() : () => 0,
      maxConnecting: pool.maxConnecting,
      maxWaiters: pool.maxWaiters,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      host: this,
    });
  }
}

/** With a user of its own weir keeps one connection at least: a refused login shows at once, and so does its end. */
function leastConnections({ pool, credential = null }: ClusterOptions): number {
  return Math.max(pool.minConnections ?? 0, credential === null ? 0 : 1);
}
