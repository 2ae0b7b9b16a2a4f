// Makes new connections of one lane: dial, handshake, back off after a failure. It does not know who waits for them.
// Invariants: never more than `maxConnecting` at once; one retry timer at most, so a dead server is never stormed.

import type { Clock, Random, Timer } from '../core/clock.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { Connector } from '../net/connector.ts';
import type { HostPort } from '../options.ts';
import { backoffMs, loginBackoffMs } from './backoff.ts';
import type { CompressionRequest } from './compression.ts';
import { UpstreamConnection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import type { Handshake } from './handshake.ts';
import { isHarmless, type PerishReason } from './perish.ts';
import type { RequestIds } from './request-ids.ts';

export interface EstablisherEvents {
  /** For one new connection. */
  makeHandshake(): Handshake;
  /** The answer to its hello; false refuses the connection before anybody logs in. */
  onGreeted(helloBody: Buffer): boolean;
  /** See UpstreamConnectionEvents. */
  onAnswered?(exchange: Exchange): void;
  onProgress?(connection: UpstreamConnection): void;
  /** A connection is established or has become free; it is clean. */
  onIdle(connection: UpstreamConnection): void;
  /** A connection that was handed out by onIdle is gone. */
  onClosed(connection: UpstreamConnection, reason: PerishReason, detail: string): void;
  /** One could not be made. */
  onFailed(reason: PerishReason, detail: string): void;
  /** The pause after a failure is over. */
  onMayRetry(): void;
  onDecodeError(reason: string): void;
}

export interface EstablisherParts {
  readonly maxConnecting: number;
  readonly connectTimeoutMs: number;
  readonly connector: Connector;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly compression?: CompressionRequest;
  /** Larger replies are passed on as they come; absent: none. */
  readonly replyBufferBytes?: number;
  readonly events: EstablisherEvents;
}

export class Establisher {
  /** Connections established so far. */
  made = 0;
  /** Bumped to make all older connections stale (CMAP's generation). */
  #generation = 0;
  readonly #parts: EstablisherParts;
  readonly #dialling: Set<{ cancel(): void }> = new Set();
  readonly #greeting: Set<UpstreamConnection> = new Set();
  /** Greeted, but not one exchange was answered yet: a server that hangs up on them is not to be stormed. */
  readonly #unproven: Set<UpstreamConnection> = new Set();
  #lastId = 0;
  #failures = 0;
  #isLoginDoubtful = false;
  #isStopped = false;
  #retryTimer: Timer | null = null;

  constructor(parts: EstablisherParts) {
    this.#parts = parts;
  }

  /** Connections on their way. */
  get pending(): number {
    return this.#dialling.size + this.#greeting.size;
  }

  get mayStart(): boolean {
    // A server that refused weir's user is asked by one connection at a time.
    return this.#retryTimer === null && this.pending < (this.#isLoginDoubtful ? 1 : this.#parts.maxConnecting);
  }

  isStale(connection: UpstreamConnection): boolean {
    return connection.generation !== this.#generation;
  }

  start(address: HostPort): void {
    const attempt = this.#parts.connector.connect(address, this.#parts.connectTimeoutMs, {
      onConnected: (socket) => {
        this.#dialling.delete(attempt);
        this.#greet(socket);
      },
      onFailed: (reason) => {
        this.#dialling.delete(attempt);
        this.#fail('connect_failed', reason);
      },
    });
    this.#dialling.add(attempt);
  }

  /** Gives up those on their way and makes all that were made before stale. */
  clear(reason: PerishReason): void {
    this.#generation++;
    for (const attempt of this.#dialling) attempt.cancel();
    this.#dialling.clear();
    const greeting = [...this.#greeting];
    this.#greeting.clear();
    for (const connection of greeting) connection.destroy(reason, reason);
  }

  stop(): void {
    this.#isStopped = true;
    this.#retryTimer?.cancel();
    this.clear('stopped');
  }

  #greet(socket: ByteSocket): void {
    const { clock, ids, events, compression, replyBufferBytes } = this.#parts;
    const connection = new UpstreamConnection({
      id: ++this.#lastId,
      generation: this.#generation,
      socket,
      ids,
      clock,
      ...(compression === undefined ? {} : { compression }),
      ...(replyBufferBytes === undefined ? {} : { replyBufferBytes }),
      events: {
        onGreeted: (greeted, body) => this.#onGreeted(greeted, body),
        ...(events.onAnswered === undefined ? {} : { onAnswered: (exchange) => events.onAnswered?.(exchange) }),
        onProgress: (connection) => events.onProgress?.(connection),
        onIdle: (idle) => this.#onIdle(idle),
        onClosed: (gone, reason, detail) => this.#onClosed(gone, reason, detail),
        onDecodeError: (reason) => events.onDecodeError(reason),
      },
    });
    this.#greeting.add(connection);
    connection.greet(events.makeHandshake(), this.#parts.connectTimeoutMs);
  }

  #onGreeted(connection: UpstreamConnection, body: Buffer): void {
    if (!this.#parts.events.onGreeted(body)) {
      connection.destroy('handshake_failed', 'not the server that was expected');
    }
  }

  #onIdle(connection: UpstreamConnection): void {
    if (this.#greeting.delete(connection)) {
      this.made++;
      this.#isLoginDoubtful = false;
      this.#unproven.add(connection);
    } else if (this.#unproven.delete(connection)) this.#failures = 0;
    this.#parts.events.onIdle(connection);
  }

  #onClosed(connection: UpstreamConnection, reason: PerishReason, detail: string): void {
    if (this.#greeting.delete(connection)) {
      this.#fail(reason, detail);
      return;
    }
    // The first such death may be chance and costs no pause; the next ones do.
    if (this.#unproven.delete(connection) && !isHarmless(reason)) this.#pause(this.#failures++);
    this.#parts.events.onClosed(connection, reason, detail);
  }

  #fail(reason: PerishReason, detail: string): void {
    if (reason === 'login_failed') this.#isLoginDoubtful = true;
    this.#pause(++this.#failures);
    this.#parts.events.onFailed(reason, detail);
  }

  #backoffMs(failures: number): number {
    const { random } = this.#parts;
    return this.#isLoginDoubtful ? loginBackoffMs(failures, random()) : backoffMs(failures, random());
  }

  #pause(failures: number): void {
    if (failures === 0 || this.#isStopped) return;
    this.#retryTimer ??= this.#parts.clock.setTimer(this.#backoffMs(failures), () => {
      this.#retryTimer = null;
      this.#parts.events.onMayRetry();
    });
  }
}
