// Checks a document on all its levels and bounds their number, before anything recursive or anyone else reads it.
// Does not decode. Invariant: descends at most MAX_NESTING levels, whatever the bytes are.

import { readInt32 } from './bytes.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { MAX_NESTING } from './limits.ts';

/** @throws DecodeError invalid_bson if the document is malformed on any level or nested deeper than MAX_NESTING. */
export function refuseDeep(bytes: Buffer, start = 0, end: number = bytes.length, level = 1): void {
  const cursor = new ElementCursor(bytes, start, end);
  while (cursor.next()) refuseDeepValue(cursor, level);
}

/** The same for the document, array or scope that is the cursor's current value; nothing for other types. */
export function refuseDeepValue(cursor: ElementCursor, level: number): void {
  const nested = nestedStart(cursor);
  if (nested < 0) {
    return;
  }
  if (level >= MAX_NESTING) {
    refuse('invalid_bson', nested);
  }
  refuseDeep(cursor.bytes, nested, cursor.valueEnd, level + 1);
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
