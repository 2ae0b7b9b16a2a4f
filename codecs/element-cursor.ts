// Walks the elements of one BSON document by offsets, hopping over values by their length.
// Does not decode values and does not descend: whoever needs a nested document opens another cursor on it.
// Invariant: no offset that it returns lies beyond the document's own end, and the document's lies within the given end.

import { byteAt, equalsAscii, readInt32 } from './bytes.ts';
import { refuse } from './errors.ts';

/** The BSON element types of the specification; signed ones as the unsigned byte on the wire. */
export const BSON_TYPE = {
  double: 1,
  string: 2,
  document: 3,
  array: 4,
  binary: 5,
  undefined: 6,
  objectId: 7,
  boolean: 8,
  date: 9,
  null: 10,
  regex: 11,
  dbPointer: 12,
  code: 13,
  symbol: 14,
  codeWithScope: 15,
  int32: 16,
  timestamp: 17,
  int64: 18,
  decimal128: 19,
  maxKey: 127,
  minKey: 255,
} as const;

const SMALLEST_DOCUMENT_BYTES = 5;
const OBJECT_ID_BYTES = 12;
/** int32 total, a string of one byte (int32 + NUL), an empty document. */
const SMALLEST_CODE_WITH_SCOPE_BYTES = 14;

/** How a type's size is found: 0 and more = fixed bytes; below 0 = one of the shapes. */
export const SHAPE = {
  unknown: -1,
  string: -2,
  document: -3,
  binary: -4,
  regex: -5,
  dbPointer: -6,
  codeWithScope: -7,
  boolean: -8,
} as const;

/** {@link SHAPE} or size in bytes by BSON type. */
export const SIZES: Int8Array = new Int8Array(256).fill(SHAPE.unknown);
for (const [type, size] of [
  [BSON_TYPE.double, 8],
  [BSON_TYPE.string, SHAPE.string],
  [BSON_TYPE.document, SHAPE.document],
  [BSON_TYPE.array, SHAPE.document],
  [BSON_TYPE.binary, SHAPE.binary],
  [BSON_TYPE.undefined, 0],
  [BSON_TYPE.objectId, OBJECT_ID_BYTES],
  [BSON_TYPE.boolean, SHAPE.boolean],
  [BSON_TYPE.date, 8],
  [BSON_TYPE.null, 0],
  [BSON_TYPE.regex, SHAPE.regex],
  [BSON_TYPE.dbPointer, SHAPE.dbPointer],
  [BSON_TYPE.code, SHAPE.string],
  [BSON_TYPE.symbol, SHAPE.string],
  [BSON_TYPE.codeWithScope, SHAPE.codeWithScope],
  [BSON_TYPE.int32, 4],
  [BSON_TYPE.timestamp, 8],
  [BSON_TYPE.int64, 8],
  [BSON_TYPE.decimal128, 16],
  [BSON_TYPE.maxKey, 0],
  [BSON_TYPE.minKey, 0],
] as const) {
  SIZES[type] = size;
}

/** End of a document or array that starts at `offset`, its length and last byte checked. */
export function documentEnd(bytes: Buffer, offset: number, end: number): number {
  if (offset + SMALLEST_DOCUMENT_BYTES > end) {
    return refuse('invalid_bson', offset);
  }
  const length = readInt32(bytes, offset);
  if (length < SMALLEST_DOCUMENT_BYTES || length > end - offset || byteAt(bytes, offset + length - 1) !== 0) {
    return refuse('invalid_bson', offset);
  }
  return offset + length;
}

function stringEnd(bytes: Buffer, offset: number, end: number): number {
  if (offset + 5 > end) {
    return refuse('invalid_bson', offset);
  }
  const length = readInt32(bytes, offset);
  if (length < 1 || length > end - offset - 4 || byteAt(bytes, offset + 3 + length) !== 0) {
    return refuse('invalid_bson', offset);
  }
  return offset + 4 + length;
}

function cstringEnd(bytes: Buffer, offset: number, end: number): number {
  for (let i = offset; i < end; i++) {
    if (bytes[i] === 0) {
      return i + 1;
    }
  }
  return refuse('invalid_bson', offset);
}

