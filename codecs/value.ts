// Meaning of single BSON values, read in place.
// Does not check lengths: the cursor that found the value did.
// Invariant: never throws; a type that has no such meaning gives the stated fallback.

import { byteAt, readInt32, readInt64AsNumber } from './bytes.ts';
import { BSON_TYPE } from './element-cursor.ts';
import { readText } from './text.ts';

/** int32, int64 (rounded beyond 2^53) or double as a number; NaN for any other type. */
export function readNumber(bytes: Buffer, type: number, start: number): number {
  switch (type) {
    case BSON_TYPE.int32:
      return readInt32(bytes, start);
    case BSON_TYPE.int64:
      return readInt64AsNumber(bytes, start);
    case BSON_TYPE.double:
      return bytes.readDoubleLE(start);
    default:
      return Number.NaN;
  }
}

/** Like {@link readNumber} but 0 instead of NaN. */
export function readCount(bytes: Buffer, type: number, start: number): number {
  const value = readNumber(bytes, type, start);
  return Number.isNaN(value) ? 0 : value;
}

/** Whether the server would take the value for true: true itself or a number that is not 0. */
export function readTruth(bytes: Buffer, type: number, start: number): boolean {
  if (type === BSON_TYPE.boolean) {
    return byteAt(bytes, start) === 1;
  }
  const value = readNumber(bytes, type, start);
  return !Number.isNaN(value) && value !== 0;
}

/** A number as a cursor id: int64, or an int32 or whole double as some clients send it; 0n for anything else. */
export function readBigInt(bytes: Buffer, type: number, start: number): bigint {
  if (type === BSON_TYPE.int64) {
    return bytes.readBigInt64LE(start);
  }
  const value = readNumber(bytes, type, start);
  return Number.isSafeInteger(value) ? BigInt(value) : 0n;
}

/** Text of a string value (its length prefix and NUL left out). */
export function readString(bytes: Buffer, start: number, end: number): string {
  return readText(bytes, start + 4, end - 1);
}
