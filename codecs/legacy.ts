// Reads any request that ever was, for those who only look on: the served ones as command.ts does, the removed opcodes here.
// Pool mode does not use this door: it refuses what it does not serve. Compressed messages are inflated before.
// Invariant: throws DecodeError or returns a view whose every offset is inside the frame.

import { equalsRange } from './bytes.ts';
import { fillCommand } from './command.ts';
import { readBody, table } from './command-body.ts';
import { findComment } from './command-comment.ts';
import { readDatabase, readDatabaseBeforeDot } from './command-namespace.ts';
import { CommandFields, type CommandView } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import type { Frame } from './frame.ts';
import { type LegacyLayout, scanLegacy } from './legacy-layouts.ts';
import type { SequenceRange } from './op-msg.ts';
import { QUERY_FLAG, scanOpQuery } from './op-query.ts';
import { OPCODE, opcodeName } from './opcode.ts';
import { readQueryKind } from './query-kind.ts';
import { readText } from './text.ts';

const NO_SEQUENCES: readonly SequenceRange[] = [];
const SELECTOR_OPCODES: ReadonlySet<number> = new Set([OPCODE.update, OPCODE.delete]);
/** The server never answers these. */
const SILENT_OPCODES: ReadonlySet<number> = new Set([OPCODE.update, OPCODE.insert, OPCODE.delete, OPCODE.killCursors]);

/**
 * Reads a request of any opcode but OP_COMPRESSED. Names: OP_MSG, OP_COMMAND and OP_QUERY on `$cmd` have the command's;
 * everything else is called like its opcode: OP_QUERY, OP_INSERT, OP_UPDATE, OP_DELETE, OP_GET_MORE, OP_KILL_CURSORS,
 * OP_MSG_OLD.
 * @throws DecodeError; unknown_opcode for replies and for codes without a meaning.
 */
export function readAnyRequest(frame: Frame): CommandView {
  const view = new CommandFields(frame);
  if (frame.opcode === OPCODE.msg || frame.opcode === OPCODE.query) {
    fillCommand(view);
    if (view.name === '') {
      readPlainQuery(view);
    }
  } else {
    readRemoved(view, scanLegacy(frame.bytes, frame.opcode));
  }
  return view;
}

function readRemoved(view: CommandFields, layout: LegacyLayout): void {
  view.name = opcodeName(view.opcode);
  view.moreToCome = SILENT_OPCODES.has(view.opcode);
  switch (view.opcode) {
    case OPCODE.command:
      readOpCommand(view, layout);
      return;
    case OPCODE.diagnostic:
      return;
    case OPCODE.killCursors:
      view.cursorsStart = layout.cursorsStart;
      view.cursorsEnd = layout.cursorsEnd;
      return;
    default:
      readNamed(view, layout);
  }
}

/** OP_INSERT, OP_UPDATE, OP_DELETE, OP_GET_MORE. */
function readNamed(view: CommandFields, layout: LegacyLayout): void {
  const { bytes } = view.frame;
  const dot = readDatabaseBeforeDot(view, layout.namespaceStart, layout.namespaceEnd);
  view.collection = readText(bytes, dot + 1, layout.namespaceEnd);
  if (view.opcode === OPCODE.getMore) {
    view.cursorIdType = BSON_TYPE.int64;
    view.cursorIdStart = layout.cursorsStart;
    return;
  }
  const first = new ElementCursor(bytes, layout.documentsStart, layout.documentsEnd);
  view.bodyStart = layout.documentsStart;
  view.bodyEnd = first.end;
  view.knownStatements = view.opcode === OPCODE.insert ? layout.documents : 1;
  if (SELECTOR_OPCODES.has(view.opcode)) {
    findComment(view, view.bodyStart, view.bodyEnd);
    view.queryKind = readQueryKind(bytes, view.bodyStart, view.bodyEnd);
  }
}

/**
 * The command is the document whose first key is its name: servers before and after 3.4 disagree on whether the metadata
 * stand in front of it or behind.
 */
function readOpCommand(view: CommandFields, layout: LegacyLayout): void {
  const { bytes } = view.frame;
  view.database = readDatabase(bytes, layout.namespaceStart, layout.namespaceEnd);
  const first = new ElementCursor(bytes, layout.documentsStart, layout.documentsEnd);
  const second = new ElementCursor(bytes, first.end, layout.documentsEnd);
  const isFirst = !isCommand(second, layout);
  view.bodyStart = isFirst ? layout.documentsStart : first.end;
  view.bodyEnd = isFirst ? first.end : second.end;
  table.scan(bytes, view.bodyStart, view.bodyEnd, NO_SEQUENCES);
  if (table.firstType === 0) {
    refuse('empty_command', view.bodyStart);
  }
  readBody(view, NO_SEQUENCES);
}

/** Moves to the first element: whether it has the command's name. */
function isCommand(document: ElementCursor, { commandStart, commandEnd }: LegacyLayout): boolean {
  if (!document.next()) {
    return false;
  }
  const { bytes, nameStart, nameEnd } = document;
  return nameEnd - nameStart === commandEnd - commandStart && equalsRange(bytes, nameStart, nameEnd, commandStart);
}

/** OP_QUERY on a collection: a predicate, or a wrapper with the predicate in `$query` (or `query`) and meta operators beside it. */
function readPlainQuery(view: CommandFields): void {
  const { bytes } = view.frame;
  const { flags } = scanOpQuery(bytes);
  view.name = opcodeName(OPCODE.query);
  view.exhaustAllowed = (flags & QUERY_FLAG.exhaust) !== 0;
  const awaits = QUERY_FLAG.tailable | QUERY_FLAG.awaitData;
  view.opensAwaitingCursor = (flags & awaits) === awaits ? 'tailable' : 'none';
  const isWrapped = findComment(view, view.bodyStart, view.bodyEnd);
  const cursor = new ElementCursor(bytes, view.bodyStart, view.bodyEnd);
  let { bodyStart: start, bodyEnd: end } = view;
  if (cursor.next() && cursor.type === BSON_TYPE.document && (cursor.isNamed('$query') || cursor.isNamed('query'))) {
    start = cursor.valueStart;
    end = cursor.valueEnd;
    if (!isWrapped) {
      findComment(view, start, end);
    }
  }
  if (!view.collection.startsWith('$cmd')) {
    view.queryKind = readQueryKind(bytes, start, end);
  }
}