function codeWithScopeEnd(bytes: Buffer, offset: number, end: number): number {
  if (offset + SMALLEST_CODE_WITH_SCOPE_BYTES > end) {
    return refuse('invalid_bson', offset);
  }
  const length = readInt32(bytes, offset);
  if (length < SMALLEST_CODE_WITH_SCOPE_BYTES || length > end - offset) {
    return refuse('invalid_bson', offset);
  }
  const scope = stringEnd(bytes, offset + 4, offset + length);
  if (documentEnd(bytes, scope, offset + length) !== offset + length) {
    return refuse('invalid_bson', scope);
  }
  return offset + length;
}

function binaryEnd(bytes: Buffer, offset: number, end: number): number {
  if (offset + 5 > end) {
    return refuse('invalid_bson', offset);
  }
  const length = readInt32(bytes, offset);
  return length < 0 || length > end - offset - 5 ? refuse('invalid_bson', offset) : offset + 5 + length;
}

function fixedEnd(size: number, offset: number, end: number): number {
  return size > end - offset ? refuse('invalid_bson', offset) : offset + size;
}

/**
 * Where the value of this type that starts at `offset` ends; `end` is the last byte it may not reach.
 * Nested documents are hopped over: only their length and last byte are checked.
 * @throws DecodeError invalid_bson.
 */
export function skipElement(bytes: Buffer, type: number, offset: number, end: number): number {
  const size = SIZES[type] as number;
  if (size >= 0) {
    return fixedEnd(size, offset, end);
  }
  switch (size) {
    case SHAPE.string:
      return stringEnd(bytes, offset, end);
    case SHAPE.document:
      return documentEnd(bytes, offset, end);
    case SHAPE.boolean:
      return offset < end && byteAt(bytes, offset) <= 1 ? offset + 1 : refuse('invalid_bson', offset);
    case SHAPE.binary:
      return binaryEnd(bytes, offset, end);
    case SHAPE.regex:
      return cstringEnd(bytes, cstringEnd(bytes, offset, end), end);
    case SHAPE.dbPointer:
      return fixedEnd(OBJECT_ID_BYTES, stringEnd(bytes, offset, end), end);
    case SHAPE.codeWithScope:
      return codeWithScopeEnd(bytes, offset, end);
    default:
      return refuse('invalid_bson', offset);
  }
}

/** A position inside one document. The fields describe the element that the last `next()` stopped at. */
export class ElementCursor {
  readonly bytes: Buffer;
  /** End of the document, its terminating 0 included. */
  readonly end: number;
  type: number;
  nameStart: number;
  nameEnd: number;
  valueStart: number;
  valueEnd: number;

  /** @throws DecodeError invalid_bson if no document of at least 5 bytes fits between start and end. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.end = documentEnd(bytes, start, end);
    this.type = 0;
    this.nameStart = 0;
    this.nameEnd = 0;
    this.valueStart = 0;
    this.valueEnd = start + 4;
  }

  /** Moves to the next element; false at the document's end. @throws DecodeError invalid_bson. */
  next(): boolean {
    const bytes = this.bytes;
    const last = this.end - 1;
    const at = this.valueEnd;
    const type = byteAt(bytes, at);
    if (type === 0) {
      return at === last ? false : refuse('invalid_bson', at);
    }
    let zero = at + 1;
    while (zero < last && bytes[zero] !== 0) {
      zero++;
    }
    if (zero >= last) {
      return refuse('invalid_bson', at);
    }
    this.type = type;
    this.nameStart = at + 1;
    this.nameEnd = zero;
    this.valueStart = zero + 1;
    this.valueEnd = skipElement(bytes, type, zero + 1, last);
    return true;
  }

  /** Whether the current element has this (ASCII) name. */
  isNamed(name: string): boolean {
    return equalsAscii(this.bytes, this.nameStart, this.nameEnd, name);
  }

  /** Moves forward to the first element of this (ASCII) name; false if there is none from here on. */
  seek(name: string): boolean {
    while (this.next()) {
      if (this.isNamed(name)) {
        return true;
      }
    }
    return false;
  }
}
