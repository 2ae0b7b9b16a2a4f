// Reads one large message while it streams by, in pieces of any size, and keeps a small message that reads the same.
// Does not check what it hops over, nor the checksum: the small message has none.
// Invariants: never holds more than the writer's limit and one token; work per byte is constant; only DecodeError is thrown.

import { byteAt, findZero, readInt32, writeInt32 } from './bytes.ts';
import { DOCUMENTS_COUNT, SkimmedCounts } from './condensed-counts.ts';
import { CondensedWriter } from './condensed-writer.ts';
import { type Container, Containers } from './condenser-containers.ts';
import {
  EMPTY_DOCUMENT,
  isDescended,
  KEPT_WANTED_BYTES,
  keptOfList,
  keptValueBytes,
  LONGEST_NAME_BYTES,
  mayEndBefore,
  type Part,
  partsOf,
} from './condenser-rules.ts';
import { BSON_TYPE } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { Frame } from './frame.ts';
import { HEADER_BYTES, MAX_SEQUENCES } from './limits.ts';
import { hopDocuments, hopElements } from './list-hop.ts';
import { hasUnknownRequiredFlag, MSG_FLAG } from './op-msg.ts';
import { OPCODE } from './opcode.ts';
import {
  LENGTH_BYTES,
  lengthBytes,
  SMALLEST_DOCUMENT_BYTES,
  type StreamedElement,
  VALUE,
  valueBytes,
} from './streamed-element.ts';
import { type TokenReader, TokenStream } from './token-stream.ts';

