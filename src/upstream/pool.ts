// One lane of connections to one endpoint: lends them out, takes them back, destroys them with a reason.
// Who goes first is admission.ts, who waits is waiting-room.ts, who may share is sharing.ts, how long idle ones live is
// upkeep.ts, new ones come from establisher.ts, and whether the server is there is the monitor's word. Invariants:
// connections on their way, idle and busy together never exceed the cap; an exchange is on one connection at most; every
// submitted exchange ends exactly once.

import type { Timer } from '../core/clock.ts';
import { Tally } from '../core/tally.ts';
import { LatencySketch } from '../stats/latency-sketch.ts';
import { type AdmissionCounts, mayHold } from './admission.ts';
import type { UpstreamConnection } from './connection.ts';
import { Establisher } from './establisher.ts';
import { type EndpointKey, type Exchange, refuse } from './exchange.ts';
import { isHarmless, type PerishReason } from './perish.ts';
import type { LaneSnapshot, PoolParts } from './pool-parts.ts';
import { Sharing } from './sharing.ts';
import { Stock } from './stock.ts';
import { isPongOverdue, pingExchange, UPKEEP_MS, Upkeep } from './upkeep.ts';
import { expiryOf, WaitingRoom } from './waiting-room.ts';

export class Pool {
  readonly #parts: PoolParts;
  readonly #room: WaitingRoom;
  readonly #establisher: Establisher;
  readonly #stock: Stock = new Stock();
  readonly #closed: Tally<PerishReason> = new Tally();
  /** From submit to lease, of those that got a connection. */
  readonly #waits: LatencySketch = new LatencySketch();
  readonly #sharing: Sharing;
  readonly #upkeep: Upkeep;
  readonly #endpoint: EndpointKey;
  /** Filled anew whenever it is asked for: that is twice an operation. */
  readonly #admission: { -readonly [Key in keyof AdmissionCounts]: AdmissionCounts[Key] };
  #upkeepTimer: Timer | null = null;
  #checkouts = 0;
  /** Why busy connections of an older generation end when they come back. */
  #staleReason: PerishReason = 'recycled';
  #isPaused = false;
  #isStopped = false;

