// Cuts one direction of passing traffic into messages, for a reader that may not hold, delay or change it.
// Does not read what messages mean. Small ones are handed over whole, large ones condensed while they stream by.
// Invariants: holds at most one small (or compressed) message or one condenser, whatever the bytes are; what a compressed
// one above 4 MB takes from the common budget comes back on every way out.

import { readInt32 } from './bytes.ts';
import { scanCompressed } from './compressed.ts';
import type { SkimmedCounts } from './condensed-counts.ts';
import { Condenser } from './condenser.ts';
import { DecodeError, type DecodeReason } from './errors.ts';
import { Frame } from './frame.ts';
import { HeaderSearch } from './header-search.ts';
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from './limits.ts';
import { isKnownOpcode, OPCODE } from './opcode.ts';
import { tellOpening } from './opening.ts';

/** Messages up to this are held (when they come in pieces) and handed over as they are; larger ones are condensed. */
export const SKIM_WHOLE_BYTES = 65_536;
/** Compressed messages up to this are collected to be inflated; larger ones as far as the common budget reaches. */
export const SKIM_COMPRESSED_BYTES = 4_194_304;

const OPCODE_AT = 12;
/** A compressed message names the opcode that it wraps right behind its header. */
const ORIGINAL_OPCODE_AT: number = HEADER_BYTES;

export type SkimSide = 'client' | 'server';

/** Why a message passed unread: its bytes, or its size where the common budget had no room for it. */
export type UnreadReason = DecodeReason | 'too_large_to_read';

/** Why nothing more can be read of a direction. */
export type SkimEnd = 'lost_framing' | 'tls' | 'http';

/** A message of which only the header was read. For a compressed one `opcode` is the original one's. */
export interface UnreadMessage {
  readonly opcode: number;
  readonly requestId: number;
  readonly responseTo: number;
  readonly wireBytes: number;
  readonly reason: UnreadReason;
}

/** Told during push(), in the order of the stream. */
export interface SkimmerSink {
  /**
   * One message; without `counts` it may, up to SKIM_WHOLE_BYTES, share the pushed chunk and is then not to be kept. With
   * `counts` it is the small stand-in of a large one: same ids, opcode and `wireBytes`, no checksum, large values empty.
   */
  onMessage(frame: Frame, counts: SkimmedCounts | null): void;
  onUnread(message: UnreadMessage): void;
  /** The search after a gap found a message; `skippedBytes` were passed over. */
  onResync(skippedBytes: number): void;
  /** Nothing more will be told. */
  onEnd(reason: SkimEnd): void;
}

/** Bytes that all who share it may hold together, in compressed messages above SKIM_COMPRESSED_BYTES. */
export interface SkimBudget {
  /** False: there is no room, and nothing was taken. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

/** For readers of one conversation: a message has its own limit. */
const NO_LIMIT: SkimBudget = { take: () => true, giveBack: () => undefined };

/** Skipping and searching are here too: what a push does with its next byte. */
type Mode = 'header' | 'collect' | 'condense' | 'skip' | 'search' | 'ended';

/** One per direction of a connection. */
export class Skimmer {
  readonly #sink: SkimmerSink;
  readonly #side: SkimSide;
  #mode: Mode = 'header';
  /** Bytes of the message under way that are still to come. */
  #left = 0;
  /** The start of the message under way, in modes header and collect. */
  #held: Buffer | null = null;
  #filled = 0;
  readonly #budget: SkimBudget;
  /** Bytes taken from the budget. */
  #taken = 0;
  #condenser: Condenser | null = null;
  #unread: UnreadMessage | null = null;
  #search: HeaderSearch | null = null;
  /** Nothing was read yet: a client may speak another protocol. */
  #isFirst: boolean;

  constructor(side: SkimSide, sink: SkimmerSink, budget: SkimBudget = NO_LIMIT) {
    this.#budget = budget;
    this.#isFirst = side === 'client';
    this.#side = side;
    this.#sink = sink;
  }

