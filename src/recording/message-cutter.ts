// Cuts one direction of a connection into messages for the recorder, from its start or from its middle on.
// It reads no content. Invariants: it keeps copies only, at most MAX_HELD_BYTES of them; a message that is larger, or
// that finds the recorder's common budget used up, is reported by its header alone; it never throws.

import { Frame, HEADER_BYTES, isKnownOpcode, MAX_MESSAGE_BYTES, tellOpening } from '../../codecs/index.ts';

/** Largest message that is recorded with its content, in bytes. */
export const MAX_HELD_BYTES = 2_097_152;

/** Bytes that all cutters of a recording may hold together. */
export interface HeldBudget {
  left: number;
}

export type CutterEnd = 'tls' | 'http' | 'lost_framing';

export interface CutterEvents {
  onMessage(frame: Frame): void;
  /** A message of `length` bytes whose content was let go. */
  onTooLarge(header: Buffer, length: number): void;
  /** Nothing more will come of this direction. */
  onLost(reason: CutterEnd): void;
}

export class MessageCutter {
  readonly #events: CutterEvents;
  readonly #budget: HeldBudget;
  #state: 'seeking' | 'reading' | 'ended';
  #parts: Buffer[] = [];
  #held = 0;
  /** Bytes of the message under way that are still to come; 0 while its header is not whole. */
  #missing = 0;
  /** The header of a message whose content is let go. */
  #header: Buffer | null = null;
  #length = 0;

  /** @param isFresh the next bytes are the connection's first; else it waits for a chunk that begins with a header. */
  constructor(events: CutterEvents, budget: HeldBudget, isFresh: boolean) {
    this.#events = events;
    this.#budget = budget;
    this.#state = isFresh ? 'reading' : 'seeking';
  }

  push(chunk: Buffer): void {
    if (this.#state === 'seeking' && startsWithMessage(chunk)) this.#state = 'reading';
    let at = 0;
    while (this.#state === 'reading' && at < chunk.length) at = this.#take(chunk, at);
  }

  /** Lets everything go. */
  stop(): void {
    this.#state = 'ended';
    this.#release();
  }

  #take(chunk: Buffer, at: number): number {
    if (this.#missing === 0) return this.#takeHeader(chunk, at);
    const used = Math.min(this.#missing, chunk.length - at);
    this.#missing -= used;
    if (this.#header === null) this.#hold(chunk, at, at + used);
    if (this.#missing === 0) this.#deliver();
    return at + used;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const used = Math.min(HEADER_BYTES - this.#held, chunk.length - at);
    this.#hold(chunk, at, at + used);
    if (this.#held < HEADER_BYTES) return at + used;
    const header = Buffer.concat(this.#parts, HEADER_BYTES);
    const reason = lostBy(header);
    if (reason !== null) {
      this.stop();
      this.#events.onLost(reason);
      return at + used;
    }
    this.#length = header.readInt32LE(0);
    this.#missing = this.#length - HEADER_BYTES;
    this.#parts = [header];
    if (this.#length > MAX_HELD_BYTES) this.#letGo();
    if (this.#missing === 0) this.#deliver();
    return at + used;
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    const isHeader = this.#missing === 0 && this.#held < HEADER_BYTES;
    if (!isHeader && end - start > this.#budget.left) {
      this.#letGo();
      return;
    }
    this.#parts.push(Buffer.from(chunk.subarray(start, end)));
    this.#held += end - start;
    this.#budget.left -= end - start;
  }

  #letGo(): void {
    // The first part is the header alone: a view on more would keep what is let go.
    this.#header = this.#parts[0] as Buffer;
    this.#release();
  }

  #release(): void {
    this.#budget.left += this.#held;
    this.#held = 0;
    this.#parts = [];
  }

  #deliver(): void {
    const header = this.#header;
    const parts = this.#parts;
    this.#header = null;
    this.#release();
    if (header === null) this.#events.onMessage(new Frame(this.#length, parts));
    else this.#events.onTooLarge(header, this.#length);
  }
}

function lostBy(header: Buffer): CutterEnd | null {
  if (isHeader(header, 0)) return null;
  const opening = tellOpening(header);
  return opening === 'tls' || opening === 'http' ? opening : 'lost_framing';
}

function isHeader(bytes: Buffer, at: number): boolean {
  const length = bytes.readInt32LE(at);
  return length >= HEADER_BYTES && length <= MAX_MESSAGE_BYTES && isKnownOpcode(bytes.readInt32LE(at + 12));
}

/** A header at the chunk's start, and another one behind its message if the chunk reaches so far. */
function startsWithMessage(chunk: Buffer): boolean {
  if (chunk.length < HEADER_BYTES || !isHeader(chunk, 0)) return false;
  const next = chunk.readInt32LE(0);
  return next + HEADER_BYTES > chunk.length || isHeader(chunk, next);
}
