// Which collection a command touches, by the rule of its name.
// Does not look into pipelines ($lookup, $out …): one name per command.
// Invariant: '' means "none or several", never "could not be read": that is refused.

import { byteAt, equalsAscii, findZero } from './bytes.ts';
import { FIELD } from './command-fields.ts';
import { COMMAND_TABLE, type NamespaceRule, namespaceRule } from './command-names.ts';
import type { CommandFields } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import type { FieldTable } from './field-table.ts';
import { MAX_DATABASE_NAME_BYTES } from './limits.ts';
import type { SequenceRange } from './op-msg.ts';
import { readText } from './text.ts';
import { readNumber } from './value.ts';

const DOT = 0x2e;
/** NUL, space, double quote, $, ., / and \ may not stand in a database name. */
const FORBIDDEN_IN_DATABASE: ReadonlySet<number> = new Set([0, 0x20, 0x22, 0x24, DOT, 0x2f, 0x5c]);
/** The one name with a dollar: the home of users that are kept outside (X.509, LDAP). */
const EXTERNAL_DATABASE = '$external';

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

/** Name of the command by its first key; the strings of known commands are shared. */
export function readCommandName(bytes: Buffer, start: number, end: number): { name: string; rule: NamespaceRule } {
  const index = COMMAND_TABLE.find(bytes, start, end);
  return {
    name: index < 0 ? readText(bytes, start, end) : (COMMAND_TABLE.names[index] as string),
    rule: namespaceRule(index),
  };
}

/** Sets `collection` (and what goes with it) from the scanned fields. @throws DecodeError collection_invalid, field_type. */
export function readNamespace(
  view: CommandFields,
  rule: NamespaceRule,
  table: FieldTable,
  sequences: readonly SequenceRange[],
): void {
  const { firstType: type, firstValueStart: start, firstValueEnd: end } = table;
  const bytes = view.frame.bytes;
  switch (rule) {
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
      view.collection = afterDot(readCollection(bytes, type, start, end));
      return;
    case 'bulkWrite':
      readBulkWrite(view, table, sequences);
      return;
    case 'explain':
      view.collection = type === BSON_TYPE.document ? readExplained(bytes, start, end) : refuse('field_type', start);
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

function afterDot(fullName: string): string {
  return fullName.slice(fullName.indexOf('.') + 1);
}

function readGetMore(view: CommandFields, table: FieldTable): void {
  const start = table.firstValueStart;
  if (Number.isNaN(readNumber(view.frame.bytes, table.firstType, start))) {
    refuse('field_type', start);
  }
  view.cursorIdType = table.firstType;
  view.cursorIdStart = start;
  const type = table.type(FIELD.collection);
  view.collection =
    type === 0
      ? refuse('collection_invalid', table.firstValueEnd)
      : readCollection(view.frame.bytes, type, table.start(FIELD.collection), table.end(FIELD.collection));
}

/** The inner command's collection where its rule is the simple one; an explain of anything else names none. */
function readExplained(bytes: Buffer, start: number, end: number): string {
  const inner = new ElementCursor(bytes, start, end);
  if (!inner.next()) {
    return refuse('empty_command', start);
  }
  const { rule } = readCommandName(bytes, inner.nameStart, inner.nameEnd);
  if (rule === 'aggregate' && readNumber(bytes, inner.type, inner.valueStart) === 1) {
    return '$cmd.aggregate';
  }
  if (rule === 'first' || rule === 'aggregate' || (rule === 'guess' && inner.type === BSON_TYPE.string)) {
    return readCollection(bytes, inner.type, inner.valueStart, inner.valueEnd);
  }
  return '';
}

/** nsInfo is a sequence (drivers) or an array in the body; only a single entry gives one namespace. */
function readBulkWrite(view: CommandFields, table: FieldTable, sequences: readonly SequenceRange[]): void {
  const bytes = view.frame.bytes;
  for (const sequence of sequences) {
    if (equalsAscii(bytes, sequence.nameStart, sequence.nameEnd, 'nsInfo')) {
      const entry = sequence.documentsStart < sequence.documentsEnd ? sequence.documentsStart : -1;
      if (entry >= 0 && new ElementCursor(bytes, entry, sequence.documentsEnd).end === sequence.documentsEnd) {
        setBulkNamespace(view, entry, sequence.documentsEnd);
      }
      return;
    }
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
  view.collection = afterDot(fullName);
}