  /** Memory that the message under way costs, in bytes. */
  get heldBytes(): number {
    return (this.#held?.length ?? 0) + (this.#condenser?.heldBytes ?? 0) + (this.#search?.heldBytes ?? 0);
  }

  /** Whether the next byte starts a message (or nothing is read any more). */
  get isBetweenMessages(): boolean {
    return this.#mode === 'ended' || (this.#mode === 'header' && this.#filled === 0);
  }

  /** Reads nothing more. */
  stop(): void {
    this.#drop();
    this.#mode = 'ended';
  }

  /** Bytes are missing here: what is under way is given up, the next plausible header is searched. */
  gap(): void {
    if (this.#mode === 'ended') {
      return;
    }
    this.#reportUnread();
    this.#drop();
    this.#search ??= new HeaderSearch(this.#side);
    this.#search.restart();
    this.#mode = 'search';
  }

  /** The next bytes of the direction. Throws only what the sink throws. */
  push(chunk: Buffer): void {
    let at = 0;
    let bytes = chunk;
    while (at < bytes.length) {
      switch (this.#mode) {
        case 'header':
          at = this.#header(bytes, at);
          break;
        case 'collect':
          at = this.#collect(bytes, at);
          break;
        case 'condense':
          at = this.#condense(bytes, at);
          break;
        case 'skip':
          at = this.#skip(bytes, at);
          break;
        case 'search': {
          const found = (this.#search as HeaderSearch).find(bytes, at);
          if (found === null) {
            return;
          }
          bytes = found.bytes;
          at = found.at;
          this.#mode = 'header';
          this.#isFirst = false;
          this.#sink.onResync(found.skippedBytes);
          break;
        }
        case 'ended':
          return;
      }
    }
  }

  /** A message starts or its header goes on. The common case, a whole message in the chunk, ends here. */
  #header(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    if (this.#filled > 0 || available < HEADER_BYTES) {
      return this.#headerInPieces(bytes, at);
    }
    const length = readInt32(bytes, at);
    const isOrdinary = length <= SKIM_WHOLE_BYTES && isKnownOpcode(readInt32(bytes, at + OPCODE_AT)) && !this.#isFirst;
    if (isOrdinary && length >= HEADER_BYTES && length <= available) {
      const whole = length === bytes.length ? bytes : bytes.subarray(at, at + length);
      this.#sink.onMessage(new Frame(length, [whole]), null);
      return at + length;
    }
    return this.#begin(bytes, at) ? at + HEADER_BYTES : bytes.length;
  }

  #headerInPieces(bytes: Buffer, at: number): number {
    this.#held ??= Buffer.allocUnsafe(HEADER_BYTES);
    const part = Math.min(HEADER_BYTES - this.#filled, bytes.length - at);
    bytes.copy(this.#held, this.#filled, at, at + part);
    this.#filled += part;
    if (this.#filled < HEADER_BYTES) {
      return at + part;
    }
    const header = this.#held;
    this.#drop();
    return this.#begin(header, 0) ? at + part : bytes.length;
  }

  /** The header at `at` is judged, its 16 bytes are used up. False: nothing more is read. */
  #begin(bytes: Buffer, at: number): boolean {
    const length = readInt32(bytes, at);
    const isKnown = isKnownOpcode(readInt32(bytes, at + OPCODE_AT));
    const opening = this.#isFirst && !isKnown ? tellOpening(bytes, at) : 'message';
    this.#isFirst = false;
    if (opening === 'tls' || opening === 'http') {
      return this.#lose(opening);
    }
    if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
      return this.#lose('lost_framing');
    }
    this.#left = length - HEADER_BYTES;
    if (isKnown) {
      this.#choose(bytes, at, length);
    } else {
      this.#pass(bytes, at, 'unknown_opcode');
    }
    if (this.#left === 0) {
      this.#finish();
    }
    return true;
  }

