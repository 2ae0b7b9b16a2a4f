// Counts the elements of a list that is only counted, as fast as they can be hopped over: replies have thousands.
// Does not judge: it stops in front of whatever is cut or odd, and who reads token by token goes on there.
// Invariants: never reads at or beyond `end`; what it has counted lies wholly before `end`.

import { byteAt, findZero, readInt32 } from './bytes.ts';
import { LONGEST_NAME_BYTES } from './condenser-rules.ts';
import { BSON_TYPE } from './element-cursor.ts';
import { LENGTH_BYTES, SMALLEST_DOCUMENT_BYTES, valueBytes } from './streamed-element.ts';

/** What the elements are counted in. */
export interface CountedList {
  count: number;
}

/** Longest name of an element that is taken for an index without further ado. */
export const SHORT_NAME_BYTES = 7;
/** Type, such a name, its NUL, the length of a document. */
const SHORT_HEAD_BYTES = 1 + SHORT_NAME_BYTES + 1 + LENGTH_BYTES;

/**
 * Hops over elements of an array. Returns where the first one starts that is not hopped over.
 * @param end where the bytes end, or the array's terminating 0 stands
 */
export function hopElements(list: CountedList, bytes: Buffer, start: number, end: number): number {
  let at = start;
  for (;;) {
    at = hopIndexed(list, bytes, at, end);
    const next = elementEnd(bytes, at, end);
    if (next > end) {
      return at;
    }
    at = next;
    list.count++;
  }
}

/** The loop for documents under short names, which is what batches are made of: a third of the time of the general one. */
function hopIndexed(list: CountedList, bytes: Buffer, start: number, end: number): number {
  let at = start;
  let count = 0;
  while (at + SHORT_HEAD_BYTES <= end && bytes[at] === BSON_TYPE.document) {
    const last = at + 1 + SHORT_NAME_BYTES;
    let value = at + 1;
    while (value < last && bytes[value] !== 0) {
      value++;
    }
    if (bytes[value] !== 0) {
      break;
    }
    value++;
    const length = readInt32(bytes, value);
    if (length < SMALLEST_DOCUMENT_BYTES || length > end - value) {
      break;
    }
    at = value + length;
    count++;
  }
  list.count += count;
  return at;
}

/** Behind the element at `at`; beyond `end` where that cannot be told or is for others to judge. */
function elementEnd(bytes: Buffer, at: number, end: number): number {
  const zero = findZero(bytes, at + 1, Math.min(end, at + 1 + LONGEST_NAME_BYTES));
  const size = zero < 0 ? -1 : valueBytes(byteAt(bytes, at), bytes, zero + 1, end);
  return size < 0 ? end + 1 : zero + 1 + size;
}

/** Hops over documents that stand back to back. Returns where the first one starts that is not hopped over. */
export function hopDocuments(list: CountedList, bytes: Buffer, start: number, end: number): number {
  let at = start;
  let count = 0;
  while (at + LENGTH_BYTES <= end) {
    const length = readInt32(bytes, at);
    if (length < SMALLEST_DOCUMENT_BYTES || length > end - at) {
      break;
    }
    at += length;
    count++;
  }
  list.count += count;
  return at;
}
