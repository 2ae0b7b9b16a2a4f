// The layouts of the opcodes that servers have removed, each declared once (reference reader) with a scanner as its fast twin.
// Does not read documents: it hops over them. Invariant: every range that is returned lies inside the message, and the
// message holds nothing else.

import { Parser } from 'binary-parser/dist/binary_parser.js';
import { findZero, readInt32 } from './bytes.ts';
import { documentEnd } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { headerLayout, type MessageHeader, TEXT_LAYOUT } from './header.ts';
import { HEADER_BYTES } from './limits.ts';
import { OPCODE } from './opcode.ts';

const CURSOR_BYTES = 8;

/** Offsets into the message; -1 where the opcode has no such part. */
export interface LegacyLayout {
  /** `db.collection` without its NUL; of OP_COMMAND the database, of OP_MSG_OLD its text. */
  readonly namespaceStart: number;
  readonly namespaceEnd: number;
  /** OP_COMMAND's command name without its NUL. */
  readonly commandStart: number;
  readonly commandEnd: number;
  /** Documents back to back. */
  readonly documentsStart: number;
  readonly documentsEnd: number;
  readonly documents: number;
  /** int64 cursor ids. */
  readonly cursorsStart: number;
  readonly cursorsEnd: number;
}

const NOTHING: LegacyLayout = {
  namespaceStart: -1,
  namespaceEnd: -1,
  commandStart: -1,
  commandEnd: -1,
  documentsStart: -1,
  documentsEnd: -1,
  documents: 0,
  cursorsStart: -1,
  cursorsEnd: -1,
};

/** How many documents a layout may hold. */
interface Few {
  readonly least: number;
  readonly most: number;
}

/** @throws DecodeError bad_layout, invalid_bson; unknown_opcode for an opcode that is not one of the removed requests. */
export function scanLegacy(bytes: Buffer, opcode: number): LegacyLayout {
  const start = HEADER_BYTES;
  switch (opcode) {
    case OPCODE.update:
      return scanNamed(bytes, start + 4, 4, { least: 2, most: 2 });
    case OPCODE.delete:
      return scanNamed(bytes, start + 4, 4, { least: 1, most: 1 });
    case OPCODE.insert:
      return scanNamed(bytes, start + 4, 0, { least: 1, most: Number.POSITIVE_INFINITY });
    case OPCODE.getMore:
      return scanGetMore(bytes);
    case OPCODE.killCursors:
      return scanKillCursors(bytes);
    case OPCODE.command:
      return scanCommand(bytes);
    case OPCODE.diagnostic:
      return scanDiagnostic(bytes);
    default:
      return refuse('unknown_opcode', 12);
  }
}

/** OP_COMMANDREPLY: two documents, then any number of others. */
export function scanCommandReply(bytes: Buffer): LegacyLayout {
  return scanDocuments(bytes, HEADER_BYTES, { least: 2, most: Number.POSITIVE_INFINITY }, NOTHING);
}

/** Offset of the NUL of the text at `start`. */
function textEnd(bytes: Buffer, start: number): number {
  const zero = start > bytes.length ? -1 : findZero(bytes, start, bytes.length);
  return zero < 0 ? refuse('bad_layout', bytes.length) : zero;
}

/** A namespace, this many bytes of fixed fields, then documents. */
function scanNamed(bytes: Buffer, namespaceStart: number, fixed: number, few: Few): LegacyLayout {
  const namespaceEnd = textEnd(bytes, namespaceStart);
  return scanDocuments(bytes, namespaceEnd + 1 + fixed, few, { ...NOTHING, namespaceStart, namespaceEnd });
}

function scanDocuments(bytes: Buffer, documentsStart: number, few: Few, names: LegacyLayout): LegacyLayout {
  const end = bytes.length;
  let documents = 0;
  let at = documentsStart;
  while (at < end) {
    at = documentEnd(bytes, at, end);
    documents++;
  }
  if (at !== end || documents < few.least || documents > few.most) {
    return refuse('bad_layout', end);
  }
  return { ...names, documentsStart, documentsEnd: end, documents };
}

