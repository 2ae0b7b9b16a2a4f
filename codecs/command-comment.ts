// Finds the text that names a call site: the top-level comment, else the first $comment inside the operation.
// Does not interpret it.
// Invariant: looks at one filter, one statement and one $match at most; malformed BSON on that way is refused.

import { equalsAscii } from './bytes.ts';
import { FIELD } from './command-fields.ts';
import type { CommandFields } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import type { FieldTable } from './field-table.ts';
import type { SequenceRange } from './op-msg.ts';

const COMMENT_OPERATOR = '$comment';

/** Sets commentType, commentStart and commentEnd. @throws DecodeError invalid_bson. */
export function readComment(view: CommandFields, table: FieldTable, sequences: readonly SequenceRange[]): void {
  if (table.has(FIELD.comment)) {
    view.commentType = table.type(FIELD.comment);
    view.commentStart = table.start(FIELD.comment);
    view.commentEnd = table.end(FIELD.comment);
    return;
  }
  const bytes = view.frame.bytes;
  for (const field of [FIELD.filter, FIELD.query] as const) {
    if (table.type(field) === BSON_TYPE.document && findComment(view, table.start(field), table.end(field))) {
      return;
    }
  }
  if (table.type(FIELD.pipeline) === BSON_TYPE.array) {
    const match = findMatch(bytes, table.start(FIELD.pipeline), table.end(FIELD.pipeline));
    if (match !== null && findComment(view, match.valueStart, match.valueEnd)) {
      return;
    }
  }
  const statement = firstStatement(bytes, table, sequences);
  if (statement?.seek('q') === true && statement.type === BSON_TYPE.document) {
    findComment(view, statement.valueStart, statement.valueEnd);
  }
}

/** Takes the `$comment` of a document, if it has one. */
export function findComment(view: CommandFields, start: number, end: number): boolean {
  const cursor = new ElementCursor(view.frame.bytes, start, end);
  if (!cursor.seek(COMMENT_OPERATOR)) {
    return false;
  }
  view.commentType = cursor.type;
  view.commentStart = cursor.valueStart;
  view.commentEnd = cursor.valueEnd;
  return true;
}

/** The first $match stage, as a cursor that stands on its document. */
function findMatch(bytes: Buffer, start: number, end: number): ElementCursor | null {
  const stages = new ElementCursor(bytes, start, end);
  while (stages.next()) {
    if (stages.type !== BSON_TYPE.document) {
      return null;
    }
    const stage = new ElementCursor(bytes, stages.valueStart, stages.valueEnd);
    if (stage.next() && stage.type === BSON_TYPE.document && stage.isNamed('$match')) {
      return stage;
    }
  }
  return null;
}

/** First statement of an update or delete, wherever the driver put it; null if there is none. */
export function firstStatement(
  bytes: Buffer,
  table: FieldTable,
  sequences: readonly SequenceRange[],
): ElementCursor | null {
  for (const sequence of sequences) {
    const { nameStart, nameEnd, documentsStart, documentsEnd } = sequence;
    const isStatements =
      equalsAscii(bytes, nameStart, nameEnd, 'updates') || equalsAscii(bytes, nameStart, nameEnd, 'deletes');
    if (isStatements && documentsStart < documentsEnd) {
      return new ElementCursor(bytes, documentsStart, documentsEnd);
    }
  }
  for (const field of [FIELD.updates, FIELD.deletes] as const) {
    if (table.type(field) === BSON_TYPE.array) {
      const array = new ElementCursor(bytes, table.start(field), table.end(field));
      if (array.next() && array.type === BSON_TYPE.document) {
        return new ElementCursor(bytes, array.valueStart, array.valueEnd);
      }
    }
  }
  return null;
}
