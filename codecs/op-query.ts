// OP_QUERY: the opcode of legacy handshakes. Layout declared once (reference reader) with a scanner as its fast twin.
// Does not know commands; `command.ts` reads the document.
// Invariant: the document that is returned lies inside the message and so does the namespace.

import type { Parser } from 'binary-parser/dist/binary_parser.js';
import { findZero, readInt32 } from './bytes.ts';
import { documentEnd } from './element-cursor.ts';
import { refuse } from './errors.ts';
import { headerLayout, type MessageHeader, TEXT_LAYOUT } from './header.ts';
import { HEADER_BYTES } from './limits.ts';

/** Bits of OP_QUERY's flags that change what follows. */
export const QUERY_FLAG = { tailable: 2, awaitData: 0x20, exhaust: 0x40 } as const;

const FLAGS_AT = HEADER_BYTES;
const NAMESPACE_AT = HEADER_BYTES + 4;

/** Offsets into the message; the namespace is `<db>.<collection>` without its NUL. */
export interface OpQueryLayout {
  readonly flags: number;
  readonly namespaceStart: number;
  readonly namespaceEnd: number;
  readonly numberToReturn: number;
  readonly queryStart: number;
  readonly queryEnd: number;
}

/** @throws DecodeError bad_layout; invalid_bson if a document does not fit or bytes follow the projection. */
export function scanOpQuery(bytes: Buffer): OpQueryLayout {
  const end = bytes.length;
  const namespaceEnd = findZero(bytes, NAMESPACE_AT, end);
  if (namespaceEnd < 0 || namespaceEnd + 9 > end) {
    return refuse('bad_layout', end);
  }
  const queryStart = namespaceEnd + 9;
  const queryEnd = documentEnd(bytes, queryStart, end);
  if (queryEnd < end && documentEnd(bytes, queryEnd, end) !== end) {
    return refuse('invalid_bson', queryEnd);
  }
  return {
    flags: readInt32(bytes, FLAGS_AT),
    namespaceStart: NAMESPACE_AT,
    namespaceEnd,
    numberToReturn: readInt32(bytes, namespaceEnd + 5),
    queryStart,
    queryEnd,
  };
}

/** The whole message as the declared layout reads it; `documents` is the query and, if present, the projection. */
export interface OpQueryReference extends MessageHeader {
  readonly flags: number;
  readonly namespace: string;
  readonly numberToSkip: number;
  readonly numberToReturn: number;
  readonly documents: Buffer;
}

const LAYOUT: Parser = headerLayout()
  .int32('flags')
  .string('namespace', TEXT_LAYOUT)
  .int32('numberToSkip')
  .int32('numberToReturn')
  .buffer('documents', { readUntil: 'eof' });

/** Reference reader by the declared layout, for tools and tests. @throws RangeError where the message is too short. */
export function readOpQueryReference(bytes: Buffer): OpQueryReference {
  return LAYOUT.parse(bytes) as OpQueryReference;
}
