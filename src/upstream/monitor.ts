// Keeps one connection that says hello every 10 s and tells the cluster what it learns: which seed is the writable
// endpoint, that it is up, that it is silent, that it is gone. It carries no operation.
// Invariant: one attempt or one connection at a time; a hello that is not answered in time ends in onSilent.

import { Frame, type ReplyView } from '../../codecs/index.ts';
import type { Clock, Random, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { Connector } from '../net/connector.ts';
import type { HostPort } from '../options.ts';
import { backoffMs } from './backoff.ts';
import { UpstreamConnection } from './connection.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import { encodeFirstHello, encodeHello, type WeirIdentity } from './handshake.ts';
import type { RequestIds } from './request-ids.ts';
import { readServerDescription, type ServerDescription } from './server-description.ts';

/** How often a healthy server is asked, and how long it may take to answer (SDAM's heartbeatFrequencyMS default). */
export const HEARTBEAT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** Trouble in the pool asks for a check at once, but not more often than this (SDAM's minHeartbeatFrequencyMS). */
const MIN_HEARTBEAT_MS = 500;

export interface MonitorEvents {
  /** A usable server answered. Called on every answer. */
  onAnswer(address: HostPort, server: ServerDescription): void;
  /** A hello was not answered in time. */
  onSilent(): void;
  /** The server answered, but is not the writable member that is wanted. onDown follows. */
  onUnusable(): void;
  onDecodeError(reason: string): void;
  /** The monitor's connection was lost or refused, or the server is not usable. */
  onDown(reason: string): void;
}

export interface MonitorParts {
  readonly seeds: readonly HostPort[];
  readonly replicaSet: string | null;
  readonly identity: WeirIdentity;
  readonly connector: Connector;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: MonitorEvents;
}

export class Monitor implements ExchangeOwner {
  readonly #parts: MonitorParts;
  #seedIndex = 0;
  #failures = 0;
  #connection: UpstreamConnection | null = null;
  #attempt: { cancel(): void } | null = null;
  /** The next hello, the next attempt, or the end of patience: never more than one is pending. */
  #timer: Timer | null = null;
  #lastCheckMs = Number.NEGATIVE_INFINITY;
  /** When the trouble began that goes on since; null while answers come. */
  #troubledSinceMs: number | null = null;
  /** The seed was usable when it last answered: it is tried again before the others. */
  #isSeedGood = false;
  #isStopped = false;

  constructor(parts: MonitorParts) {
    this.#parts = parts;
  }

  get connections(): number {
    return this.#connection === null ? 0 : 1;
  }

  start(): void {
    this.#dial();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#attempt?.cancel();
    this.#connection?.destroy('stopped', 'stopped');
  }

  /** Something went wrong elsewhere: ask now instead of at the next heartbeat. */
  checkSoon(): void {
    if (this.#connection?.state !== 'idle') return;
    const restMs = this.#lastCheckMs + MIN_HEARTBEAT_MS - this.#parts.clock.nowMs();
    if (restMs <= 0) this.#sayHello();
    else this.#rest(restMs);
  }

  get #seed(): HostPort {
    const seed = this.#parts.seeds[this.#seedIndex % this.#parts.seeds.length];
    if (seed === undefined) throw new Error('a cluster needs a seed');
    return seed;
  }

  #dial(): void {
    this.#attempt = this.#parts.connector.connect(this.#seed, ANSWER_TIMEOUT_MS, {
      onConnected: (socket) => {
        this.#attempt = null;
        this.#greet(socket);
      },
      onFailed: (reason) => {
        this.#attempt = null;
        if (reason === 'connect_timeout') this.#parts.events.onSilent();
        this.#onLost(reason);
      },
    });
  }

  #greet(socket: ByteSocket): void {
    const { ids, clock, identity } = this.#parts;
    const connection = new UpstreamConnection({
      id: 0,
      generation: 0,
      socket,
      ids,
      clock,
      events: {
        onGreeted: (_greeted, body) => this.#onHello(body),
        onIdle: () => this.#rest(),
        onClosed: (_gone, reason, detail) => this.#onClosed(reason, detail),
        onDecodeError: (reason) => this.#parts.events.onDecodeError(reason),
      },
    });
    this.#connection = connection;
    this.#lastCheckMs = clock.nowMs();
    connection.greet((requestId) => encodeFirstHello(identity, 'monitor', requestId), ANSWER_TIMEOUT_MS);
  }

  #onHello(body: Buffer): void {
    const server = readServerDescription(body);
    const problem = server === null ? 'hello was refused' : this.#problemOf(server);
    if (server === null || problem !== null) {
      this.#isSeedGood = false;
      this.#parts.events.onUnusable();
      this.#connection?.destroy('endpoint_changed', problem ?? '');
      return;
    }
    this.#failures = 0;
    this.#troubledSinceMs = null;
    this.#isSeedGood = true;
    this.#parts.events.onAnswer(this.#seed, server);
  }

  /** Why this server cannot be the endpoint, or null. */
  #problemOf(server: ServerDescription): string | null {
    const { replicaSet } = this.#parts;
    if (replicaSet !== null && server.setName !== replicaSet) {
      return `it belongs to replica set ${server.setName ?? '(none)'}, not ${replicaSet}`;
    }
    return server.isWritable ? null : 'it does not accept writes';
  }

  #rest(restMs: number = HEARTBEAT_MS): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.setTimer(restMs, () => this.#sayHello());
  }

  #sayHello(): void {
    const { clock } = this.#parts;
    const nowMs = clock.nowMs();
    const connection = this.#connection;
    if (connection === null) return;
    this.#lastCheckMs = nowMs;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(ANSWER_TIMEOUT_MS, () => connection.destroy('endpoint_silent', 'hello not answered'));
    connection.send(
      new Exchange({
        owner: this,
        frame: Frame.of(encodeHello(0)),
        admission: 'ordinary',
        fence: null,
        waitBound: 'queue',
        nowMs,
        maxWaitMs: ANSWER_TIMEOUT_MS,
      }),
      nowMs,
    );
  }

  onReply(_exchange: Exchange, reply: ReplyView): void {
    this.#onHello(reply.body);
  }

  /** The connection's end is told by onClosed. */
  onFailed(): void {}

  #onClosed(reason: string, detail: string): void {
    this.#connection = null;
    this.#timer?.cancel();
    if (this.#isStopped) return;
    if (reason === 'endpoint_silent') this.#parts.events.onSilent();
    this.#onLost(detail);
  }

  #onLost(reason: string): void {
    if (this.#isStopped) return;
    const nowMs = this.#parts.clock.nowMs();
    this.#troubledSinceMs ??= nowMs;
    // Refused, unreachable or lost for so long is as good as silent, however it fails.
    if (nowMs - this.#troubledSinceMs >= ANSWER_TIMEOUT_MS) this.#parts.events.onSilent();
    this.#parts.events.onDown(reason);
    if (!this.#isSeedGood) this.#seedIndex++;
    this.#isSeedGood = false;
    const delayMs = backoffMs(this.#failures++, this.#parts.random());
    this.#timer = this.#parts.clock.setTimer(delayMs, () => this.#dial());
  }
}