const CHECKSUM_BYTES = 4;
/** Kind and length of a section. */
const SECTION_HEAD_BYTES = 5;
/** Type, name with its NUL, length: what must be seen together before an element is judged. */
const LONGEST_TOKEN_BYTES = LONGEST_NAME_BYTES + 16;
const LONGEST_NUMBER_BYTES = 8;
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

  /** @param header the 16 bytes; copied. The opcode must be condensable. */
  constructor(header: Buffer) {
    this.header = Buffer.from(header);
    this.wireBytes = readInt32(header, 0);
    this.#end = this.wireBytes;
    this.#opcode = readInt32(header, 12);
    this.#parts = partsOf(this.#opcode) as readonly Part[];
    this.#writer.append(this.header, 0, HEADER_BYTES);
  }

  get heldBytes(): number {
    return this.#writer.heldBytes + this.#stream.heldBytes;
  }

  /** The next bytes of the message, from `start` to `end`. @throws DecodeError */
  write(bytes: Buffer, start: number, end: number): void {
    this.#stream.write(bytes, start, end);
  }

  /** The small message, with the ids, the opcode and the `wireBytes` of the large one. @throws DecodeError if that ended too early. */
  finish(wireBytes: number = this.wireBytes): Frame {
    this.beforeToken();
    if (this.#containers.top !== undefined || this.#stream.isCut || !mayEndBefore(this.#parts[this.#part])) {
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
    if (top === undefined) {
      return this.#readPart(bytes, at, end);
    }
    const hopped = this.#containers.isOnlyCounted(top) ? this.#hop(top, bytes, at, end) : 0;
    if (hopped > 0) {
      return hopped;
    }
    return top.kind === 'documents' ? this.#readDocument(top, bytes, at, end) : this.#readElement(top, bytes, at, end);
  }

  /** Passes whole elements of a list, of which nothing is kept any more. Returns their bytes. */
  #hop(top: Container, bytes: Buffer, at: number, end: number): number {
    const listEnd = at + top.end - this.#at;
    return top.kind === 'documents'
      ? hopDocuments(top, bytes, at, Math.min(end, listEnd)) - at
      : hopElements(top, bytes, at, Math.min(end, listEnd - 1)) - at;
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
    this.#containers.openSequence(this.#at + 1 + size, keptOfList(bytes, nameStart, zero), name);
    this.#writer.append(bytes, nameStart, zero + 1);
    return used;
  }

  /** The next document of a list. */
  #readDocument(top: Container, bytes: Buffer, at: number, end: number): number {
    if (end - at < LENGTH_BYTES) {
      return top.end - this.#at < LENGTH_BYTES ? refuse('bad_sequence', this.#at) : 0;
    }
    const length = readInt32(bytes, at);
    if (length < SMALLEST_DOCUMENT_BYTES || length > top.end - this.#at) {
      refuse('bad_sequence', this.#at);
    }
    top.count++;
    if (top.keeps === 'condensed' && top.count === 1) {
      this.#containers.openFields(this.#at + length);
    } else if (!this.#containers.keeps(top, length)) {
      this.#stream.skip = length - LENGTH_BYTES;
    } else if (top.keeps === 'heads') {
      this.#containers.openHead(this.#at + length);
    } else {
      this.#writer.append(bytes, at, at + LENGTH_BYTES);
      this.#stream.copy = length - LENGTH_BYTES;
    }
    return LENGTH_BYTES;
  }

  #readElement(top: Container, bytes: Buffer, at: number, end: number): number {
    const type = byteAt(bytes, at);
    if (type === 0) {
      if (this.#at !== top.end - 1) {
        refuse('invalid_bson', this.#at);
      }
      this.#writer.byte(0);
      this.#containers.close();
      return 1;
    }
    const zero = findZero(bytes, at + 1, Math.min(end, at + 1 + LONGEST_NAME_BYTES));
    if (zero < 0) {
      return end - at > LONGEST_NAME_BYTES ? refuse('invalid_bson', this.#at) : 0;
    }
    const size = valueBytes(type, bytes, zero + 1, end);
    if (size === VALUE.cut) {
      return 0;
    }
    if (size === VALUE.malformed || this.#at + zero + 1 - at + Math.max(size, 0) > top.end - 1) {
      return refuse('invalid_bson', this.#at);
    }
    top.count++;
    const element = { bytes, at, zero, size };
    if (size === VALUE.twoTexts) {
      return this.#leaveOutTexts(top, element);
    }
    switch (top.kind) {
      case 'array':
        return this.#takeItem(top, element);
      case 'head':
        return this.#takeHead(top, element, end);
      default:
        return this.#takeField(top, element);
    }
  }

  /** An element of an array that is counted. */
  #takeItem(top: Container, element: StreamedElement): number {
    const { bytes, at, zero, size } = element;
    const isDocument = byteAt(bytes, at) === BSON_TYPE.document;
    if (!this.#containers.keeps(top, size) || (top.keeps === 'heads' && !isDocument)) {
      return this.#leaveOut(element);
    }
    if (top.keeps !== 'heads') {
      return this.#keep(element);
    }
    this.#writer.append(bytes, at, zero + 1);
    this.#containers.openHead(this.#at + zero + 1 - at + size);
    return zero + 1 - at + LENGTH_BYTES;
  }

  /** The first field of a document, if it is a number, and nothing else of it. */
  #takeHead(top: Container, element: StreamedElement, end: number): number {
    const { bytes, at, zero, size } = element;
    const next = zero + 1 + size;
    if (size <= LONGEST_NUMBER_BYTES && next > end) {
      return 0;
    }
    if (size <= LONGEST_NUMBER_BYTES) {
      this.#writer.append(bytes, at, next);
    }
    const used = size <= LONGEST_NUMBER_BYTES ? next - at : this.#leaveOut(element);
    this.#stream.skip = top.end - 1 - this.#at - used;
    return used;
  }

  /** A field of a document: kept, gone into, or replaced by an empty value. */
  #takeField(top: Container, element: StreamedElement): number {
    const { bytes, at, zero, size } = element;
    const isFirst = top.count === 1;
    const limit = isFirst ? KEPT_WANTED_BYTES : keptValueBytes(bytes, at + 1, zero, this.#writer.length);
    if (size <= limit) {
      return this.#keep(element);
    }
    if (limit < 0) {
      return this.#leaveOut(element);
    }
    const type = byteAt(bytes, at);
    const end = this.#at + zero + 1 - at + size;
    const isArray = type === BSON_TYPE.array;
    const isEntered = isArray || (type === BSON_TYPE.document && (isFirst || isDescended(bytes, at + 1, zero)));
    if (isEntered && !this.#containers.isFull) {
      this.#writer.append(bytes, at, zero + 1);
      if (isArray) {
        this.#containers.openArray(end, keptOfList(bytes, at + 1, zero), bytes.toString('latin1', at + 1, zero));
      } else {
        this.#containers.openFields(end);
      }
      return zero + 1 - at + LENGTH_BYTES;
    }
    this.#writer.appendEmpty(bytes, at, zero);
    return this.#leaveOut(element);
  }

  /** A regular expression, which nobody reads: its name stays if it is a field's. */
  #leaveOutTexts(top: Container, { bytes, at, zero }: StreamedElement): number {
    if (top.kind === 'fields' && (top.count === 1 || keptValueBytes(bytes, at + 1, zero, this.#writer.length) >= 0)) {
      this.#writer.appendEmpty(bytes, at, zero);
    }
    this.#stream.texts = 2;
    return zero + 1 - at;
  }

  /** What was looked at counts as read, the value's length included: it may have come in an earlier piece. */
  #keep({ bytes, at, zero, size }: StreamedElement): number {
    const prefix = lengthBytes(byteAt(bytes, at));
    const next = zero + 1 + prefix;
    this.#writer.append(bytes, at, next);
    this.#stream.copy = size - prefix;
    return next - at;
  }

  #leaveOut({ bytes, at, zero, size }: StreamedElement): number {
    const prefix = lengthBytes(byteAt(bytes, at));
    this.#stream.skip = size - prefix;
    return zero + 1 + prefix - at;
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