  constructor(parts: PoolParts) {
    const { host, clock } = parts;
    this.#parts = parts;
    this.#endpoint = parts.endpoint ?? '';
    this.#admission = { cap: parts.cap, heldByPrivileged: 0, heldByOrdinary: 0, openTransactions: 0 };
    this.#sharing = new Sharing(parts.pipelining === 'adaptive');
    this.#upkeep = new Upkeep(parts.upkeep ?? {}, parts.random);
    this.#room = new WaitingRoom(clock, (exchange) => this.#onExpired(exchange), parts.weights);
    this.#establisher = new Establisher({
      ...parts,
      events: {
        makeHandshake: () => host.makeHandshake(),
        onGreeted: (body) => host.onGreeted(body),
        onAnswered: (exchange) => this.#sharing.note(exchange),
        onProgress: (connection) => this.#onProgress(connection),
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
    return this.#stock.size;
  }

  /** Exchanges that are being served or wait: how busy the endpoint is, to choose by. */
  get load(): number {
    return this.#stock.busyCount + this.#room.size;
  }

  /**
   * Sends now if a connection may be had, else waits; the exchange ends at its deadline at the latest.
   * `nowMs`: later than when it was submitted, if it has waited elsewhere.
   */
  submit(exchange: Exchange, nowMs: number = exchange.submittedMs): void {
    const isFirst = this.#room.sizeOf(exchange.admission) === 0 && !this.#isPaused;
    if (isFirst && this.#stock.idleCount > 0 && mayHold(exchange.admission, this.#counts())) {
      this.#lease(exchange, nowMs);
      return;
    }
    if (isFirst && exchange.isShort && this.#room.size === 0 && this.#join(exchange, nowMs)) return;
    if (this.#isStopped) return refuse(exchange, 'unreachable');
    if (!this.#room.hasPlaceFor(exchange, this.#parts.maxWaiters)) return refuse(exchange, 'queue_full');
    this.#room.enter(exchange);
    this.#establish();
  }

  /** The asker is gone: one that waits leaves at once, and its owner hears nothing. False: it does not wait. */
  cancel(exchange: Exchange): boolean {
    return this.#room.cancel(exchange);
  }

  /** Destroys the connection that this exchange is on, if its reply is the next one due there. */
  abandon(exchange: Exchange): void {
    this.connectionOf(exchange)?.destroy('abandoned', 'client gone');
  }

  /** The connection whose next reply is this exchange's; null if there is none. */
  connectionOf(exchange: Exchange): UpstreamConnection | null {
    return this.#stock.all().find(({ current }) => current === exchange) ?? null;
  }

  /** From here on no operation is sent that was not sent before; who waits keeps its deadline. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.pump();
  }

  /** Replaces all connections without harm: idle ones end now, busy ones after their exchanges. */
  recycle(): void {
    this.clear('recycled');
    this.#establish();
  }

  /** Takes out all who may be served elsewhere as well, still waiting, to be submitted there. */
  evict(): Exchange[] {
    return this.#room.evict();
  }

  /** Serves those who wait: a connection came free, the endpoint came up, or a transaction ended. */
  pump(nowMs: number = this.#parts.clock.nowMs()): void {
    if (this.#isPaused) return;
    while (this.#stock.idleCount > 0 && this.#room.size > 0) {
      const exchange = this.#room.take(this.#counts());
      if (exchange === null) break;
      this.#lease(exchange, nowMs);
    }
    this.#joinWaiting(nowMs);
    this.#establish();
  }

  #joinWaiting(nowMs: number): void {
    while (this.#sharing.isOn && this.#room.isNextShort && this.#mayShare) {
      const connection = this.#sharing.pick(nowMs);
      const exchange = connection === null ? null : this.#room.takeShort();
      if (connection === null || exchange === null) return;
      this.#send(connection, exchange, nowMs);
    }
  }

  /** Writes a short exchange behind others that are; false: there is no place for it. */
  #join(exchange: Exchange, nowMs: number): boolean {
    if (!this.#sharing.isOn || !this.#mayShare) return false;
    const connection = this.#sharing.pick(nowMs);
    if (connection === null) return false;
    this.#send(connection, exchange, nowMs);
    return true;
  }

  /** As long as a connection of its own may be had, nobody comes behind another. */
  get #mayShare(): boolean {
    return this.connections >= this.#parts.cap || !this.#establisher.mayStart;
  }

  /** CMAP's clear: ends idle connections now and busy ones when they come back. Those that wait go on waiting. */
  clear(reason: PerishReason): void {
    this.#staleReason = reason;
    this.#sharing.closeAll();
    this.#establisher.clear(reason);
    this.dropIdle(reason);
  }

  dropIdle(reason: PerishReason): void {
    for (const connection of this.#stock.idle()) connection.destroy(reason, reason);
  }

  /** Ends every established connection, busy ones included; those on their way may stay. */
  destroyEstablished(reason: PerishReason): void {
    for (const connection of this.#stock.all()) connection.destroy(reason, reason);
  }

  /** Ends every connection, busy ones included. */
  destroyAll(reason: PerishReason): void {
    this.clear(reason);
    this.destroyEstablished(reason);
  }

  /** What they wait for is out of reach. */
  refuseWaiting(): void {
    for (const exchange of this.#room.close()) refuse(exchange, 'unreachable');
  }

  stop(): void {
    this.#isStopped = true;
    this.#upkeepTimer?.cancel();
    this.refuseWaiting();
    this.#establisher.stop();
    this.destroyAll('stopped');
  }

  closedFor(reason: PerishReason): number {
    return this.#closed.counts.get(reason) ?? 0;
  }

  #counts(): AdmissionCounts {
    const counts = this.#admission;
    counts.heldByPrivileged = this.#stock.heldByPrivileged;
    counts.heldByOrdinary = this.#stock.heldByOrdinary;
    counts.openTransactions = this.#parts.openTransactions();
    return counts;
  }

  #lease(exchange: Exchange, nowMs: number): void {
    const connection = this.#stock.lend(exchange.admission);
    if (connection === undefined) throw new Error('lease without an idle connection');
    connection.idleSinceMs = 0;
    this.#sharing.open(connection, exchange);
    this.#send(connection, exchange, nowMs);
  }

  #send(connection: UpstreamConnection, exchange: Exchange, nowMs: number): void {
    this.#checkouts++;
    this.#waits.record(nowMs - exchange.submittedMs);
    exchange.endpoint = this.#endpoint;
    if (nowMs > exchange.submittedMs) exchange.owner.onLease?.(exchange, nowMs);
    // The last read may be older than the exchange, where a reply was inflated meanwhile.
    connection.send(exchange, Math.max(nowMs, exchange.submittedMs));
  }

  #release(connection: UpstreamConnection): void {
    this.#sharing.close(connection);
    this.#stock.release(connection);
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
    const isWanted = this.#parts.host.expectsWork?.() ?? true;
    if (isWanted && this.connections < this.#upkeep.minConnections) return true;
    if (this.#establisher.pending >= this.#room.size) return false;
    // Ordinary work that the reserve holds back does not need a connection, but a turn.
    return this.#room.sizeOf('privileged') > 0 || mayHold('ordinary', this.#counts());
  }

  #onIdle(connection: UpstreamConnection): void {
    if (this.#stock.add(connection)) this.#adopt(connection);
    this.#release(connection);
    if (this.#establisher.isStale(connection)) return connection.destroy(this.#staleReason, 'stale generation');
    if (connection.lastReadMs >= connection.expiresMs) return connection.destroy('life_time', 'too old');
    // A ping is no use: it leaves the time as it was.
    connection.idleSinceMs ||= connection.lastReadMs;
    this.#stock.shelve(connection);
    this.pump(connection.lastReadMs);
  }

  #adopt(connection: UpstreamConnection): void {
    connection.expiresMs = this.#upkeep.expiryOf(connection.lastReadMs);
    this.#upkeepTimer ??= this.#parts.clock.setTimer(UPKEEP_MS, () => this.#maintain());
  }

  #onProgress(connection: UpstreamConnection): void {
    if (!this.#isPaused && this.#room.isNextShort) this.#joinWaiting(connection.lastReadMs);
  }

  /** Looks after idle connections: some are too old, some are asked whether they live. */
  #maintain(): void {
    const nowMs = this.#parts.clock.nowMs();
    this.#upkeepTimer = null;
    for (const connection of this.#stock.idle()) this.#lookAfter(connection, nowMs);
    for (const connection of this.#stock.all()) {
      if (isPongOverdue(connection.current, nowMs)) connection.destroy('no_pong', 'idle, and silent when asked');
    }
    this.pump();
    if (this.#stock.size > 0) {
      this.#upkeepTimer ??= this.#parts.clock.setTimer(UPKEEP_MS, () => this.#maintain());
    }
  }

  #lookAfter(connection: UpstreamConnection, nowMs: number): void {
    const verdict = this.#upkeep.judge(connection, this.connections, nowMs);
    if (verdict === 'keep') return;
    if (verdict !== 'ping') return connection.destroy(verdict, verdict);
    this.#stock.lend('ordinary', connection)?.send(pingExchange(nowMs), nowMs);
  }

  #onClosed(connection: UpstreamConnection, reason: PerishReason, detail: string): void {
    this.#sharing.close(connection);
    this.#stock.remove(connection);
    this.#onTrouble(reason, detail);
    this.pump();
  }

  #onTrouble(reason: PerishReason, detail: string): void {
    this.#closed.add(reason);
    if (this.#isStopped) return;
    this.#parts.logger.debug({ lane: this.#parts.lane, reason, detail }, 'upstream connection closed');
    if (isHarmless(reason)) return;
    this.#sharing.control.trouble();
    this.#parts.host.onTrouble();
  }

  #onExpired(exchange: Exchange): void {
    const isReachable = this.#parts.host.reachableAddress() !== null;
    exchange.owner.onFailed(exchange, expiryOf(exchange, isReachable ? 'wait_timeout' : 'unreachable'));
  }

  snapshot(): LaneSnapshot {
    return {
      lane: this.#parts.lane,
      maxConnections: this.#parts.cap,
      idle: this.#stock.idleCount,
      busy: this.#stock.busyCount,
      connecting: this.#establisher.pending,
      waiters: this.#room.size,
      longestWaitMs: this.#room.longestWaitMs(this.#parts.clock.nowMs()),
      isPaused: this.#isPaused,
      depth: this.#sharing.control.depth,
      inFlight: this.#stock.inFlight,
      pipelined: this.#sharing.joined,
      pipelineRefusals: Object.fromEntries(this.#sharing.refused.counts),
      pipelineCollapses: this.#sharing.control.collapses,
      behindMs: this.#sharing.behindMs,
      checkouts: this.#checkouts,
      waits: this.#waits.histogram(),
      connects: this.#establisher.made,
      closed: Object.fromEntries(this.#closed.counts),
    };
  }
}
