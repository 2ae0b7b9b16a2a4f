// One lane of connections to one endpoint: lends them out, takes them back, destroys them with a reason.
// Who goes first is admission.ts, who waits is waiting-room.ts, new ones come from establisher.ts, and whether the server
// is there is the monitor's word. Invariants: connections on their way, idle and busy together never exceed the cap; an
// exchange holds at most one connection; every submitted exchange ends exactly once.

import type { Clock, Random } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Lane, PoolSnapshot } from '../core/snapshots.ts';
import { Tally } from '../core/tally.ts';
import type { Connector } from '../net/connector.ts';
import type { HostPort } from '../options.ts';
import { LatencySketch } from '../stats/latency-sketch.ts';
import { type AdmissionCounts, mayHold } from './admission.ts';
import type { CompressionRequest } from './compression.ts';
import type { UpstreamConnection } from './connection.ts';
import { Establisher } from './establisher.ts';
import type { AdmissionClass, Exchange, ExchangeFailure } from './exchange.ts';
import type { PerishReason } from './perish.ts';
import type { RequestIds } from './request-ids.ts';
import { WaitingRoom } from './waiting-room.ts';

/** What a pool asks of the endpoint that owns it. */
export interface PoolHost {
  /** Where to connect; null while no server is known or reachable. */
  reachableAddress(): HostPort | null;
  encodeHello(requestId: number): Buffer;
  /** The handshake's answer; false refuses the connection. */
  onGreeted(helloBody: Buffer): boolean;
  /** A connection was lost or could not be made: worth a look by the monitor. */
  onTrouble(): void;
  onDecodeError(reason: string): void;
}

export interface PoolParts {
  readonly lane: Lane;
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
}

/** What a pool knows of itself; the cluster adds its own name and the endpoint's. */
export type LaneSnapshot = Omit<PoolSnapshot, 'cluster' | 'endpoint' | 'state'>;

export class Pool {
  readonly #parts: PoolParts;
  readonly #room: WaitingRoom;
  readonly #establisher: Establisher;
  readonly #idle: UpstreamConnection[] = [];
  /** All that were established and live; those that are not idle are lent. */
  readonly #established: Set<UpstreamConnection> = new Set();
  readonly #held: Record<AdmissionClass, number> = { privileged: 0, ordinary: 0 };
  readonly #closed: Tally<PerishReason> = new Tally();
  /** From submit to lease, of those that got a connection. */
  readonly #waits: LatencySketch = new LatencySketch();
  #checkouts = 0;
  #isStopped = false;

