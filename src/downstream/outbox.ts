// What one client was answered and has not taken yet. Its socket gets it in small portions, so that it shows whether the
// client takes any. It makes no answers. Invariants: bytes leave in their order; all that waits is in the byte budget, from
// 16 KiB on; a client that takes nothing for as long as patience lasts is given up.

import { type ByteBudget, CHARGED_FROM_BYTES } from '../core/byte-budget.ts';
import type { Clock } from '../core/clock.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import { type Movement, StallWatch, type Watched } from './stall-watch.ts';

/** What a client may leave unread before it is slow: then its next request is not begun, and it is watched. */
export const SLOW_READER_BYTES = 1_048_576;
/** The socket has no more than this at once, and gets it in pieces of so much. */
const PORTION_BYTES = 262_144;
const PIECE_BYTES = 65_536;
/** Smaller chunks than this are joined with their neighbours while they wait. */
const SMALL_BYTES = 2048;

export interface OutboxParts {
  readonly socket: ByteSocket;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  /** How long a slow client may take nothing. */
  readonly patienceMs: number;
  /** It took nothing for so long, or took its time while there was no memory left. */
  readonly onSlowReader: () => void;
}

export class Outbox implements Watched {
  readonly patienceMs: number;
  /** Told when much of what waited has left; set by who fills it. */
  onRelief: (() => void) | null = null;
  readonly #parts: OutboxParts;
  readonly #socket: ByteSocket;
  readonly #budget: ByteBudget;
  readonly #watch: StallWatch;
  #backlog: Buffer[] = [];
  #backlogBytes = 0;
  #charged = 0;
  /** Since when it has been slow without a break. */
  #slowSinceMs = 0;
  /** For the watch: what it saw last, and whether anything went to the socket since. */
  #lastUnwritten = 0;
  #hasTaken = false;
  #takenMs: number = Number.NEGATIVE_INFINITY;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#socket = parts.socket;
    this.#budget = parts.budget;
    this.patienceMs = parts.patienceMs;
    this.#watch = new StallWatch(parts.clock, parts.patienceMs, this);
  }

  /** What the client has not taken, here and in its socket. */
  get bytes(): number {
    return this.#backlogBytes + this.#socket.unwrittenBytes;
  }

  get isSlow(): boolean {
    const { bytes } = this;
    if (bytes >= CHARGED_FROM_BYTES || this.#charged > 0) this.#account(bytes);
    return bytes > SLOW_READER_BYTES;
  }

  /** Whether the client took a portion so lately that it cannot be called stalled. */
  get hasMovedLately(): boolean {
    return this.#parts.clock.nowMs() - this.#takenMs < this.patienceMs;
  }

  /** The chunk is the outbox's own from here on. */
  write(chunk: Buffer): void {
    if (chunk.length < CHARGED_FROM_BYTES && this.#backlogBytes === 0) this.#socket.write(chunk);
    else this.add(chunk);
  }

  /** The same for one of many chunks of a large answer. */
  add(chunk: Buffer): void {
    if (this.#socket.isClosed) return;
    const last = this.#backlog.at(-1);
    if (last !== undefined && last.length < SMALL_BYTES && chunk.length < SMALL_BYTES) {
      this.#backlog[this.#backlog.length - 1] = Buffer.concat([last, chunk]);
    } else this.#backlog.push(chunk);
    this.#backlogBytes += chunk.length;
    this.#pump(PORTION_BYTES);
  }

  /** The socket has room again. */
  onDrain(): void {
    if (this.#backlogBytes === 0 && this.#charged === 0) return;
    this.#hasTaken = true;
    this.#takenMs = this.#parts.clock.nowMs();
    this.#pump(PORTION_BYTES);
    if (this.onRelief !== null && this.bytes < SLOW_READER_BYTES / 2) this.onRelief();
  }

  /** Nothing comes any more: the socket gets all that is left, to send it and close. */
  finish(): void {
    this.onRelief = null;
    this.#pump(Number.POSITIVE_INFINITY);
  }

  /** The socket is gone. */
  drop(): void {
    this.onRelief = null;
    this.#backlog = [];
    this.#backlogBytes = 0;
    this.#account(0);
  }

  #pump(limit: number): void {
    let room = this.#backlogBytes > 0 ? limit - this.#socket.unwrittenBytes : 0;
    while (room > 0 && this.#backlogBytes > 0) {
      const chunk = this.#backlog[0] as Buffer;
      const piece = chunk.length > PIECE_BYTES ? chunk.subarray(0, PIECE_BYTES) : chunk;
      if (piece === chunk) this.#backlog.shift();
      else this.#backlog[0] = chunk.subarray(PIECE_BYTES);
      this.#backlogBytes -= piece.length;
      room -= piece.length;
      this.#socket.write(piece);
    }
    this.#account(this.bytes);
  }

  #account(bytes: number): void {
    const charge = bytes >= CHARGED_FROM_BYTES ? bytes : 0;
    const more = charge - this.#charged;
    this.#charged = charge;
    if (bytes > SLOW_READER_BYTES) this.#beginWatch();
    else this.#watch.stop();
    if (more !== 0) this.#budget.add(more);
  }

  #beginWatch(): void {
    if (this.#watch.isRunning) return;
    this.#slowSinceMs = this.#parts.clock.nowMs();
    this.#watch.start();
  }

  // --- for the watch ----------------------------------------------------------------------------------------------

  /** While memory is short, taking one's time is no better than taking nothing. */
  look(): Movement {
    const unwritten = this.#socket.unwrittenBytes;
    const hasMoved = this.#hasTaken || unwritten < this.#lastUnwritten;
    this.#hasTaken = false;
    this.#lastUnwritten = unwritten;
    const slowMs = this.#parts.clock.nowMs() - this.#slowSinceMs;
    if (slowMs >= this.patienceMs && this.#budget.isSpent) return 'hopeless';
    return hasMoved ? 'moved' : 'still';
  }

  onStalled(): void {
    this.#parts.onSlowReader();
  }
}
