// Reads any reply that ever was, for those who only look on: OP_MSG as reply.ts does, OP_REPLY with any number of documents,
// OP_COMMANDREPLY and the answer to the old OP_MSG. Compressed messages are inflated before.
// Invariant: throws DecodeError or returns a view whose every offset is inside the frame.

import type { CommandView } from './command-view.ts';
import { BSON_TYPE, documentEnd, ElementCursor } from './element-cursor.ts';
import { refuse } from './errors.ts';
import type { Frame } from './frame.ts';
import { scanCommandReply } from './legacy-layouts.ts';
import { REPLY_CURSOR_AT, REPLY_FLAG, scanOpReplyDocuments } from './op-reply.ts';
import { OPCODE, opcodeName } from './opcode.ts';
import { fillReply, readReply } from './reply.ts';
import { ReplyFields, type ReplyView } from './reply-view.ts';
import { readBigInt } from './value.ts';

const CURSOR_NOT_FOUND = 43;

/**
 * Reads a reply of any opcode but OP_COMPRESSED. An OP_REPLY to a query counts its documents as a batch and has its cursor;
 * `ok` is false where its flags say so.
 * @param request what it answers, where that is known: OP_REPLY looks the same for commands and for documents. Without it,
 * a single document that has `ok` and no cursor is taken for a command's answer.
 * @param knownDocuments how many documents an OP_REPLY had before it was condensed; -1 = count them here.
 * @throws DecodeError.
 */
export function readAnyReply(frame: Frame, request: CommandView | null = null, knownDocuments = -1): ReplyView {
  switch (frame.opcode) {
    case OPCODE.reply:
      return readOpReply(frame, request, knownDocuments);
    case OPCODE.commandReply:
      return readCommandReply(frame);
    case OPCODE.diagnostic: {
      const view = new ReplyFields(frame);
      view.ok = true;
      return view;
    }
    default:
      return readReply(frame);
  }
}

function readOpReply(frame: Frame, request: CommandView | null, knownDocuments: number): ReplyView {
  const { bytes } = frame;
  const { flags, documents: seen, documentsStart } = scanOpReplyDocuments(bytes);
  const documents = Math.max(seen, knownDocuments);
  const view = new ReplyFields(frame);
  const failed = (flags & REPLY_FLAG.queryFailure) !== 0;
  const id = readBigInt(bytes, BSON_TYPE.int64, REPLY_CURSOR_AT);
  if (documents > 0) {
    view.bodyStart = documentsStart;
    view.bodyEnd = documentEnd(bytes, documentsStart, bytes.length);
  }
  if (documents === 1 && (failed || isCommandAnswer(view, request, id))) {
    fillReply(view, failed);
    return view;
  }
  view.ok = !failed && (flags & REPLY_FLAG.cursorNotFound) === 0;
  view.code = (flags & REPLY_FLAG.cursorNotFound) === 0 ? 0 : CURSOR_NOT_FOUND;
  view.cursorPresent = true;
  view.hasOpenCursor = id !== 0n;
  view.cursorIdType = BSON_TYPE.int64;
  view.cursorIdStart = REPLY_CURSOR_AT;
  view.batchCount = documents;
  return view;
}

function isCommandAnswer(view: ReplyFields, request: CommandView | null, cursorId: bigint): boolean {
  if (request !== null) {
    return request.opcode === OPCODE.query && request.name !== opcodeName(OPCODE.query);
  }
  return cursorId === 0n && hasOk(view, view.bodyStart, view.bodyEnd);
}

function hasOk({ frame }: ReplyFields, start: number, end: number): boolean {
  return new ElementCursor(frame.bytes, start, end).seek('ok');
}

/** The answer is the document that has `ok`: servers before and after 3.4 disagree on its place. */
function readCommandReply(frame: Frame): ReplyView {
  const { bytes } = frame;
  const { documentsStart } = scanCommandReply(bytes);
  const view = new ReplyFields(frame);
  const middle = documentEnd(bytes, documentsStart, bytes.length);
  const end = documentEnd(bytes, middle, bytes.length);
  const isFirst = hasOk(view, documentsStart, middle);
  if (!isFirst && !hasOk(view, middle, end)) {
    refuse('no_ok', documentsStart);
  }
  view.bodyStart = isFirst ? documentsStart : middle;
  view.bodyEnd = isFirst ? middle : end;
  fillReply(view, false);
  return view;
}
