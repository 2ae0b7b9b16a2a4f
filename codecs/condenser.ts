// Reads one large message while it streams by, in pieces of any size, and keeps a small message that reads the same.
// Does not check what it hops over, nor the checksum: the small message has none.
// Invariants: never holds more than the writer's limit and one token; work per byte is constant; only DecodeError is thrown.

import { byteAt, findZero, readInt32, writeInt32 } from './bytes.ts';
import { CURSORS_COUNT, DOCUMENTS_COUNT, SkimmedCounts } from './condensed-counts.ts';
import { CondensedWriter } from './condensed-writer.ts';
import { Containers } from './condenser-containers.ts';
import { ElementReader } from './condenser-elements.ts';
import {
  EMPTY_DOCUMENT,
  KEPT_CURSORS,
  keptOfList,
  LONGEST_NAME_BYTES,
  mayEndBefore,
  type Part,
  partsOf,
} from './condenser-rules.ts';
import { refuse } from './errors.ts';
import { Frame } from './frame.ts';
import { HEADER_BYTES, MAX_SEQUENCES } from './limits.ts';
import { hasUnknownRequiredFlag, MSG_FLAG } from './op-msg.ts';
import { OPCODE } from './opcode.ts';
import { LENGTH_BYTES, SMALLEST_DOCUMENT_BYTES } from './streamed-element.ts';
import { type TokenReader, TokenStream } from './token-stream.ts';

const OPCODE_AT = 12;
const CHECKSUM_BYTES = 4;
/** Kind and length of a section. */
const SECTION_HEAD_BYTES = 5;
/** Type, name with its NUL, length: what must be seen together before an element is judged. */
const LONGEST_TOKEN_BYTES = LONGEST_NAME_BYTES + 16;
const CURSOR_BYTES = 8;
const NUMBER_RETURNED_AT = HEADER_BYTES + 16;

/** One per message. write() all bytes behind the header, then finish(). */
export class Condenser implements TokenReader {
  /** A copy of the message's header. */
  readonly header: Buffer;
  /** Length of the message that passes. */
  readonly wireBytes: number;
  readonly counts: SkimmedCounts = new SkimmedCounts();
  readonly #opcode: number;
  readonly #parts: readonly Part[];
  readonly #writer: CondensedWriter = new CondensedWriter();
  readonly #containers: Containers = new Containers(this.#writer, this.counts);
  /** Where the sections end: before a checksum. */
  #end: number;
  #part = 0;
  #sequences = 0;
  #hasBody = false;
  readonly #stream: TokenStream = new TokenStream(this, this.#writer, HEADER_BYTES, LONGEST_TOKEN_BYTES);
  readonly #elements: ElementReader;

  /** @param header the 16 bytes; copied. @throws DecodeError unknown_opcode; OP_COMPRESSED is inflated before. */
  constructor(header: Buffer) {
    this.header = Buffer.from(header);
    this.wireBytes = readInt32(header, 0);
    this.#end = this.wireBytes;
    this.#opcode = readInt32(header, 12);
    this.#parts = partsOf(this.#opcode) ?? refuse('unknown_opcode', OPCODE_AT);
    this.#writer.append(this.header, 0, HEADER_BYTES);
    this.#elements = new ElementReader({ stream: this.#stream, writer: this.#writer, containers: this.#containers });
  }

  get heldBytes(): number {
    return this.#writer.heldBytes + this.#stream.heldBytes + this.counts.heldBytes;
  }

  /** The next bytes of the message, from `start` to `end`. @throws DecodeError */
  write(bytes: Buffer, start: number, end: number): void {
    this.#stream.write(bytes, start, end);
  }

