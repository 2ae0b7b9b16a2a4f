// Counts the operations of a bulkWrite as fast as they can be hopped over: there may be a hundred thousand in a message.
// Does not judge: it stops in front of whatever is cut or odd, and who reads token by token goes on there.
// Invariants: never reads at or beyond `end`; what it has counted lies wholly before `end`.

import { byteAt, findZero, readInt32 } from './bytes.ts';
import { LONGEST_NAME_BYTES } from './condenser-rules.ts';
import { BSON_TYPE } from './element-cursor.ts';
import { type CountedList, SHORT_NAME_BYTES } from './list-hop.ts';
import type { OperationTally } from './operation-tally.ts';
import { LENGTH_BYTES, SMALLEST_DOCUMENT_BYTES, valueBytes } from './streamed-element.ts';

/** Operations that stand back to back. Returns where the first one starts that is not counted. */
export function tallyDocuments(
  list: CountedList,
  tally: OperationTally,
  bytes: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  let at = start;
  for (;;) {
    const next = operationEnd(tally, bytes, at, end);
    if (next < 0) {
      return at;
    }
    list.count++;
    at = next;
  }
}

/** Operations that are elements of an array. @param end where the bytes end, or the array's terminating 0 stands */
export function tallyElements(
  list: CountedList,
  tally: OperationTally,
  bytes: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  let at = start;
  while (at < end && byteAt(bytes, at) === BSON_TYPE.document) {
    const last = Math.min(end, at + 1 + SHORT_NAME_BYTES + 1);
    let zero = at + 1;
    while (zero < last && byteAt(bytes, zero) !== 0) {
      zero++;
    }
    const next = zero < last ? operationEnd(tally, bytes, zero + 1, end) : -1;
    if (next < 0) {
      return at;
    }
    list.count++;
    at = next;
  }
  return at;
}

/** Counts one operation and gives its end; -1: it is not whole, or odd. */
function operationEnd(tally: OperationTally, bytes: Buffer, at: number, end: number): number {
  const length = at + LENGTH_BYTES > end ? 0 : readInt32(bytes, at);
  if (length < SMALLEST_DOCUMENT_BYTES || length > end - at) {
    return -1;
  }
  const last = at + length - 1;
  const first = at + LENGTH_BYTES;
  if (byteAt(bytes, last) !== 0) {
    return -1;
  }
  if (first < last) {
    const zero = findZero(bytes, first + 1, Math.min(last, first + 1 + LONGEST_NAME_BYTES));
    const size = zero < 0 ? -1 : valueBytes(byteAt(bytes, first), bytes, zero + 1, last);
    if (size < 0 || size > last - zero - 1) {
      return -1;
    }
    tally.addElement(bytes, first, zero);
  }
  return last + 1;
}