  constructor(parts: PoolParts) {
    const { host, clock } = parts;
    this.#parts = parts;
    this.#room = new WaitingRoom(clock, (exchange) => this.#onExpired(exchange));
    this.#establisher = new Establisher({
      ...parts,
      events: {
        encodeHello: (requestId) => host.encodeHello(requestId),
        onGreeted: (body) => host.onGreeted(body),
        onIdle: (connection) => this.#onIdle(connection),
        onClosed: (connection, reason, detail) => this.#onClosed(connection, reason, detail),
        onFailed: (reason, detail) => this.#onTrouble(reason, detail),
        onMayRetry: () => this.pump(),
        onDecodeError: (reason) => host.onDecodeError(reason),
      },
    });
  }

  /** On their way, idle and busy. */
  get connections(): number {
    return this.#establisher.pending + this.established;
  }

  get established(): number {
    return this.#established.size;
  }

  /** Sends now if a connection may be had, else waits; the exchange ends at its deadline at the latest. */
  submit(exchange: Exchange): void {
    const isFirst = this.#room.sizeOf(exchange.admission) === 0;
    if (isFirst && this.#idle.length > 0 && mayHold(exchange.admission, this.#counts())) {
      this.#lease(exchange, exchange.submittedMs);
      return;
    }
    if (this.#isStopped) return fail(exchange, 'unreachable');
    if (!this.#room.hasPlaceFor(exchange, this.#parts.maxWaiters)) return fail(exchange, 'queue_full');
    this.#room.enter(exchange);
    this.#establish();
  }

  /** The asker is gone: one that waits leaves at once, and its owner hears nothing. False: it does not wait. */
  cancel(exchange: Exchange): boolean {
    return this.#room.cancel(exchange);
  }

  /** Destroys the connection that this exchange is on, if it still is. */
  abandon(exchange: Exchange): void {
    for (const connection of this.#established) {
      if (connection.current === exchange) connection.destroy('abandoned', 'client gone');
    }
  }

  /** Serves those who wait: a connection came free, the endpoint came up, or a transaction ended. */
  pump(nowMs: number = this.#parts.clock.nowMs()): void {
    while (this.#idle.length > 0) {
      const exchange = this.#room.take(this.#counts());
      if (exchange === null) break;
      this.#lease(exchange, nowMs);
    }
    this.#establish();
  }

  /** CMAP's clear: ends idle connections now and busy ones when they come back. Those that wait go on waiting. */
  clear(reason: PerishReason): void {
    this.#establisher.clear(reason);
    for (const connection of [...this.#idle]) connection.destroy(reason, reason);
  }

  /** Ends every established connection, busy ones included; those on their way may stay. */
  destroyEstablished(reason: PerishReason): void {
    for (const connection of [...this.#established]) connection.destroy(reason, reason);
  }

  /** Ends every connection, busy ones included. */
  destroyAll(reason: PerishReason): void {
    this.clear(reason);
    this.destroyEstablished(reason);
  }

  stop(): void {
    this.#isStopped = true;
    for (const exchange of this.#room.close()) fail(exchange, 'unreachable');
    this.#establisher.stop();
    this.destroyAll('stopped');
  }

  closedFor(reason: PerishReason): number {
    return this.#closed.counts.get(reason) ?? 0;
  }

  #counts(): AdmissionCounts {
    return {
      cap: this.#parts.cap,
      heldByPrivileged: this.#held.privileged,
      heldByOrdinary: this.#held.ordinary,
      openTransactions: this.#parts.openTransactions(),
    };
  }

  #lease(exchange: Exchange, nowMs: number): void {
    const connection = this.#idle.pop();
    if (connection === undefined) throw new Error('lease without an idle connection');
    this.#held[exchange.admission]++;
    connection.lentFor = exchange.admission;
    this.#checkouts++;
    this.#waits.record(nowMs - exchange.submittedMs);
    connection.send(exchange, nowMs);
  }

  #release(connection: UpstreamConnection): void {
    if (connection.lentFor === null) return;
    this.#held[connection.lentFor]--;
    connection.lentFor = null;
  }

  #establish(): void {
    while (this.#shouldConnect()) {
      const address = this.#parts.host.reachableAddress();
      if (address === null) return;
      this.#establisher.start(address);
    }
  }

  #shouldConnect(): boolean {
    // In a busy pool the cap is reached and nothing else need be asked.
    if (this.connections >= this.#parts.cap || this.#isStopped || !this.#establisher.mayStart) return false;
    if (this.#establisher.pending >= this.#room.size) return false;
    // Ordinary work that the reserve holds back does not need a connection, but a turn.
    return this.#room.sizeOf('privileged') > 0 || mayHold('ordinary', this.#counts());
  }

  #onIdle(connection: UpstreamConnection): void {
    this.#established.add(connection);
    this.#release(connection);
    if (this.#establisher.isStale(connection)) return connection.destroy('endpoint_changed', 'stale generation');
    this.#idle.push(connection);
    this.pump(connection.lastReadMs);
  }

  #onClosed(connection: UpstreamConnection, reason: PerishReason, detail: string): void {
    this.#established.delete(connection);
    const idleAt = this.#idle.indexOf(connection);
    if (idleAt >= 0) this.#idle.splice(idleAt, 1);
    this.#release(connection);
    this.#onTrouble(reason, detail);
    this.pump();
  }

  #onTrouble(reason: PerishReason, detail: string): void {
    this.#closed.add(reason);
    if (this.#isStopped) return;
    this.#parts.logger.debug({ lane: this.#parts.lane, reason, detail }, 'upstream connection closed');
    this.#parts.host.onTrouble();
  }

  #onExpired(exchange: Exchange): void {
    exchange.owner.onFailed(exchange, this.#expiryOf(exchange));
  }

  #expiryOf(exchange: Exchange): ExchangeFailure {
    if (exchange.waitBound === 'await') return 'await_turn';
    if (exchange.waitBound === 'max_time') return 'max_time';
    return this.#parts.host.reachableAddress() === null ? 'unreachable' : 'wait_timeout';
  }

  snapshot(): LaneSnapshot {
    return {
      lane: this.#parts.lane,
      maxConnections: this.#parts.cap,
      idle: this.#idle.length,
      busy: this.#established.size - this.#idle.length,
      connecting: this.#establisher.pending,
      waiters: this.#room.size,
      longestWaitMs: this.#room.longestWaitMs(this.#parts.clock.nowMs()),
      checkouts: this.#checkouts,
      waits: this.#waits.histogram(),
      connects: this.#establisher.made,
      closed: Object.fromEntries(this.#closed.counts),
    };
  }
}

function fail(exchange: Exchange, failure: ExchangeFailure): void {
  exchange.state = 'done';
  exchange.owner.onFailed(exchange, failure);
}
