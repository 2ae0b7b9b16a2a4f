// One MongoDB deployment as the router sees it: the writable endpoint, its two lanes and its monitor.
// It decides nothing about single operations. Invariant: the server never sees more connections from here than
// maxConnections + awaitConnections + 1 (the monitor's).

import type { Clock, Random } from '../core/clock.ts';
import type { CompressionCounts } from '../core/compression-counts.ts';
import type { Logger } from '../core/logger.ts';
import type { Lane, PoolSnapshot } from '../core/snapshots.ts';
import type { Connector } from '../net/connector.ts';
import type { ClusterOptions, HostPort } from '../options.ts';
import { askedOf, type CompressionRequest } from './compression.ts';
import type { Exchange } from './exchange.ts';
import { encodeFirstHello, type WeirIdentity } from './handshake.ts';
import { Monitor } from './monitor.ts';
import type { PerishReason } from './perish.ts';
import { Pool, type PoolHost } from './pool.ts';
import type { RequestIds } from './request-ids.ts';
import { readServerDescription, type ServerDescription } from './server-description.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Upward calls; set by who wires the parts (wiring/pool-side.ts). */
export interface ClusterEvents {
  /** The first usable server answered. */
  onFirstContact(): void;
  /** Another server process answers now: cursors and transactions of the old one are gone. */
  onProcessChanged(): void;
  openTransactions(): number;
  onDecodeError(reason: string): void;
}

export interface ClusterParts {
  readonly options: ClusterOptions;
  readonly identity: WeirIdentity;
  readonly connector: Connector;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Counts what is compressed towards the server. */
  readonly compressionCounts: CompressionCounts;
  readonly events: ClusterEvents;
}

export class Cluster implements PoolHost {
  readonly name: string;
  readonly options: ClusterOptions;
  readonly #parts: ClusterParts;
  readonly #lanes: Readonly<Record<Lane, Pool>>;
  readonly #monitor: Monitor;
  readonly #compression: CompressionRequest | null;
  #address: HostPort | null = null;
  #server: ServerDescription | null = null;
  #isUp = false;

