// What is kept of a large message: the parts of each opcode, the fields that are read later, the limits.
// Pure tables. Invariant: everything that readCommand or readReply decide on is kept, or replaced by an empty value of
// the same type; the sum is bounded.

import { BSON_TYPE } from './element-cursor.ts';
import { OPCODE } from './opcode.ts';
import { NameTable } from './text.ts';

/** Longest field name or namespace that is taken for one. */
export const LONGEST_NAME_BYTES = 1024;
/** Values up to this are kept whatever their name. */
export const KEPT_VALUE_BYTES = 16_384;
/** Values of the fields that hold call sites, namespaces and conditions are kept up to this. */
export const KEPT_WANTED_BYTES = 65_536;
/** Once so much is kept, only wanted fields go on to be kept … */
export const SOFT_KEPT_BYTES = 131_072;
/** … and once so much, nothing does. */
export const HARD_KEPT_BYTES = 393_216;

/** Entries of nsInfo up to this are kept as they are; of larger ones (with encryption schemas) only the namespace. */
export const WHOLE_NAMED_BYTES = 1024;

/** Ids of an OP_KILL_CURSORS that are kept; all of them are counted. */
export const KEPT_CURSORS = 4096;

const WANTED: NameTable = new NameTable([
  '$db',
  'lsid',
  'txnNumber',
  'autocommit',
  'startTransaction',
  'maxTimeMS',
  'comment',
  '$comment',
  'collection',
  '$readPreference',
  'filter',
  'query',
  '$query',
  'pipeline',
  'q',
  'nsInfo',
  'cursors',
  'ok',
  'n',
  'code',
  'errmsg',
  'codeName',
  'cursor',
  'id',
  'ns',
]);

/** Largest value kept under this name, given how much is kept already. */
export function keptValueBytes(name: Buffer, start: number, end: number, kept: number): number {
  if (kept >= HARD_KEPT_BYTES) {
    return -1;
  }
  if (WANTED.find(name, start, end) >= 0) {
    return KEPT_WANTED_BYTES;
  }
  return kept >= SOFT_KEPT_BYTES ? -1 : KEPT_VALUE_BYTES;
}

/** Largest first element of a list that is kept. */
export function keptItemBytes(kept: number): number {
  return kept >= HARD_KEPT_BYTES ? -1 : KEPT_WANTED_BYTES;
}

/** Lists whose elements are statements, stages, errors, namespaces or ids; those of any other are only counted. */
const LISTS: NameTable = new NameTable(['updates', 'deletes', 'pipeline', 'writeErrors', 'nsInfo', 'ops', 'cursors']);
const KEPT_OF_LIST: readonly Kept[] = ['first', 'first', 'first', 'first', 'named', 'tallied', 'fitting'];

/**
 * What is kept of a list: nothing, its first element, as many as fit into KEPT_WANTED_BYTES from its start, the same with
 * large documents cut down to their namespace, the first as a condensed document; `tallied`: nothing, but operations of a
 * bulkWrite say in their first field what they do, and to which of the namespaces, and that is counted.
 */
export type Kept = 'none' | 'first' | 'fitting' | 'named' | 'condensed' | 'tallied';

export function keptOfList(name: Buffer, start: number, end: number): Kept {
  return KEPT_OF_LIST[LISTS.find(name, start, end)] ?? 'none';
}

const DESCENDED: NameTable = new NameTable(['cursor', '$query']);

/** Whether a large document under this name is gone into, as its parent was. */
export function isDescended(name: Buffer, start: number, end: number): boolean {
  return DESCENDED.find(name, start, end) >= 0;
}

/**
 * A piece of a message: a number of bytes copied as they are, a `text` up to its NUL, a document of which the `fields`
 * are condensed, one that becomes `empty`, `documents` to the end (the first condensed, all counted), OP_MSG's `sections`,
 * the number of `cursors` with the first ids, a `rest` that is left out, a `line` of text that ends with the message.
 */
export type Part = number | 'text' | 'fields' | 'empty' | 'documents' | 'sections' | 'cursors' | 'rest' | 'line';

/** Source: protocol.md 1.3 and 1.5. Every opcode but OP_COMPRESSED, which holds another message. */
const PARTS: ReadonlyMap<number, readonly Part[]> = new Map<number, readonly Part[]>([
  [OPCODE.msg, [4, 'sections']],
  [OPCODE.reply, [20, 'documents']],
  [OPCODE.query, [4, 'text', 8, 'fields', 'empty']],
  [OPCODE.insert, [4, 'text', 'documents']],
  [OPCODE.update, [4, 'text', 4, 'fields', 'empty']],
  [OPCODE.delete, [4, 'text', 4, 'fields']],
  [OPCODE.getMore, [4, 'text', 12]],
  [OPCODE.killCursors, [4, 'cursors', 'rest']],
  [OPCODE.command, ['text', 'text', 'fields', 'fields', 'documents']],
  [OPCODE.commandReply, ['fields', 'fields', 'documents']],
  [OPCODE.diagnostic, ['line']],
]);

export function partsOf(opcode: number): readonly Part[] | undefined {
  return PARTS.get(opcode);
}

/** Whether a message may end where this part would begin. */
export function mayEndBefore(part: Part | undefined): boolean {
  return part === undefined || part === 'sections' || part === 'documents' || part === 'empty' || part === 'rest';
}

/** An empty value of a type, written where a large one is left out; null for types whose values are all small. */
export function emptyValue(type: number): Buffer | null {
  switch (type) {
    case BSON_TYPE.string:
    case BSON_TYPE.code:
    case BSON_TYPE.symbol:
      return EMPTY_STRING;
    case BSON_TYPE.document:
    case BSON_TYPE.array:
      return EMPTY_DOCUMENT;
    case BSON_TYPE.binary:
      return EMPTY_BINARY;
    case BSON_TYPE.regex:
      return EMPTY_REGEX;
    case BSON_TYPE.dbPointer:
      return EMPTY_DB_POINTER;
    case BSON_TYPE.codeWithScope:
      return EMPTY_CODE_WITH_SCOPE;
    default:
      return null;
  }
}

export const EMPTY_DOCUMENT: Buffer = Buffer.from([5, 0, 0, 0, 0]);
const EMPTY_STRING: Buffer = Buffer.from([1, 0, 0, 0, 0]);
const EMPTY_BINARY: Buffer = Buffer.from([0, 0, 0, 0, 0]);
const EMPTY_REGEX: Buffer = Buffer.from([0, 0]);
const EMPTY_DB_POINTER: Buffer = Buffer.concat([EMPTY_STRING, Buffer.alloc(12)]);
const EMPTY_CODE_WITH_SCOPE: Buffer = Buffer.from([14, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