  /** How a message of a known opcode is read. */
  #choose(bytes: Buffer, at: number, length: number): void {
    const isCompressed = readInt32(bytes, at + OPCODE_AT) === OPCODE.compressed;
    if (isCompressed || length <= SKIM_WHOLE_BYTES) {
      this.#hold(bytes, at, length);
    } else {
      this.#mode = 'condense';
      this.#condenser = new Condenser(bytes.subarray(at, at + HEADER_BYTES));
    }
  }

  /** The bytes can no longer be told apart; after a gap of a capture there is always another try. */
  #lose(reason: SkimEnd): boolean {
    if (this.#search !== null) {
      this.gap();
      return true;
    }
    this.stop();
    this.#sink.onEnd(reason);
    return false;
  }

  /** @param opcodeAt where the opcode stands that is told: for a compressed message behind the header. */
  #pass(header: Buffer, at: number, reason: UnreadReason, opcodeAt: number = at + OPCODE_AT): void {
    this.#mode = 'skip';
    this.#unread = {
      opcode: readInt32(header, opcodeAt),
      requestId: readInt32(header, at + 4),
      responseTo: readInt32(header, at + 8),
      wireBytes: readInt32(header, at),
      reason,
    };
  }

  #hold(header: Buffer, at: number, length: number): void {
    this.#mode = 'collect';
    this.#held = Buffer.allocUnsafeSlow(Math.min(length, SKIM_WHOLE_BYTES));
    header.copy(this.#held, 0, at, at + HEADER_BYTES);
    this.#filled = HEADER_BYTES;
  }

  #collect(bytes: Buffer, at: number): number {
    const available = Math.min(this.#left, bytes.length - at);
    let held = this.#held as Buffer;
    if (this.#filled === held.length) {
      const larger = this.#grow(held, available);
      if (larger === null) {
        return at;
      }
      held = larger;
    }
    const part = Math.min(held.length - this.#filled, available);
    bytes.copy(held, this.#filled, at, at + part);
    this.#filled += part;
    this.#left -= part;
    if (this.#left === 0) {
      this.#finish();
    }
    return at + part;
  }

  /** More room: it grows with what has come, not with what was announced. Null: the message is let go. */
  #grow(held: Buffer, available: number): Buffer | null {
    const whole = held.length + this.#left;
    const size = Math.min(whole, Math.max(held.length + available, held.length * 2));
    if (whole > SKIM_COMPRESSED_BYTES && !this.#mayGrow(held, size - held.length)) {
      return null;
    }
    const larger = Buffer.allocUnsafeSlow(size);
    held.copy(larger);
    this.#held = larger;
    return larger;
  }

  /** Takes the room from the budget; a message that could not be inflated anyway is not collected. */
  #mayGrow(held: Buffer, more: number): boolean {
    const problem = this.#taken === 0 ? compressedProblem(held) : null;
    if (problem === null && this.#budget.take(more)) {
      this.#taken += more;
      return true;
    }
    this.#drop();
    if (problem === null) {
      this.#pass(held, 0, 'too_large_to_read', ORIGINAL_OPCODE_AT);
    } else {
      this.#pass(held, 0, problem);
    }
    return false;
  }

  #condense(bytes: Buffer, at: number): number {
    const part = Math.min(this.#left, bytes.length - at);
    const condenser = this.#condenser as Condenser;
    this.#left -= part;
    try {
      condenser.write(bytes, at, at + part);
    } catch (error) {
      this.#refuse(condenser, error);
    }
    if (this.#left === 0) {
      this.#finish();
    }
    return at + part;
  }

  /** One bad message: the rest of it is passed over. */
  #refuse(condenser: Condenser, error: unknown): void {
    if (!(error instanceof DecodeError)) {
      throw error;
    }
    this.#drop();
    this.#pass(condenser.header, 0, error.reason);
  }

  #skip(bytes: Buffer, at: number): number {
    const part = Math.min(this.#left, bytes.length - at);
    this.#left -= part;
    if (this.#left === 0) {
      this.#finish();
    }
    return at + part;
  }

  /** The last byte of the message under way was seen. The sink is told when nothing of it is held any more. */
  #finish(): void {
    const held = this.#held;
    const condenser = this.#condenser;
    this.#drop();
    if (held !== null) {
      this.#sink.onMessage(new Frame(held.length, [held]), null);
    } else if (condenser !== null) {
      this.#finishCondensed(condenser);
    } else {
      this.#reportUnread();
    }
  }

  #finishCondensed(condenser: Condenser): void {
    let frame: Frame;
    try {
      frame = condenser.finish();
    } catch (error) {
      this.#refuse(condenser, error);
      this.#mode = 'header';
      this.#reportUnread();
      return;
    }
    this.#sink.onMessage(frame, condenser.counts);
  }

  #reportUnread(): void {
    const unread = this.#unread;
    this.#unread = null;
    if (unread !== null) {
      this.#sink.onUnread(unread);
    }
  }

  /** Back to the start of a message, with nothing in hand but what was not reported. */
  #drop(): void {
    this.#mode = 'header';
    this.#held = null;
    this.#filled = 0;
    this.#condenser = null;
    if (this.#taken > 0) {
      this.#budget.giveBack(this.#taken);
      this.#taken = 0;
    }
  }
}

/** What is wrong with a compressed message as far as its first bytes tell. */
function compressedProblem(start: Buffer): DecodeReason | null {
  try {
    scanCompressed(start);
    return null;
  } catch (error) {
    if (!(error instanceof DecodeError)) {
      throw error;
    }
    return error.reason;
  }
}
