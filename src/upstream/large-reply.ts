// One reply that is passed on while it comes, instead of being collected: what its bytes mean is read on their way.
// It knows no client and writes to no socket. Invariants: its owner gets every byte once, in order, and afterwards, through
// onWhole, what the reply means; once it is over nobody can stop the socket any more.

import { type FrameSink, PassingReply, type ReplyView } from '../../codecs/index.ts';
import type { Clock } from '../core/clock.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { Exchange } from './exchange.ts';

/** Where the bytes of a large reply go; the exchange's owner gives it. Must not throw. */
export interface ReplyDestination {
  /** The next bytes, the destination's own. The first part begins with the header. */
  write(part: Buffer): void;
}

/** The server's side of it, for a destination that cannot keep up. */
export interface ReplySource {
  /** The reply is read no further until resume(). */
  pause(): void;
  resume(): void;
}

export class LargeReply implements FrameSink, ReplySource {
  readonly #exchange: Exchange;
  readonly #socket: Pick<ByteSocket, 'pause' | 'resume'>;
  readonly #clock: Clock;
  readonly #onWhole: (reply: ReplyView) => void;
  readonly #reading: PassingReply = new PassingReply();
  #destination: ReplyDestination | null = null;
  #isPaused = false;
  #pausedMs = 0;
  #isOver = false;

  constructor(parts: {
    exchange: Exchange;
    socket: Pick<ByteSocket, 'pause' | 'resume'>;
    clock: Clock;
    /** The last byte was handed on. */
    onWhole: (reply: ReplyView) => void;
  }) {
    this.#exchange = parts.exchange;
    this.#socket = parts.socket;
    this.#clock = parts.clock;
    this.#onWhole = parts.onWhole;
  }

  /** Asks the owner for a destination. Null: the reply is to be collected. */
  opened(length: number): this | null {
    const { owner } = this.#exchange;
    this.#destination = owner.onLargeReply?.(this.#exchange, length, this) ?? null;
    return this.#destination === null ? null : this;
  }

  /** @throws DecodeError where the reply is malformed; what came before has been handed on. */
  write(part: Buffer): void {
    this.#reading.write(part);
    this.#destination?.write(part);
  }

  end(): void {
    const reply = this.#reading.finish();
    this.resume();
    this.#isOver = true;
    this.#onWhole(reply);
  }

  pause(): void {
    if (this.#isOver || this.#isPaused) return;
    this.#isPaused = true;
    this.#pausedMs = this.#clock.nowMs();
    this.#socket.pause();
  }

  /** The time until here was the client's, not the server's. */
  resume(): void {
    if (this.#isOver || !this.#isPaused) return;
    this.#isPaused = false;
    this.#exchange.heldUpMs += this.#clock.nowMs() - this.#pausedMs;
    this.#socket.resume();
  }
}
