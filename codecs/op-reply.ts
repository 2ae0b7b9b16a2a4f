// OP_REPLY: the answer to OP_QUERY. Layout declared once (reference reader) with a scanner as its fast twin.
// Does not read the document.
// Invariant: a layout that is returned holds exactly one document, the rest of the message.

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
