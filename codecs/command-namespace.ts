// Which collection a command touches, by the rule of its name.
// Does not look into pipelines ($lookup, $out …), which namespace-uses.ts does when asked: one name per command.
// Invariant: '' means "none or several", never "could not be read": that is refused.

import { byteAt, equalsAscii, findZero } from './bytes.ts';
import { FIELD } from './command-fields.ts';
import { COMMAND_NAMES, type CommandRow, commandRow } from './command-table.ts';
import type { CommandFields } from './command-view.ts';
import { BSON_TYPE, documentEnd, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import type { FieldTable } from './field-table.ts';
import { MAX_DATABASE_NAME_BYTES } from './limits.ts';
import { splitNamespace } from './namespace-uses.ts';
import type { SequenceRange } from './op-msg.ts';
import { findSequence } from './statements.ts';
import { readText } from './text.ts';
import { readNumber } from './value.ts';

const DOT = 0x2e;
/** NUL, space, double quote, $, ., / and \ may not stand in a database name. */
const FORBIDDEN_IN_DATABASE: ReadonlySet<number> = new Set([0, 0x20, 0x22, 0x24, DOT, 0x2f, 0x5c]);
/** The one name with a dollar: the home of users that are kept outside (X.509, LDAP). */
const EXTERNAL_DATABASE = '$external';
/** Old servers called the cursor of listIndexes by this and the collection's name. */
const INDEXES_CURSOR = '$cmd.listIndexes.';

/** A database name, judged. @throws DecodeError db_invalid. */
export function readDatabase(bytes: Buffer, start: number, end: number): string {
  if (start === end || end - start > MAX_DATABASE_NAME_BYTES) {
    return refuse('db_invalid', start);
  }
  for (let i = start; i < end; i++) {
    const byte = byteAt(bytes, i);
    if (byte <= 0x5c && FORBIDDEN_IN_DATABASE.has(byte) && !equalsAscii(bytes, start, end, EXTERNAL_DATABASE)) {
      return refuse('db_invalid', start);
    }
  }
  return readText(bytes, start, end);
}

/** Sets the database from the bytes of `db.collection`; gives the offset of the dot. @throws DecodeError db_invalid. */
export function readDatabaseBeforeDot(view: CommandFields, start: number, end: number): number {
  const { bytes } = view.frame;
  const dot = bytes.indexOf(DOT, start);
  if (dot < 0 || dot >= end) {
    refuse('db_invalid', start);
  }
  view.database = readDatabase(bytes, start, dot);
  view.namespaceDatabase = view.database;
  return dot;
}

/** Sets `name` and `row` by the command's first key; the strings of known commands are shared. */
export function readCommandName(view: CommandFields, start: number, end: number): void {
  const { bytes } = view.frame;
  const index = COMMAND_NAMES.find(bytes, start, end);
  view.name = index < 0 ? readText(bytes, start, end) : (COMMAND_NAMES.names[index] as string);
  view.row = commandRow(index);
}

/** Sets `collection` (and what goes with it) from the scanned fields. @throws DecodeError collection_invalid, field_type. */
export function readNamespace(view: CommandFields, table: FieldTable, sequences: readonly SequenceRange[]): void {
  const { firstType: type, firstValueStart: start, firstValueEnd: end } = table;
  const bytes = view.frame.bytes;
  view.namespaceDatabase = view.database;
  switch (view.row.namespace) {
    case 'first':
      view.collection = readCollection(bytes, type, start, end);
      return;
    case 'aggregate':
      view.collection =
        readNumber(bytes, type, start) === 1 ? '$cmd.aggregate' : readCollection(bytes, type, start, end);
      return;
    case 'getMore':
      readGetMore(view, table);
      return;
    case 'fullName':
      setFullName(view, readCollection(bytes, type, start, end));
      return;
    case 'bulkWrite':
      readBulkWrite(view, table, sequences);
      return;
    case 'explain':
      if (type !== BSON_TYPE.document) refuse('field_type', start);
      readExplained(view, start, end);
      return;
    case 'guess':
      view.collection = type === BSON_TYPE.string ? readCollection(bytes, type, start, end) : '';
      return;
    case 'none':
      return;
  }
}

function readCollection(bytes: Buffer, type: number, start: number, end: number): string {
  if (type !== BSON_TYPE.string || end - start === 5 || findZero(bytes, start + 4, end) !== end - 1) {
    return refuse('collection_invalid', start);
  }
  return readText(bytes, start + 4, end - 1);
}

/** A name without a dot is a collection of the command's own database: the server will say what is wrong with it. */
function setFullName(view: CommandFields, fullName: string): void {
  const { database, collection } = splitNamespace(fullName);
  view.collection = collection;
  if (database !== '') view.namespaceDatabase = database;
}

function readGetMore(view: CommandFields, table: FieldTable): void {
  const start = table.firstValueStart;
  if (Number.isNaN(readNumber(view.frame.bytes, table.firstType, start))) {
    refuse('field_type', start);
  }
  view.cursorIdType = table.firstType;
  view.cursorIdStart = start;
  const type = table.type(FIELD.collection);
  const collection =
    type === 0
      ? refuse('collection_invalid', table.firstValueEnd)
      : readCollection(view.frame.bytes, type, table.start(FIELD.collection), table.end(FIELD.collection));
  view.collection = collection.startsWith(INDEXES_CURSOR) ? collection.slice(INDEXES_CURSOR.length) : collection;
}

/** The inner command's collection where its rule is the simple one; an explain of anything else names none. */
function readExplained(view: CommandFields, start: number, end: number): void {
  const { bytes } = view.frame;
  const inner = new ElementCursor(bytes, start, end);
  if (!inner.next()) {
    refuse('empty_command', start);
  }
  const row = findRow(bytes, inner);
  view.explainedName = row.name === '' ? readText(bytes, inner.nameStart, inner.nameEnd) : row.name;
  const rule = row.namespace;
  if (rule === 'aggregate' && readNumber(bytes, inner.type, inner.valueStart) === 1) {
    view.collection = '$cmd.aggregate';
  } else if (rule === 'first' || rule === 'aggregate' || (rule === 'guess' && inner.type === BSON_TYPE.string)) {
    view.collection = readCollection(bytes, inner.type, inner.valueStart, inner.valueEnd);
  }
}

/** The row of the command that the element's name is. */
export function findRow(bytes: Buffer, { nameStart, nameEnd }: ElementCursor): CommandRow {
  return commandRow(COMMAND_NAMES.find(bytes, nameStart, nameEnd));
}

/** nsInfo is a sequence (drivers) or an array in the body; only a single entry gives one namespace. */
function readBulkWrite(view: CommandFields, table: FieldTable, sequences: readonly SequenceRange[]): void {
  const bytes = view.frame.bytes;
  const sequence = findSequence(bytes, sequences, 'nsInfo');
  if (sequence !== null) {
    const { documentsStart, documentsEnd } = sequence;
    const hasEntry = documentsStart < documentsEnd;
    if (hasEntry && documentEnd(bytes, documentsStart, documentsEnd) === documentsEnd) {
      setBulkNamespace(view, documentsStart, documentsEnd);
    }
    return;
  }
  if (table.type(FIELD.nsInfo) === BSON_TYPE.array) {
    const array = new ElementCursor(bytes, table.start(FIELD.nsInfo), table.end(FIELD.nsInfo));
    if (array.next() && array.type === BSON_TYPE.document) {
      const { valueStart, valueEnd } = array;
      if (!array.next()) {
        setBulkNamespace(view, valueStart, valueEnd);
      }
    }
  }
}

function setBulkNamespace(view: CommandFields, start: number, end: number): void {
  const bytes = view.frame.bytes;
  const entry = new ElementCursor(bytes, start, end);
  if (!entry.seek('ns')) {
    return;
  }
  const fullName = readCollection(bytes, entry.type, entry.valueStart, entry.valueEnd);
  view.bulkWriteNamespace = fullName;
  setFullName(view, fullName);
}