  constructor(parts: ClusterParts) {
    this.name = parts.options.name;
    this.options = parts.options;
    this.#parts = parts;
    const { compressors = [] } = parts.options;
    this.#compression = compressors.length === 0 ? null : { compressors, counts: parts.compressionCounts };
    this.#lanes = {
      ordinary: this.#makeLane('ordinary', parts.options.pool.maxConnections),
      await: this.#makeLane('await', parts.options.pool.awaitConnections),
    };
    this.#monitor = new Monitor({
      ...parts,
      seeds: parts.options.seeds,
      replicaSet: parts.options.replicaSet,
      events: {
        onAnswer: (address, server) => this.#onAnswer(address, server),
        onSilent: () => this.#onSilent(),
        onUnusable: () => {
          for (const pool of this.#pools) pool.clear('endpoint_changed');
        },
        onDown: (reason) => this.#onDown(reason),
        onDecodeError: (reason) => this.onDecodeError(reason),
      },
    });
  }

  /** What the last usable server said of itself; null before the first contact. Stays while it is unreachable. */
  get server(): ServerDescription | null {
    return this.#server;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get upstreamConnections(): number {
    return this.#lanes.ordinary.established + this.#lanes.await.established + this.#monitor.connections;
  }

  /** Connections of all lanes that died of this reason. */
  closedFor(reason: PerishReason): number {
    return this.#pools.reduce((total, pool) => total + pool.closedFor(reason), 0);
  }

  get #pools(): readonly Pool[] {
    return [this.#lanes.ordinary, this.#lanes.await];
  }

  start(): void {
    this.#monitor.start();
  }

  stop(): void {
    this.#monitor.stop();
    for (const pool of this.#pools) pool.stop();
  }

  submit(lane: Lane, exchange: Exchange): void {
    this.#lanes[lane].submit(exchange);
  }

  /** See Pool.cancel. */
  cancel(lane: Lane, exchange: Exchange): boolean {
    return this.#lanes[lane].cancel(exchange);
  }

  /** See Pool.abandon. */
  abandon(lane: Lane, exchange: Exchange): void {
    this.#lanes[lane].abandon(exchange);
  }

  /** The number of open transactions fell: the reserved connection may serve ordinary work again. */
  onTransactionClosed(): void {
    this.#lanes.ordinary.pump();
  }

  reachableAddress(): HostPort | null {
    return this.#isUp ? this.#address : null;
  }

  encodeHello(requestId: number): Buffer {
    const asked = this.#compression === null ? [] : askedOf(this.#compression);
    return encodeFirstHello(this.#parts.identity, 'pool', requestId, asked);
  }

  onGreeted(helloBody: Buffer): boolean {
    const server = readServerDescription(helloBody);
    if (server?.isWritable !== true) return false;
    this.#learn(server);
    return true;
  }

  /** Something says that the server may have changed: ask it. */
  onTrouble(): void {
    this.#monitor.checkSoon();
  }

  onDecodeError(reason: string): void {
    this.#parts.events.onDecodeError(reason);
  }

  #makeLane(lane: Lane, cap: number): Pool {
    const { options } = this.#parts;
    return new Pool({
      ...this.#parts,
      ...(this.#compression === null ? {} : { compression: this.#compression }),
      lane,
      cap,
      // No statement of a transaction waits for news, so the awaiting lane needs no reserve.
      openTransactions: lane === 'ordinary' ? () => this.#parts.events.openTransactions() : () => 0,
      maxConnecting: options.pool.maxConnecting,
      maxWaiters: options.pool.maxWaiters,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      host: this,
    });
  }

  #onAnswer(address: HostPort, server: ServerDescription): void {
    const isMoved = this.#address !== null && !isSameAddress(this.#address, address);
    if (isMoved) for (const pool of this.#pools) pool.destroyAll('endpoint_changed');
    this.#address = address;
    this.#learn(server);
    if (this.#isUp) return;
    this.#isUp = true;
    this.#parts.logger.info(
      { cluster: this.name, ...address, max_wire_version: server.maxWireVersion },
      'upstream is up',
    );
    for (const pool of this.#pools) pool.pump();
  }

  #learn(server: ServerDescription): void {
    const before = this.#server;
    this.#server = server;
    if (before === null) this.#parts.events.onFirstContact();
    else if (before.processId !== server.processId) this.#onProcessChanged();
  }

  /** Connections to the old process are dead, whether their sockets know it or not. */
  #onProcessChanged(): void {
    for (const pool of this.#pools) pool.destroyEstablished('endpoint_changed');
    this.#parts.events.onProcessChanged();
  }

  #onSilent(): void {
    // Down first: nobody is to dial a silent server.
    this.#onDown('no answer in time');
    for (const pool of this.#pools) pool.destroyAll('endpoint_silent');
  }

  #onDown(reason: string): void {
    const { logger } = this.#parts;
    if (this.#isUp) logger.warn({ cluster: this.name, reason }, 'upstream is not reachable');
    else logger.debug({ cluster: this.name, reason }, 'upstream is still not reachable');
    this.#isUp = false;
  }

  snapshot(): PoolSnapshot[] {
    const address = this.#address;
    const common = {
      cluster: this.name,
      endpoint: address === null ? '' : `${address.host}:${address.port}`,
      state: this.#isUp ? 'up' : this.#server === null ? 'unknown' : 'down',
    } as const;
    const lanes = this.#pools.map((pool) => ({ ...common, ...pool.snapshot() }));
    return [...lanes, { ...common, ...monitorLane(this.#monitor.connections) }];
  }
}

function isSameAddress(a: HostPort, b: HostPort): boolean {
  return a.host === b.host && a.port === b.port;
}

function monitorLane(connections: number): Omit<PoolSnapshot, 'cluster' | 'endpoint' | 'state'> {
  return {
    lane: 'monitor',
    maxConnections: 1,
    idle: connections,
    busy: 0,
    connecting: 0,
    waiters: 0,
    longestWaitMs: 0,
    checkouts: 0,
    waits: null,
    connects: 0,
    closed: {},
  };
}
