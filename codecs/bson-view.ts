// A lazy view on one BSON document: finds fields by name without decoding the rest.
// Does not copy and does not cache; for the hot path see field-table.ts.
// Invariant: never reads past the document's end; nested views know their depth and refuse to go deeper than the limit.

import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { MAX_NESTING } from './limits.ts';
import { readBigInt, readNumber, readString } from './value.ts';

/** One element: BSON type, name and where its value lies in the view's bytes. */
export interface BsonElement {
  readonly type: number;
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Getters return null where the field is absent or of another type; malformed BSON is DecodeError invalid_bson. */
export class BsonView {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly #depth: number;

  /** @param end how far the document may reach (default: the buffer's end). @throws DecodeError invalid_bson. */
  constructor(bytes: Buffer, start = 0, end: number = bytes.length, depth = 0) {
    if (depth >= MAX_NESTING) {
      refuse('invalid_bson', start);
    }
    this.bytes = bytes;
    this.start = start;
    this.end = new ElementCursor(bytes, start, end).end;
    this.#depth = depth;
  }

  /** The elements in order. */
  *elements(): Generator<BsonElement, void, undefined> {
    const cursor = new ElementCursor(this.bytes, this.start, this.end);
    while (cursor.next()) {
      yield elementAt(cursor);
    }
  }

  /** The first element of this name. */
  get(name: string): BsonElement | null {
    const wanted = Buffer.from(name, 'utf8').toString('latin1');
    const cursor = new ElementCursor(this.bytes, this.start, this.end);
    return cursor.seek(wanted) ? elementAt(cursor) : null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  getString(name: string): string | null {
    const found = this.get(name);
    return found?.type === BSON_TYPE.string ? readString(this.bytes, found.start, found.end) : null;
  }

  /** int32, int64 (rounded beyond 2^53) or double. */
  getInt(name: string): number | null {
    const found = this.get(name);
    const value = found === null ? Number.NaN : readNumber(this.bytes, found.type, found.start);
    return Number.isNaN(value) ? null : value;
  }

  /** int64, int32 or whole double, exactly. */
  getBigInt(name: string): bigint | null {
    const found = this.get(name);
    const isNumber = found !== null && !Number.isNaN(readNumber(this.bytes, found.type, found.start));
    return isNumber ? readBigInt(this.bytes, found.type, found.start) : null;
  }

  getBoolean(name: string): boolean | null {
    const found = this.get(name);
    return found?.type === BSON_TYPE.boolean ? this.bytes[found.start] === 1 : null;
  }

  getDocument(name: string): BsonView | null {
    return this.#nested(name, BSON_TYPE.document);
  }

  /** An array as a view; its names are the indexes. */
  getArray(name: string): BsonView | null {
    return this.#nested(name, BSON_TYPE.array);
  }

  /** A view on an element of this view that is a document or an array. */
  nested(element: BsonElement): BsonView | null {
    const isNested = element.type === BSON_TYPE.document || element.type === BSON_TYPE.array;
    return isNested ? new BsonView(this.bytes, element.start, element.end, this.#depth + 1) : null;
  }

  /** The document's bytes, not copied. */
  raw(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  #nested(name: string, type: number): BsonView | null {
    const found = this.get(name);
    return found?.type === type ? this.nested(found) : null;
  }
}

function elementAt(cursor: ElementCursor): BsonElement {
  return {
    type: cursor.type,
    name: cursor.bytes.toString('utf8', cursor.nameStart, cursor.nameEnd),
    start: cursor.valueStart,
    end: cursor.valueEnd,
  };
}
