// Keeps one connection to one member that says hello every 10 s, and tells what it learns: what the server says of itself,
// how far away it is, that it is silent, that it is gone. It judges no answer and carries no operation.
// Invariant: one attempt or one connection at a time; a hello that is not answered in time ends in onSilent.

import { Frame, type ReplyView } from '../../codecs/index.ts';
import type { Clock, Random, Timer } from '../core/clock.ts';
import { Tally } from '../core/tally.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { Connector } from '../net/connector.ts';
import type { HostPort } from '../options.ts';
import { backoffMs } from './backoff.ts';
import { UpstreamConnection } from './connection.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import { encodeFirstHello, encodeHello, helloOnly, type WeirIdentity } from './handshake.ts';
import type { PerishReason } from './perish.ts';
import type { RequestIds } from './request-ids.ts';
import { readServerDescription, type ServerDescription } from './server-description.ts';

/** How often a healthy server is asked, and how long it may take to answer (SDAM's heartbeatFrequencyMS default). */
export const HEARTBEAT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** Trouble in the pool asks for a check at once, but not more often than this (SDAM's minHeartbeatFrequencyMS). */
export const MIN_HEARTBEAT_MS = 500;

export interface MonitorEvents {
  /** The server answered. Called on every answer. */
  onAnswer(server: ServerDescription, rttMs: number): void;
  /** A hello was not answered in time, or nothing has come of any attempt for so long. onDown follows. */
  onSilent(): void;
  onDecodeError(reason: string): void;
  /** The monitor's connection was lost or refused, or its hello was. */
  onDown(reason: string): void;
}

export interface MonitorParts {
  readonly address: HostPort;
  /** Between two hellos; absent: HEARTBEAT_MS. */
  readonly heartbeatMs?: number;
  readonly identity: WeirIdentity;
  readonly connector: Connector;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: MonitorEvents;
}

export class Monitor implements ExchangeOwner {
  readonly #parts: MonitorParts;
  #failures = 0;
  #connection: UpstreamConnection | null = null;
  #attempt: { cancel(): void } | null = null;
  /** The next hello, the next attempt, or the end of patience: never more than one is pending. */
  #timer: Timer | null = null;
  #lastCheckMs = Number.NEGATIVE_INFINITY;
  /** When the trouble began that goes on since; null while answers come. */
  #troubledSinceMs: number | null = null;
  #isHurried = false;
  /** Trouble was reported while a hello was under way: its answer may be older than the trouble. */
  #isCheckDue = false;
  #isStopped = false;
  /** Connections made so far, and why they ended. */
  connects = 0;
  readonly closed: Tally<PerishReason> = new Tally();

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
    if (this.#connection?.state === 'busy') this.#isCheckDue = true;
    if (this.#connection?.state !== 'idle') return;
    const restMs = this.#lastCheckMs + MIN_HEARTBEAT_MS - this.#parts.clock.nowMs();
    if (restMs <= 0) this.#sayHello();
    else this.#rest(restMs);
  }

  /** While nobody takes operations, every member is asked twice a second: one of them may be about to. */
  hurry(isHurried: boolean): void {
    if (isHurried === this.#isHurried) return;
    this.#isHurried = isHurried;
    if (isHurried) this.checkSoon();
  }

  #dial(): void {
    this.#attempt = this.#parts.connector.connect(this.#parts.address, ANSWER_TIMEOUT_MS, {
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
        onGreeted: (_greeted, body) => this.#onGreeted(body),
        onIdle: () => this.#onIdle(),
        onClosed: (_gone, reason, detail) => this.#onClosed(reason, detail),
        onDecodeError: (reason) => this.#parts.events.onDecodeError(reason),
      },
    });
    this.#connection = connection;
    this.#lastCheckMs = clock.nowMs();
    const handshake = helloOnly((requestId) => encodeFirstHello(identity, 'monitor', requestId));
    connection.greet(handshake, ANSWER_TIMEOUT_MS);
  }

  #onGreeted(body: Buffer): void {
    this.connects++;
    this.#onHello(body);
  }

  #onHello(body: Buffer): void {
    const server = readServerDescription(body);
    if (server === null) {
      this.#connection?.destroy('handshake_failed', 'its hello was refused or cannot be read');
      return;
    }
    this.#failures = 0;
    this.#troubledSinceMs = null;
    this.#parts.events.onAnswer(server, this.#parts.clock.nowMs() - this.#lastCheckMs);
  }

  #onIdle(): void {
    const isSoon = this.#isHurried || this.#isCheckDue;
    this.#isCheckDue = false;
    this.#rest(isSoon ? MIN_HEARTBEAT_MS : (this.#parts.heartbeatMs ?? HEARTBEAT_MS));
  }

  #rest(restMs: number): void {
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

  #onClosed(reason: PerishReason, detail: string): void {
    this.#connection = null;
    this.closed.add(reason);
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
    const delayMs = backoffMs(this.#failures++, this.#parts.random());
    this.#timer = this.#parts.clock.setTimer(delayMs, () => this.#dial());
  }
}
