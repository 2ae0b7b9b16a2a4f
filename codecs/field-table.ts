// One pass over the top-level elements of a document that notes where the known fields lie.
// Does not decode or judge values; `command.ts` and `reply.ts` do, by field index.
// Invariant: a table holds the result of its last scan only and is used within one synchronous read.

import { equalsRange } from './bytes.ts';
import { refuseDeepValue } from './depth.ts';
import { ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import type { SequenceRange } from './op-msg.ts';
import { NameTable } from './text.ts';

/** Fields are numbered by their place in `names`; at most 31, because presence is a bit each. */
export class FieldTable {
  readonly #names: NameTable;
  readonly #types: Uint8Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #strict: boolean;
  #seen = 0;
  /** The document's first element: the command's name and value. `firstType` 0: the document is empty. */
  firstType = 0;
  firstNameStart = 0;
  firstNameEnd = 0;
  firstValueStart = 0;
  firstValueEnd = 0;

  /** @param duplicates what a second appearance of a known field (or of the first key) means. */
  constructor(names: readonly string[], duplicates: 'refuse' | 'last') {
    if (names.length > 31) {
      throw new RangeError('a field table holds at most 31 names');
    }
    this.#strict = duplicates === 'refuse';
    this.#names = new NameTable(names);
    this.#types = new Uint8Array(names.length);
    this.#starts = new Int32Array(names.length);
    this.#ends = new Int32Array(names.length);
  }

  /**
   * Scans the document between `start` and `end`. A field that carries the name of a sequence is refused, and where
   * duplicates are, so is what is malformed or too deep further down: it is never passed on (protocol.md 1.6).
   * @throws DecodeError invalid_bson, duplicate_field, sequence_in_body.
   */
  scan(bytes: Buffer, start: number, end: number, sequences: readonly SequenceRange[]): void {
    this.#seen = 0;
    this.firstType = 0;
    const cursor = new ElementCursor(bytes, start, end);
    if (!cursor.next()) {
      return;
    }
    this.firstType = cursor.type;
    this.firstNameStart = cursor.nameStart;
    this.firstNameEnd = cursor.nameEnd;
    this.firstValueStart = cursor.valueStart;
    this.firstValueEnd = cursor.valueEnd;
    this.#note(cursor);
    refuseSequenceName(cursor, sequences);
    if (this.#strict) {
      refuseDeepValue(cursor, 1);
    }
    while (cursor.next()) {
      this.#note(cursor);
      refuseSequenceName(cursor, sequences);
      if (this.#strict) {
        this.#refuseFirstName(cursor);
        refuseDeepValue(cursor, 1);
      }
    }
  }

  #refuseFirstName(cursor: ElementCursor): void {
    const { nameStart, nameEnd } = cursor;
    const isAsLong = nameEnd - nameStart === this.firstNameEnd - this.firstNameStart;
    if (isAsLong && equalsRange(cursor.bytes, nameStart, nameEnd, this.firstNameStart)) {
      refuse('duplicate_field', nameStart);
    }
  }

  #note(cursor: ElementCursor): void {
    const index = this.#names.find(cursor.bytes, cursor.nameStart, cursor.nameEnd);
    if (index < 0) {
      return;
    }
    const bit = 1 << index;
    if (this.#strict && (this.#seen & bit) !== 0) {
      refuse('duplicate_field', cursor.nameStart);
    }
    this.#seen |= bit;
    this.#types[index] = cursor.type;
    this.#starts[index] = cursor.valueStart;
    this.#ends[index] = cursor.valueEnd;
  }

  has(field: number): boolean {
    return (this.#seen & (1 << field)) !== 0;
  }

  /** BSON type of a field, 0 if it is absent. */
  type(field: number): number {
    return this.has(field) ? (this.#types[field] as number) : 0;
  }

  /** Offset of a present field's value. */
  start(field: number): number {
    return this.#starts[field] as number;
  }

  /** Offset behind a present field's value. */
  end(field: number): number {
    return this.#ends[field] as number;
  }
}

function refuseSequenceName(cursor: ElementCursor, sequences: readonly SequenceRange[]): void {
  if (sequences.length === 0) {
    return;
  }
  const length = cursor.nameEnd - cursor.nameStart;
  for (const { nameStart, nameEnd } of sequences) {
    if (nameEnd - nameStart === length && equalsRange(cursor.bytes, nameStart, nameEnd, cursor.nameStart)) {
      refuse('sequence_in_body', cursor.nameStart);
    }
  }
}
