// OP_REPLY: the answer to OP_QUERY. Layout declared once (reference reader) with a scanner as its fast twin.
// Does not read the document.
// Invariant: what scanOpReply returns holds exactly one document, the rest of the message; scanOpReplyDocuments takes any
// number of them, as queries had.

import type { Parser } from 'binary-parser/dist/binary_parser.js';
import { readInt32 } from './bytes.ts';
import { documentEnd } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { headerLayout, type MessageHeader } from './header.ts';
import { HEADER_BYTES } from './limits.ts';

/** Bits of OP_REPLY's responseFlags. */
export const REPLY_FLAG = { cursorNotFound: 1, queryFailure: 2, awaitCapable: 8 } as const;

const FLAGS_AT = HEADER_BYTES;
const NUMBER_RETURNED_AT = HEADER_BYTES + 16;

/** Where the int64 cursorID stands. */
export const REPLY_CURSOR_AT: number = HEADER_BYTES + 4;

/** Bytes in front of the first document: header, flags, cursorID, startingFrom, numberReturned. */
export const REPLY_DOCUMENT_AT: number = HEADER_BYTES + 20;

/** Offsets into the message. */
export interface OpReplyLayout {
  readonly flags: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** @throws DecodeError bad_layout unless exactly one document fills the message; invalid_bson if its length lies. */
export function scanOpReply(bytes: Buffer): OpReplyLayout {
  const end = bytes.length;
  if (end < REPLY_DOCUMENT_AT || readInt32(bytes, NUMBER_RETURNED_AT) !== 1) {
    return refuse('bad_layout', NUMBER_RETURNED_AT);
  }
  const bodyEnd = documentEnd(bytes, REPLY_DOCUMENT_AT, end);
  if (bodyEnd !== end) {
    return refuse('bad_layout', bodyEnd);
  }
  return { flags: readInt32(bytes, FLAGS_AT), bodyStart: REPLY_DOCUMENT_AT, bodyEnd };
}

/** The documents of an OP_REPLY, back to back until the message's end. */
export interface OpReplyDocuments {
  readonly flags: number;
  readonly documents: number;
  readonly documentsStart: number;
}

/** @throws DecodeError bad_layout unless numberReturned documents fill the message; invalid_bson if a length lies. */
export function scanOpReplyDocuments(bytes: Buffer): OpReplyDocuments {
  const end = bytes.length;
  if (end < REPLY_DOCUMENT_AT) {
    return refuse('bad_layout', end);
  }
  let documents = 0;
  let at = REPLY_DOCUMENT_AT;
  while (at < end) {
    at = documentEnd(bytes, at, end);
    documents++;
  }
  return documents === readInt32(bytes, NUMBER_RETURNED_AT)
    ? { flags: readInt32(bytes, FLAGS_AT), documents, documentsStart: REPLY_DOCUMENT_AT }
    : refuse('bad_layout', NUMBER_RETURNED_AT);
}

/** The whole message as the declared layout reads it. */
export interface OpReplyReference extends MessageHeader {
  readonly flags: number;
  readonly cursorId: bigint;
  readonly startingFrom: number;
  readonly numberReturned: number;
  readonly documents: Buffer;
}

const LAYOUT: Parser = headerLayout()
  .int32('flags')
  .int64('cursorId')
  .int32('startingFrom')
  .int32('numberReturned')
  .buffer('documents', { readUntil: 'eof' });

/** Reference reader by the declared layout, for tools and tests. @throws RangeError where the message is too short. */
export function readOpReplyReference(bytes: Buffer): OpReplyReference {
  return LAYOUT.parse(bytes) as OpReplyReference;
}
