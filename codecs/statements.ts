// Counts and finds the statements of a write, which stand in a document sequence or in an array of the body.
// Hops over them by length; does not look inside.
// Invariant: never throws on a view that readCommand returned: both places were checked when it was read.

import { equalsAscii, readInt32 } from './bytes.ts';
import type { CommandFields } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import type { SequenceRange } from './op-msg.ts';

const LENGTH_BYTES = 4;

/** The sequence of this (ASCII) identifier, null if the message has none. */
export function findSequence(
  bytes: Buffer,
  sequences: readonly SequenceRange[],
  identifier: string,
): SequenceRange | null {
  for (const sequence of sequences) {
    if (equalsAscii(bytes, sequence.nameStart, sequence.nameEnd, identifier)) {
      return sequence;
    }
  }
  return null;
}

/** How many statements the command has, wherever the driver put them; 0 if they are not there. */
export function countStatements(view: CommandFields): number {
  const bytes = view.frame.bytes;
  let count = 0;
  if (view.statementsStart >= 0) {
    const array = new ElementCursor(bytes, view.statementsStart, view.statementsEnd);
    while (array.next()) count++;
    return count;
  }
  const sequence = findSequence(bytes, view.sequences, view.row.statements);
  if (sequence === null) return count;
  for (let at = sequence.documentsStart; at < sequence.documentsEnd; at += readInt32(bytes, at)) count++;
  return count;
}

/** The array of this name in the body, as a cursor in front of its first element; null if there is none. */
function findArray(view: CommandFields, name: string): ElementCursor | null {
  const body = new ElementCursor(view.frame.bytes, view.bodyStart, view.bodyEnd);
  const isThere = body.seek(name) && body.type === BSON_TYPE.array;
  return isThere ? new ElementCursor(body.bytes, body.valueStart, body.valueEnd) : null;
}

/** Where the list begins: the first document of a sequence, or the length of an array. -1: there is none. */
export function statementsPlace(view: CommandFields, list: string): number {
  const sequence = findSequence(view.frame.bytes, view.sequences, list);
  if (sequence !== null) return sequence.documentsStart;
  const array = findArray(view, list);
  return array === null ? -1 : array.valueEnd - LENGTH_BYTES;
}

/** Calls `visit` with the bounds of each document of the list, until it returns false. Elements of other types are left out. */
export function visitStatements(
  view: CommandFields,
  list: string,
  visit: (start: number, end: number) => boolean,
): void {
  const bytes = view.frame.bytes;
  const sequence = findSequence(bytes, view.sequences, list);
  if (sequence !== null) {
    let at = sequence.documentsStart;
    while (at < sequence.documentsEnd) {
      const end = at + readInt32(bytes, at);
      if (!visit(at, end)) return;
      at = end;
    }
    return;
  }
  const array = findArray(view, list);
  while (array?.next() === true) {
    if (array.type === BSON_TYPE.document && !visit(array.valueStart, array.valueEnd)) return;
  }
}
