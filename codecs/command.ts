// Reads a request frame into a CommandView: one pass over the body's top-level elements, then only what is needed.
// Does not change the frame and does not validate values that weir never reads; the server does.
// Invariant: throws DecodeError or returns a view whose every offset is inside the frame.

import { equalsAscii, findZero } from './bytes.ts';
import { findComment, readComment } from './command-comment.ts';
import { FIELD, FIELD_NAMES } from './command-fields.ts';
import { readCommandName, readDatabase, readNamespace } from './command-namespace.ts';
import { CommandFields, type CommandView } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { FieldTable } from './field-table.ts';
import type { Frame } from './frame.ts';
import { MAX_DOCUMENT_BYTES } from './limits.ts';
import { MSG_FLAG, type OpMsgLayout, type SequenceRange, scanOpMsg } from './op-msg.ts';
import { scanOpQuery } from './op-query.ts';
import { OPCODE } from './opcode.ts';
import { readText } from './text.ts';
import { readNumber, readString, readTruth } from './value.ts';

const UUID_SUBTYPE = 4;
const UUID_BYTES = 16;
/** What the server takes at most; anything else is left for it to refuse. */
const LONGEST_MAX_TIME_MS = 2_147_483_647;
const COMMAND_COLLECTION = '$cmd';
const NO_SEQUENCES: readonly SequenceRange[] = [];

/** Reused by every read: reading is synchronous and never nested. */
const table: FieldTable = new FieldTable(FIELD_NAMES, 'refuse');

/** @throws DecodeError; its `reaction` says whether the peer is answered. */
export function readCommand(frame: Frame): CommandView {
  const view = new CommandFields(frame);
  if (frame.opcode === OPCODE.msg) {
    readMessage(view, scanOpMsg(frame.bytes));
  } else if (frame.opcode === OPCODE.query) {
    readQuery(view);
  } else {
    refuse('unknown_opcode', 12);
  }
  return view;
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

/** Everything that OP_MSG and OP_QUERY commands have in common; the table holds the body's fields. */
function readBody(view: CommandFields, sequences: readonly SequenceRange[]): void {
  const { name, rule } = readCommandName(view.frame.bytes, table.firstNameStart, table.firstNameEnd);
  view.name = name;
  readNamespace(view, rule, table, sequences);
  readSession(view);
  readMaxTime(view);
  readComment(view, table, sequences);
  if (table.type(FIELD.readPreference) === BSON_TYPE.document) {
    readMode(view, table.start(FIELD.readPreference), table.end(FIELD.readPreference));
  }
  if (name === 'find') {
    view.opensAwaitingCursor = isTrue(view, FIELD.tailable) && isTrue(view, FIELD.awaitData) ? 'tailable' : 'none';
  } else if (name === 'aggregate') {
    view.opensAwaitingCursor = startsWithChangeStream(view) ? 'change_stream' : 'none';
  } else if (name === 'killCursors') {
    readKilledCursors(view);
  }
}

function readSession(view: CommandFields): void {
  if (table.has(FIELD.lsid)) {
    readLsid(view, table.type(FIELD.lsid), table.start(FIELD.lsid), table.end(FIELD.lsid));
  }
  if (table.has(FIELD.txnNumber)) {
    expectType(FIELD.txnNumber, BSON_TYPE.int64);
    view.hasTxnNumber = true;
    view.txnNumberStart = table.start(FIELD.txnNumber);
  }
  if (table.has(FIELD.autocommit)) {
    expectType(FIELD.autocommit, BSON_TYPE.boolean);
    view.autocommitFalse = !isTrue(view, FIELD.autocommit);
  }
  if (table.has(FIELD.startTransaction)) {
    expectType(FIELD.startTransaction, BSON_TYPE.boolean);
    view.startTransaction = isTrue(view, FIELD.startTransaction);
  }
}

function readLsid(view: CommandFields, type: number, start: number, end: number): void {
  if (type !== BSON_TYPE.document) {
    refuse('field_type', start);
  }
  const bytes = view.frame.bytes;
  const cursor = new ElementCursor(bytes, start, end);
  if (!cursor.seek('id') || cursor.type !== BSON_TYPE.binary) {
    return refuse('field_type', start);
  }
  const uuidStart = cursor.valueStart + 5;
  if (cursor.valueEnd - uuidStart !== UUID_BYTES || bytes[uuidStart - 1] !== UUID_SUBTYPE) {
    refuse('field_type', uuidStart);
  }
  // A second id would let two parsers disagree on who owns what this session opened.
  if (cursor.seek('id')) {
    refuse('duplicate_field', cursor.nameStart);
  }
  view.hasLsid = true;
  view.lsidStart = start;
  view.lsidEnd = end;
  view.lsidUuidStart = uuidStart;
}

function readMaxTime(view: CommandFields): void {
  if (!table.has(FIELD.maxTimeMS)) {
    return;
  }
  const type = table.type(FIELD.maxTimeMS);
  const start = table.start(FIELD.maxTimeMS);
  const value = readNumber(view.frame.bytes, type, start);
  if (value >= 0 && value <= LONGEST_MAX_TIME_MS) {
    view.maxTimeMS = value;
    view.maxTimeOffset = start;
    view.maxTimeType = type;
  }
}

function readMode(view: CommandFields, start: number, end: number): void {
  const cursor = new ElementCursor(view.frame.bytes, start, end);
  if (cursor.seek('mode') && cursor.type === BSON_TYPE.string) {
    view.readPreferenceMode = readString(cursor.bytes, cursor.valueStart, cursor.valueEnd);
  }
}

function startsWithChangeStream(view: CommandFields): boolean {
  if (table.type(FIELD.pipeline) !== BSON_TYPE.array) {
    return false;
  }
  const stages = new ElementCursor(view.frame.bytes, table.start(FIELD.pipeline), table.end(FIELD.pipeline));
  if (!stages.next() || stages.type !== BSON_TYPE.document) {
    return false;
  }
  const stage = new ElementCursor(view.frame.bytes, stages.valueStart, stages.valueEnd);
  return stage.next() && stage.isNamed('$changeStream');
}

function readKilledCursors(view: CommandFields): void {
  if (table.type(FIELD.cursors) !== BSON_TYPE.array) {
    return refuse('field_type', table.firstValueEnd);
  }
  const start = table.start(FIELD.cursors);
  const end = table.end(FIELD.cursors);
  const cursor = new ElementCursor(view.frame.bytes, start, end);
  while (cursor.next()) {
    if (Number.isNaN(readNumber(cursor.bytes, cursor.type, cursor.valueStart))) {
      refuse('field_type', cursor.valueStart);
    }
  }
  view.cursorsStart = start;
  view.cursorsEnd = end;
}

function isTrue(view: CommandFields, field: number): boolean {
  return readTruth(view.frame.bytes, table.type(field), table.start(field));
}

function expectType(field: number, type: number): void {
  if (table.type(field) !== type) {
    refuse('field_type', table.start(field));
  }
}

/** OP_QUERY on `<db>.$cmd` is a command, perhaps wrapped in `$query`; on anything else it is recognised and named only. */
function readQuery(view: CommandFields): void {
  const bytes = view.frame.bytes;
  const layout = scanOpQuery(bytes);
  const { namespaceStart, namespaceEnd, queryStart, queryEnd } = layout;
  const dot = bytes.indexOf(0x2e, namespaceStart);
  if (dot < 0 || dot >= namespaceEnd) {
    refuse('db_invalid', namespaceStart);
  }
  view.database = readDatabase(bytes, namespaceStart, dot);
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