  /** The small message, with the ids, the opcode and the `wireBytes` of the large one. @throws DecodeError if that ended too early. */
  finish(wireBytes: number = this.wireBytes): Frame {
    this.beforeToken();
    const isInside = this.#containers.top !== undefined || this.#stream.isCut || this.#at < this.#end;
    if (isInside || !mayEndBefore(this.#parts[this.#part])) {
      refuse('bad_layout', this.#at);
    }
    if (this.#opcode === OPCODE.reply) {
      this.#writer.patch(NUMBER_RETURNED_AT, Math.min(1, Math.max(0, this.counts.of(DOCUMENTS_COUNT))));
    }
    const bytes = this.#writer.take();
    writeInt32(bytes, 0, bytes.length);
    return new Frame(bytes.length, [bytes], wireBytes);
  }

  // --- tokens -----------------------------------------------------------------------------------------------------

  /** Closes lists that end here; documents close with their own last byte. */
  beforeToken(): void {
    this.#containers.closeListsAt(this.#at);
  }

  readToken(bytes: Buffer, at: number, end: number): number {
    const { top } = this.#containers;
    return top === undefined ? this.#readPart(bytes, at, end) : this.#elements.read(top, bytes, at, end);
  }

  #readPart(bytes: Buffer, at: number, end: number): number {
    if (this.#at >= this.#end) {
      // The checksum, which is not verified.
      return Math.min(end - at, this.wireBytes - this.#at);
    }
    const part = this.#parts[this.#part];
    switch (part) {
      case undefined:
        return refuse('bad_layout', this.#at);
      case 'sections':
        return this.#readSection(bytes, at, end);
      case 'text':
        return this.#readText(bytes, at, end);
      case 'fields':
      case 'empty':
        return this.#readWhole(part, bytes, at, end);
      case 'documents':
        this.#part++;
        this.#containers.openBare(this.#end, DOCUMENTS_COUNT);
        return this.readToken(bytes, at, end);
      case 'cursors':
        return this.#readCursors(bytes, at, end);
      case 'rest':
        return Math.min(end - at, this.#end - this.#at);
      case 'line':
        return this.#readLine(bytes, at, end);
      default:
        return this.#readNumbers(part, bytes, at, end);
    }
  }

  #readNumbers(size: number, bytes: Buffer, at: number, end: number): number {
    if (end - at < size) {
      return this.#at + size > this.#end ? refuse('bad_layout', this.#at) : 0;
    }
    if (this.#opcode === OPCODE.msg) {
      this.#readFlags(readInt32(bytes, at));
    } else {
      this.#writer.append(bytes, at, at + size);
    }
    this.#part++;
    return size;
  }

  #readFlags(flagBits: number): void {
    if (hasUnknownRequiredFlag(flagBits)) {
      refuse('unknown_required_flag', HEADER_BYTES);
    }
    if ((flagBits & MSG_FLAG.checksumPresent) !== 0) {
      this.#end -= CHECKSUM_BYTES;
    }
    this.#writer.int32(flagBits & ~MSG_FLAG.checksumPresent);
  }

  #readText(bytes: Buffer, at: number, end: number): number {
    const zero = findZero(bytes, at, Math.min(end, at + LONGEST_NAME_BYTES));
    if (zero < 0) {
      return end - at >= LONGEST_NAME_BYTES ? refuse('bad_layout', this.#at) : 0;
    }
    this.#writer.append(bytes, at, zero + 1);
    this.#part++;
    return zero + 1 - at;
  }

  /** The number of ids, which are all that follows. */
  #readCursors(bytes: Buffer, at: number, end: number): number {
    const left = this.#end - this.#at - LENGTH_BYTES;
    if (end - at < LENGTH_BYTES) {
      return left < 0 ? refuse('bad_layout', this.#at) : 0;
    }
    const count = readInt32(bytes, at);
    if (count * CURSOR_BYTES !== left) {
      refuse('bad_layout', this.#at);
    }
    const kept = Math.min(count, KEPT_CURSORS);
    this.counts.set(CURSORS_COUNT, count);
    this.#writer.int32(kept);
    this.#stream.copy = kept * CURSOR_BYTES;
    this.#part++;
    return LENGTH_BYTES;
  }

  /** A text that ends with the message; as much of its start is kept as of a name. */
  #readLine(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + this.#end - this.#at);
    const zero = bytes.subarray(at, stop).indexOf(0);
    const length = zero < 0 ? stop - at : zero;
    const isLast = this.#at + stop - at === this.#end;
    if (isLast ? length !== stop - at - 1 : zero >= 0) {
      refuse('bad_layout', this.#at + length);
    }
    const room = LONGEST_NAME_BYTES + HEADER_BYTES - this.#writer.length;
    this.#writer.append(bytes, at, at + Math.min(room, length));
    if (isLast) {
      this.#writer.byte(0);
      this.#part++;
    }
    return stop - at;
  }

  /** A document of the fixed layout. */
  #readWhole(part: 'fields' | 'empty', bytes: Buffer, at: number, end: number): number {
    if (end - at < LENGTH_BYTES) {
      return this.#end - this.#at < LENGTH_BYTES ? refuse('bad_layout', this.#at) : 0;
    }
    const length = readInt32(bytes, at);
    if (length < SMALLEST_DOCUMENT_BYTES || length > this.#end - this.#at) {
      refuse('invalid_bson', this.#at);
    }
    this.#part++;
    if (part === 'fields') {
      this.#containers.openFields(this.#at + length);
    } else {
      this.#writer.append(EMPTY_DOCUMENT, 0, EMPTY_DOCUMENT.length);
      this.#stream.skip = length - LENGTH_BYTES;
    }
    return LENGTH_BYTES;
  }

  #readSection(bytes: Buffer, at: number, end: number): number {
    // Before looking at what has come: what follows the sections, a checksum, is no part of one.
    if (this.#at + SECTION_HEAD_BYTES > this.#end) {
      return refuse('bad_sequence', this.#at);
    }
    if (end - at < SECTION_HEAD_BYTES) {
      return 0;
    }
    const kind = byteAt(bytes, at);
    const size = readInt32(bytes, at + 1);
    if (kind > 1) {
      refuse(kind === 2 ? 'security_token_section' : 'unknown_section', this.#at);
    }
    if (kind === 0 && this.#hasBody) {
      refuse('two_bodies', this.#at);
    }
    if (size < SMALLEST_DOCUMENT_BYTES || size > this.#end - this.#at - 1) {
      refuse(kind === 0 ? 'invalid_bson' : 'bad_sequence', this.#at);
    }
    if (kind === 1) {
      return this.#readSequence(size, bytes, at, end);
    }
    this.#hasBody = true;
    this.#writer.byte(0);
    this.#containers.openFields(this.#at + 1 + size);
    return SECTION_HEAD_BYTES;
  }

  #readSequence(size: number, bytes: Buffer, at: number, end: number): number {
    const nameStart = at + SECTION_HEAD_BYTES;
    const zero = findZero(bytes, nameStart, Math.min(end, nameStart + LONGEST_NAME_BYTES));
    if (zero < 0) {
      return end - nameStart >= LONGEST_NAME_BYTES ? refuse('bad_sequence', this.#at) : 0;
    }
    const used = zero + 1 - at;
    if (used > size + 1) {
      refuse('bad_sequence', this.#at);
    }
    if (++this.#sequences > MAX_SEQUENCES) {
      refuse('too_many_sequences', this.#at);
    }
    this.#writer.byte(1);
    const name = bytes.toString('latin1', nameStart, zero);
    const list = { end: this.#at + 1 + size, keeps: keptOfList(bytes, nameStart, zero), name };
    this.#containers.openSequence(list, bytes, nameStart, zero + 1);
    return used;
  }

  checkPlace(): void {
    const { top } = this.#containers;
    if (top !== undefined && this.#at > top.end - 1) {
      refuse('invalid_bson', top.end - 1);
    }
  }

  /** Offset in the message of the token that is being read. */
  get #at(): number {
    return this.#stream.at;
  }
}