function scanGetMore(bytes: Buffer): LegacyLayout {
  const namespaceStart = HEADER_BYTES + 4;
  const namespaceEnd = textEnd(bytes, namespaceStart);
  const cursorsStart = namespaceEnd + 5;
  const cursorsEnd = cursorsStart + CURSOR_BYTES;
  return cursorsEnd === bytes.length
    ? { ...NOTHING, namespaceStart, namespaceEnd, cursorsStart, cursorsEnd }
    : refuse('bad_layout', bytes.length);
}

function scanKillCursors(bytes: Buffer): LegacyLayout {
  const cursorsStart = HEADER_BYTES + 8;
  if (cursorsStart > bytes.length) {
    return refuse('bad_layout', bytes.length);
  }
  const count = readInt32(bytes, HEADER_BYTES + 4);
  return count * CURSOR_BYTES === bytes.length - cursorsStart
    ? { ...NOTHING, cursorsStart, cursorsEnd: bytes.length }
    : refuse('bad_layout', HEADER_BYTES + 4);
}

function scanCommand(bytes: Buffer): LegacyLayout {
  const namespaceStart = HEADER_BYTES;
  const namespaceEnd = textEnd(bytes, namespaceStart);
  const commandStart = namespaceEnd + 1;
  const commandEnd = textEnd(bytes, commandStart);
  const names = { ...NOTHING, namespaceStart, namespaceEnd, commandStart, commandEnd };
  return scanDocuments(bytes, commandEnd + 1, { least: 2, most: Number.POSITIVE_INFINITY }, names);
}

function scanDiagnostic(bytes: Buffer): LegacyLayout {
  const namespaceStart = HEADER_BYTES;
  const namespaceEnd = textEnd(bytes, namespaceStart);
  return namespaceEnd === bytes.length - 1
    ? { ...NOTHING, namespaceStart, namespaceEnd }
    : refuse('bad_layout', namespaceEnd);
}

/** The whole message as its declared layout reads it; which fields are there depends on the opcode. */
export interface LegacyReference extends MessageHeader {
  readonly zero?: number;
  readonly flags?: number;
  readonly namespace?: string;
  readonly database?: string;
  readonly command?: string;
  readonly text?: string;
  readonly numberToReturn?: number;
  readonly cursorId?: bigint;
  readonly count?: number;
  readonly cursorIds?: readonly bigint[];
  readonly documents?: Buffer;
}

const REST = { readUntil: 'eof' } as const;
const CURSOR: Parser = new Parser().endianness('little').int64('id');

/** Built once for each opcode. */
const LAYOUTS: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  [
    OPCODE.update,
    headerLayout().int32('zero').string('namespace', TEXT_LAYOUT).int32('flags').buffer('documents', REST),
  ],
  [
    OPCODE.delete,
    headerLayout().int32('zero').string('namespace', TEXT_LAYOUT).int32('flags').buffer('documents', REST),
  ],
  [OPCODE.insert, headerLayout().int32('flags').string('namespace', TEXT_LAYOUT).buffer('documents', REST)],
  [
    OPCODE.getMore,
    headerLayout().int32('zero').string('namespace', TEXT_LAYOUT).int32('numberToReturn').int64('cursorId'),
  ],
  [
    OPCODE.killCursors,
    headerLayout().int32('zero').int32('count').array('cursorIds', { type: CURSOR, readUntil: 'eof' }),
  ],
  [
    OPCODE.command,
    headerLayout().string('database', TEXT_LAYOUT).string('command', TEXT_LAYOUT).buffer('documents', REST),
  ],
  [OPCODE.commandReply, headerLayout().buffer('documents', REST)],
  [OPCODE.diagnostic, headerLayout().string('text', TEXT_LAYOUT)],
]);

/** Reference reader by the declared layout, for tools and tests. @throws RangeError for another opcode or where the message is too short. */
export function readLegacyReference(bytes: Buffer): LegacyReference {
  const opcode = bytes.length < HEADER_BYTES ? 0 : readInt32(bytes, 12);
  const layout = LAYOUTS.get(opcode);
  if (layout === undefined) {
    throw new RangeError('no legacy layout has this opcode');
  }
  const { cursorIds, ...rest } = layout.parse(bytes) as Omit<LegacyReference, 'cursorIds'> & {
    cursorIds?: readonly { id: bigint }[];
  };
  return cursorIds === undefined ? rest : { ...rest, cursorIds: cursorIds.map(({ id }) => id) };
}
