// Reads a request frame that weir serves into a CommandView: one pass over the body's top-level elements, then only what
// is needed (command-body.ts). The removed opcodes are read by legacy.ts.
// Does not change the frame and does not validate values that weir never reads; the server does.
// Invariant: throws DecodeError or returns a view whose every offset is inside the frame.

import { equalsAscii, findZero } from './bytes.ts';
import { readBody, readMode, table } from './command-body.ts';
import { findComment } from './command-comment.ts';
import { FIELD } from './command-fields.ts';
import { readDatabase, readDatabaseBeforeDot } from './command-namespace.ts';
import { CommandFields, type CommandView } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import type { Frame } from './frame.ts';
import { MAX_DOCUMENT_BYTES } from './limits.ts';
import { MSG_FLAG, type OpMsgLayout, type SequenceRange, scanOpMsg } from './op-msg.ts';
import { scanOpQuery } from './op-query.ts';
import { OPCODE } from './opcode.ts';
import { readText } from './text.ts';

const COMMAND_COLLECTION = '$cmd';
const NO_SEQUENCES: readonly SequenceRange[] = [];

/** @throws DecodeError; its `reaction` says whether the peer is answered. */
export function readCommand(frame: Frame): CommandView {
  const view = new CommandFields(frame);
  fillCommand(view);
  return view;
}

/** Reads the view's own frame into it. @throws DecodeError. */
export function fillCommand(view: CommandFields): void {
  if (view.opcode === OPCODE.msg) {
    readMessage(view, scanOpMsg(view.frame.bytes));
  } else if (view.opcode === OPCODE.query) {
    readQuery(view);
  } else {
    refuse('unknown_opcode', 12);
  }
}

function readMessage(view: CommandFields, layout: OpMsgLayout): void {
  const bytes = view.frame.bytes;
  view.moreToCome = (layout.flagBits & MSG_FLAG.moreToCome) !== 0;
  view.exhaustAllowed = (layout.flagBits & MSG_FLAG.exhaustAllowed) !== 0;
  view.checksumPresent = (layout.flagBits & MSG_FLAG.checksumPresent) !== 0;
  view.bodyStart = layout.bodyStart;
  view.bodyEnd = layout.bodyEnd;
  if (layout.bodyEnd - layout.bodyStart > MAX_DOCUMENT_BYTES) {
    refuse('document_too_large', layout.bodyStart);
  }
  table.scan(bytes, layout.bodyStart, layout.bodyEnd, layout.sequences);
  if (table.firstType === 0) {
    refuse('empty_command', layout.bodyStart);
  }
  const type = table.type(FIELD.db);
  const start = table.start(FIELD.db);
  if (type === 0) {
    refuse('db_missing', layout.bodyStart);
  }
  view.database =
    type === BSON_TYPE.string ? readDatabase(bytes, start + 4, table.end(FIELD.db) - 1) : refuse('db_invalid', start);
  readBody(view, layout.sequences);
}

/** OP_QUERY on `<db>.$cmd` is a command, perhaps wrapped in `$query`; on anything else it is recognised and named only. */
function readQuery(view: CommandFields): void {
  const bytes = view.frame.bytes;
  const layout = scanOpQuery(bytes);
  const { namespaceStart, namespaceEnd, queryStart, queryEnd } = layout;
  const dot = readDatabaseBeforeDot(view, namespaceStart, namespaceEnd);
  view.bodyStart = queryStart;
  view.bodyEnd = queryEnd;
  if (!equalsAscii(bytes, dot + 1, namespaceEnd, COMMAND_COLLECTION)) {
    view.collection = readText(bytes, dot + 1, namespaceEnd);
    return;
  }
  if (layout.numberToReturn !== 1 && layout.numberToReturn !== -1) {
    refuse('bad_number_to_return', findZero(bytes, namespaceStart, bytes.length) + 5);
  }
  const wrapper = unwrapQuery(view);
  if (view.bodyEnd - view.bodyStart > MAX_DOCUMENT_BYTES) {
    refuse('document_too_large', view.bodyStart);
  }
  table.scan(bytes, view.bodyStart, view.bodyEnd, NO_SEQUENCES);
  if (table.firstType === 0) {
    refuse('empty_command', view.bodyStart);
  }
  if (table.has(FIELD.db)) {
    refuse('db_in_query', table.start(FIELD.db));
  }
  readBody(view, NO_SEQUENCES);
  if (wrapper) {
    readWrapper(view, queryStart, queryEnd);
  }
}

/** Moves the body into `$query` where the document is a wrapper. */
function unwrapQuery(view: CommandFields): boolean {
  const cursor = new ElementCursor(view.frame.bytes, view.bodyStart, view.bodyEnd);
  if (!cursor.next() || !cursor.isNamed('$query')) {
    return false;
  }
  if (cursor.type !== BSON_TYPE.document) {
    refuse('field_type', cursor.valueStart);
  }
  view.bodyStart = cursor.valueStart;
  view.bodyEnd = cursor.valueEnd;
  return true;
}

/** What stands beside `$query`; `table` is free again by now. */
function readWrapper(view: CommandFields, start: number, end: number): void {
  table.scan(view.frame.bytes, start, end, NO_SEQUENCES);
  if (table.type(FIELD.readPreference) === BSON_TYPE.document) {
    readMode(view, table.start(FIELD.readPreference), table.end(FIELD.readPreference));
  }
  if (view.commentType === 0) {
    findComment(view, start, end);
  }
}
