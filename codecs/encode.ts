// Our own messages: a document into a whole OP_MSG or OP_REPLY.
// Does not keep any state: request ids are the caller's.
// Invariant: the narrowest form every driver accepts: one kind-0 section, no checksum, one document per OP_REPLY.

import { type BsonDocument, Double, Int32, serialize } from './bson.ts';
import { writeInt32 } from './bytes.ts';
import { HEADER_BYTES } from './limits.ts';
import { REPLY_DOCUMENT_AT, REPLY_FLAG } from './op-reply.ts';
import { OPCODE } from './opcode.ts';

const MSG_DOCUMENT_AT = HEADER_BYTES + 5;

/** OP_MSG with one body. `flags` are flagBits (bit 1: moreToCome); never set the checksum bit here. */
export function encodeMessage(document: BsonDocument, requestId: number, responseTo: number, flags = 0): Buffer {
  const message = allocate(document, MSG_DOCUMENT_AT, OPCODE.msg);
  writeInt32(message, 4, requestId);
  writeInt32(message, 8, responseTo);
  writeInt32(message, HEADER_BYTES, flags);
  return message;
}

/** How an OP_REPLY is flagged. */
export interface EncodeReplyOptions {
  /** Sets queryFailure, for `{$err, code, ok: 0}`. */
  readonly queryFailure?: boolean;
}

/** OP_REPLY with one document, awaitCapable like every server. */
export function encodeReply(
  document: BsonDocument,
  requestId: number,
  responseTo: number,
  options: EncodeReplyOptions = {},
): Buffer {
  const message = allocate(document, REPLY_DOCUMENT_AT, OPCODE.reply);
  writeInt32(message, 4, requestId);
  writeInt32(message, 8, responseTo);
  const failure = options.queryFailure === true ? REPLY_FLAG.queryFailure : 0;
  writeInt32(message, HEADER_BYTES, REPLY_FLAG.awaitCapable | failure);
  writeInt32(message, HEADER_BYTES + 16, 1);
  return message;
}

/** What a refused non-command OP_QUERY is told. */
export interface QueryFailure {
  readonly message: string;
  readonly code: number;
}

/** OP_REPLY that refuses an OP_QUERY which is no command: `{$err, code, ok: 0}` with queryFailure set. */
export function encodeQueryFailure(failure: QueryFailure, requestId: number, responseTo: number): Buffer {
  const document = { $err: failure.message, code: new Int32(failure.code), ok: new Double(0) };
  return encodeReply(document, requestId, responseTo, { queryFailure: true });
}

/** A zeroed message with length, opcode and the document in place. */
function allocate(document: BsonDocument, documentAt: number, opcode: number): Buffer {
  const body = serialize(document);
  const message = Buffer.alloc(documentAt + body.length);
  writeInt32(message, 0, message.length);
  writeInt32(message, 12, opcode);
  message.set(body, documentAt);
  return message;
}
