// How large the value of a BSON element is, seen from its first bytes only.
// Does not check what the value holds: it may not have arrived yet.
// Invariant: never reads at or beyond `end`.

import { readInt32 } from './bytes.ts';
import { SHAPE, SIZES } from './element-cursor.ts';

/** The int32 in front of a value of variable size. */
export const LENGTH_BYTES = 4;
export const SMALLEST_DOCUMENT_BYTES = 5;

/** What {@link valueBytes} says instead of a size. */
export const VALUE = { cut: -1, malformed: -2, twoTexts: -3 } as const;

/** An element whose type, name and size are known. `at`: its first byte, `zero`: the NUL of its name. */
export interface StreamedElement {
  readonly bytes: Buffer;
  readonly at: number;
  readonly zero: number;
  readonly size: number;
}

/** Bytes of the length that a value of this type starts with; 0: it starts with none. */
export function lengthBytes(type: number): number {
  const size = SIZES[type] as number;
  const hasLength = size < 0 && size !== SHAPE.boolean && size !== SHAPE.regex && size !== SHAPE.unknown;
  return hasLength ? LENGTH_BYTES : 0;
}

/** Bytes of the value that starts at `at`; `cut`: its length is not there yet; `twoTexts`: a regular expression. */
export function valueBytes(type: number, bytes: Buffer, at: number, end: number): number {
  const size = SIZES[type] as number;
  if (size >= 0) {
    return size;
  }
  switch (size) {
    case SHAPE.boolean:
      return 1;
    case SHAPE.regex:
      return VALUE.twoTexts;
    case SHAPE.unknown:
      return VALUE.malformed;
    default:
      return end - at < LENGTH_BYTES ? VALUE.cut : sizeFromLength(size, readInt32(bytes, at));
  }
}

function sizeFromLength(shape: number, length: number): number {
  switch (shape) {
    case SHAPE.string:
      return length < 1 ? VALUE.malformed : length + LENGTH_BYTES;
    case SHAPE.binary:
      return length < 0 ? VALUE.malformed : length + LENGTH_BYTES + 1;
    case SHAPE.dbPointer:
      return length < 1 ? VALUE.malformed : length + LENGTH_BYTES + 12;
    default:
      return length < SMALLEST_DOCUMENT_BYTES ? VALUE.malformed : length;
  }
}
