// Bounds the nesting of a document before something recursive walks it.
// Does not decode; it is the guard in front of the decoder.
// Invariant: its own walk is iterative and holds at most MAX_NESTING cursors.

import { readInt32 } from './bytes.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { MAX_NESTING } from './limits.ts';

/** @throws DecodeError invalid_bson if the document is malformed on any level or nested deeper than MAX_NESTING. */
export function refuseDeep(bytes: Buffer, start = 0, end: number = bytes.length): void {
  const open: ElementCursor[] = [new ElementCursor(bytes, start, end)];
  for (let cursor = open.at(-1); cursor !== undefined; cursor = open.at(-1)) {
    if (!cursor.next()) {
      open.pop();
      continue;
    }
    const nested = nestedStart(cursor);
    if (nested < 0) {
      continue;
    }
    if (open.length === MAX_NESTING) {
      refuse('invalid_bson', nested);
    }
    open.push(new ElementCursor(bytes, nested, cursor.valueEnd));
  }
}

/** Where the document inside the current value starts, -1 if there is none. */
function nestedStart(cursor: ElementCursor): number {
  switch (cursor.type) {
    case BSON_TYPE.document:
    case BSON_TYPE.array:
      return cursor.valueStart;
    case BSON_TYPE.codeWithScope:
      return cursor.valueStart + 8 + readInt32(cursor.bytes, cursor.valueStart + 4);
    default:
      return -1;
  }
}
