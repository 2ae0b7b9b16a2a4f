// What every command document says, whatever message it came in: name, namespace, session, comment, query kind.
// Does not know message layouts: command.ts and legacy.ts do, and scan the table first.
// Invariant: throws DecodeError or leaves a view whose every offset is inside the frame; `table` is used by one read at a time.

import { firstStatement, readComment } from './command-comment.ts';
import { FIELD, FIELD_NAMES } from './command-fields.ts';
import { readCommandName, readNamespace } from './command-namespace.ts';
import { COMMAND_NAMES, type CommandRow, commandRow } from './command-table.ts';
import type { CommandFields } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { FieldTable } from './field-table.ts';
import type { SequenceRange } from './op-msg.ts';
import { type QueryKind, readQueryKind } from './query-kind.ts';
import { readNumber, readString, readTruth } from './value.ts';

const UUID_SUBTYPE = 4;
const UUID_BYTES = 16;
/** What the server takes at most; anything else is left for it to refuse. */
const LONGEST_MAX_TIME_MS = 2_147_483_647;
const NO_SEQUENCES: readonly SequenceRange[] = [];

/** The body's fields. Reused by every read: reading is synchronous and never nested. */
export const table: FieldTable = new FieldTable(FIELD_NAMES, 'refuse');
/** Those of the command inside an explain; the server judges its duplicates. */
const innerTable: FieldTable = new FieldTable(FIELD_NAMES, 'last');

/**
 * Fills the view from a command document, which the table has scanned: everything that OP_MSG, OP_QUERY and OP_COMMAND
 * have in common. @throws DecodeError.
 */
export function readBody(view: CommandFields, sequences: readonly SequenceRange[]): void {
  view.sequences = sequences;
  readCommandName(view, table.firstNameStart, table.firstNameEnd);
  readNamespace(view, table, sequences);
  readSession(view);
  readMaxTime(view);
  readComment(view, table, sequences);
  readKind(view, view.row, table, sequences);
  if (view.row.statements !== '') {
    readStatements(view, FIELD[view.row.statements]);
  }
  if (table.type(FIELD.readPreference) === BSON_TYPE.document) {
    readMode(view, table.start(FIELD.readPreference), table.end(FIELD.readPreference));
  }
  const { name } = view;
  if (name === 'find') {
    view.opensAwaitingCursor = isTrue(view, FIELD.tailable) && isTrue(view, FIELD.awaitData) ? 'tailable' : 'none';
  } else if (name === 'aggregate') {
    view.opensAwaitingCursor =
      firstStage(view.frame.bytes, table)?.isNamed('$changeStream') === true ? 'change_stream' : 'none';
  } else if (name === 'killCursors') {
    readKilledCursors(view);
  } else if (name === 'explain') {
    readExplained(view);
  }
}

/** Where the statements stand if they are an array of the body. */
function readStatements(view: CommandFields, field: number): void {
  if (table.type(field) === BSON_TYPE.array) {
    view.statementsStart = table.start(field);
    view.statementsEnd = table.end(field);
  }
}

/** What stands inside an explain counts for it, as far as nothing was said at the top. */
function readExplained(view: CommandFields): void {
  innerTable.scan(view.frame.bytes, table.firstValueStart, table.firstValueEnd, NO_SEQUENCES);
  if (view.commentType === 0) {
    readComment(view, innerTable, NO_SEQUENCES);
  }
  const index = COMMAND_NAMES.find(view.frame.bytes, innerTable.firstNameStart, innerTable.firstNameEnd);
  readKind(view, commandRow(index), innerTable, NO_SEQUENCES);
}

/** The kind by the predicate, where the command has one. */
function readKind(view: CommandFields, row: CommandRow, fields: FieldTable, sequences: readonly SequenceRange[]): void {
  const { bytes } = view.frame;
  switch (row.predicate) {
    case 'none':
    case 'explain':
      return;
    case 'filter':
      view.queryKind = kindOf(bytes, fields, FIELD.filter);
      return;
    case 'query':
      view.queryKind = kindOf(bytes, fields, FIELD.query);
      return;
    case 'statement':
      view.queryKind = kindOfStatement(firstStatement(bytes, fields, sequences));
      return;
    case 'match':
      view.queryKind = view.collection === '$cmd.aggregate' ? 'none' : kindOfPipeline(bytes, fields);
      return;
  }
}

function kindOf(bytes: Buffer, fields: FieldTable, field: number): QueryKind {
  return fields.type(field) === BSON_TYPE.document
    ? readQueryKind(bytes, fields.start(field), fields.end(field))
    : 'scatter_get';
}

function kindOfStatement(statement: ElementCursor | null): QueryKind {
  const hasPredicate = statement?.seek('q') === true && statement.type === BSON_TYPE.document;
  return hasPredicate ? readQueryKind(statement.bytes, statement.valueStart, statement.valueEnd) : 'none';
}

/** Only a $match at the start is a predicate on the collection; a change stream asks for none of its documents. */
function kindOfPipeline(bytes: Buffer, fields: FieldTable): QueryKind {
  const stage = firstStage(bytes, fields);
  if (stage === null || stage.type !== BSON_TYPE.document) return 'scatter_get';
  if (stage.isNamed('$match')) return readQueryKind(bytes, stage.valueStart, stage.valueEnd);
  return stage.isNamed('$changeStream') ? 'none' : 'scatter_get';
}

/** A cursor on the operator of the first stage, null if there is none. */
function firstStage(bytes: Buffer, fields: FieldTable): ElementCursor | null {
  if (fields.type(FIELD.pipeline) !== BSON_TYPE.array) return null;
  const stages = new ElementCursor(bytes, fields.start(FIELD.pipeline), fields.end(FIELD.pipeline));
  if (!stages.next() || stages.type !== BSON_TYPE.document) return null;
  const stage = new ElementCursor(bytes, stages.valueStart, stages.valueEnd);
  return stage.next() ? stage : null;
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
  view.maxTimeType = type;
  if (value >= 0 && value <= LONGEST_MAX_TIME_MS) {
    view.maxTimeMS = value;
    view.maxTimeOffset = start;
  }
}

/** Sets the mode from a `$readPreference` document. */
export function readMode(view: CommandFields, start: number, end: number): void {
  const cursor = new ElementCursor(view.frame.bytes, start, end);
  if (cursor.seek('mode') && cursor.type === BSON_TYPE.string) {
    view.readPreferenceMode = readString(cursor.bytes, cursor.valueStart, cursor.valueEnd);
  }
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
