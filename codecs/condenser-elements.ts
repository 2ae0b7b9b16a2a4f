// Reads what stands inside the documents and lists of a large message, token by token: kept, gone into, counted or left out.
// Does not know the parts of a message: condenser.ts opens the outermost documents and lists.
// Invariants: nothing is read beyond the innermost container; work per byte is constant; only DecodeError is thrown.

import { byteAt, equalsAscii, findZero, readInt32 } from './bytes.ts';
import type { CondensedWriter } from './condensed-writer.ts';
import type { Container, Containers } from './condenser-containers.ts';
import {
  isDescended,
  KEPT_WANTED_BYTES,
  keptOfList,
  keptValueBytes,
  LONGEST_NAME_BYTES,
  WHOLE_NAMED_BYTES,
} from './condenser-rules.ts';
import { BSON_TYPE } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { hopDocuments, hopElements } from './list-hop.ts';
import { tallyDocuments, tallyElements } from './operation-hop.ts';
import {
  LENGTH_BYTES,
  lengthBytes,
  SMALLEST_DOCUMENT_BYTES,
  type StreamedElement,
  VALUE,
  valueBytes,
} from './streamed-element.ts';
import type { TokenStream } from './token-stream.ts';

const LONGEST_NUMBER_BYTES = 8;
/** The field of nsInfo's entries that is read. */
const NAMESPACE = 'ns';

export interface ElementParts {
  readonly stream: TokenStream;
  readonly writer: CondensedWriter;
  readonly containers: Containers;
}

export class ElementReader {
  readonly #stream: TokenStream;
  readonly #writer: CondensedWriter;
  readonly #containers: Containers;

  constructor({ stream, writer, containers }: ElementParts) {
    this.#stream = stream;
    this.#writer = writer;
    this.#containers = containers;
  }

  /** The next token inside of `top`. Returns its bytes, 0 if it is cut. @throws DecodeError */
  read(top: Container, bytes: Buffer, at: number, end: number): number {
    const isList = top.kind === 'documents' || top.kind === 'array';
    const hopped = isList ? this.#hop(top, bytes, at, end) : 0;
    if (hopped > 0) {
      return hopped;
    }
    return top.kind === 'documents' ? this.#readDocument(top, bytes, at, end) : this.#readElement(top, bytes, at, end);
  }

  /** Passes whole elements of a list, of which nothing is kept (any more). Returns their bytes. */
  #hop(top: Container, bytes: Buffer, at: number, end: number): number {
    const isDocuments = top.kind === 'documents';
    const last = at + top.end - this.#at - (isDocuments ? 0 : 1);
    const range = { start: at, end: Math.min(end, last) };
    if (top.keeps === 'tallied' && top.tally !== null) {
      return (isDocuments ? tallyDocuments : tallyElements)(top, top.tally, bytes, range) - at;
    }
    if (this.#containers.isOnlyCounted(top)) {
      return (isDocuments ? hopDocuments : hopElements)(top, bytes, at, range.end) - at;
    }
    return 0;
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
    if (top.tally !== null) {
      this.#containers.openHead(this.#at + length, top.tally);
    } else if (top.keeps === 'condensed' && top.count === 1) {
      this.#containers.openFields(this.#at + length);
    } else if (!this.#containers.keeps(top, length)) {
      this.#stream.skip = length - LENGTH_BYTES;
    } else if (top.keeps === 'named' && length > WHOLE_NAMED_BYTES) {
      this.#containers.openNamed(this.#at + length);
    } else {
      this.#writer.append(bytes, at, at + LENGTH_BYTES);
      this.#stream.copy = length - LENGTH_BYTES;
    }
    return LENGTH_BYTES;
  }

  #readElement(top: Container, bytes: Buffer, at: number, end: number): number {
    const type = byteAt(bytes, at);
    if (type === 0) {
      return this.#readEnd(top);
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
    const element = { bytes, at, zero, size };
    if (top.kind === 'head') {
      return this.#takeHead(top, element, end);
    }
    top.count++;
    if (size === VALUE.twoTexts) {
      return this.#leaveOutTexts(top, element);
    }
    switch (top.kind) {
      case 'array':
        return this.#takeItem(top, element);
      case 'named':
        return this.#takeNamed(element);
      default:
        return this.#takeField(top, element);
    }
  }

  /** The 0 behind the last element. */
  #readEnd(top: Container): number {
    if (this.#at !== top.end - 1) {
      refuse('invalid_bson', this.#at);
    }
    if (top.kind !== 'head') {
      this.#writer.byte(0);
    }
    this.#containers.close();
    return 1;
  }

  /** An element of an array that is counted. */
  #takeItem(top: Container, element: StreamedElement): number {
    const { bytes, at, zero, size } = element;
    const isDocument = byteAt(bytes, at) === BSON_TYPE.document;
    if (top.tally !== null && isDocument) {
      this.#containers.openHead(this.#at + zero + 1 - at + size, top.tally);
      return zero + 1 - at + LENGTH_BYTES;
    }
    if (!this.#containers.keeps(top, size)) {
      return this.#leaveOut(element);
    }
    if (top.keeps !== 'named' || size <= WHOLE_NAMED_BYTES) {
      return this.#keep(element);
    }
    if (!isDocument) {
      this.#writer.appendEmpty(bytes, at, zero);
      return this.#leaveOut(element);
    }
    this.#writer.append(bytes, at, zero + 1);
    this.#containers.openNamed(this.#at + zero + 1 - at + size);
    return zero + 1 - at + LENGTH_BYTES;
  }

  /** The first field of an operation; the rest is passed over, up to its end. */
  #takeHead(top: Container, { bytes, at, zero, size }: StreamedElement, end: number): number {
    const isNumber = size >= 0 && size <= LONGEST_NUMBER_BYTES;
    if (isNumber && zero + 1 + size > end) {
      return 0;
    }
    if (isNumber) {
      top.tally?.addElement(bytes, at, zero);
    }
    const used = zero + 1 - at;
    this.#stream.skip = top.end - 1 - this.#at - used;
    return used;
  }

  /** A field of an entry of nsInfo. */
  #takeNamed(element: StreamedElement): number {
    const { bytes, at, zero, size } = element;
    if (!equalsAscii(bytes, at + 1, zero, NAMESPACE)) {
      return this.#leaveOut(element);
    }
    if (size <= KEPT_WANTED_BYTES) {
      return this.#keep(element);
    }
    this.#writer.appendEmpty(bytes, at, zero);
    return this.#leaveOut(element);
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
        const name = bytes.toString('latin1', at + 1, zero);
        this.#containers.openArray({ end, keeps: keptOfList(bytes, at + 1, zero), name });
      } else {
        this.#containers.openFields(end);
      }
      return zero + 1 - at + LENGTH_BYTES;
    }
    this.#writer.appendEmpty(bytes, at, zero);
    return this.#leaveOut(element);
  }

  /** A regular expression, which nobody reads: its name stays if it is a field's, and its place in a list that is kept. */
  #leaveOutTexts(top: Container, { bytes, at, zero }: StreamedElement): number {
    const isField =
      top.kind === 'fields' && (top.count === 1 || keptValueBytes(bytes, at + 1, zero, this.#writer.length) >= 0);
    if (isField || (top.keeps === 'named' && this.#containers.keeps(top, 0))) {
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

  /** Offset in the message of the token that is being read. */
  get #at(): number {
    return this.#stream.at;
  }
}
