// OP_MSG: where its sections lie. The layout is declared once (reference reader); the scanner is its fast twin.
// Does not read inside documents: it hops over them by length.
// Invariant: a layout that is returned has exactly one body, at most two sequences, and every range inside the message.

import { Parser } from 'binary-parser/dist/binary_parser.js';
import { byteAt, equalsRange, findZero, readInt32 } from './bytes.ts';
import { crc32c } from './crc32c.ts';
import { documentEnd } from './element-cursor.ts';
import { DecodeError, refuse } from './errors.ts';
import { headerLayout, type MessageHeader } from './header.ts';
import { HEADER_BYTES, MAX_SEQUENCES } from './limits.ts';

/** Bits of flagBits. The low 16 are required (unknown ones refuse the message), the high 16 are optional. */
export const MSG_FLAG = { checksumPresent: 1, moreToCome: 2, exhaustAllowed: 0x10000 } as const;

const KNOWN_REQUIRED = MSG_FLAG.checksumPresent | MSG_FLAG.moreToCome;
const REQUIRED_MASK = 0xffff;
const FLAGS_AT = HEADER_BYTES;
const SECTIONS_AT = HEADER_BYTES + 4;
const CHECKSUM_BYTES = 4;
const KIND = { body: 0, sequence: 1, securityToken: 2 } as const;

/** Whether a bit is set that must be understood and is not. */
export function hasUnknownRequiredFlag(flagBits: number): boolean {
  return (flagBits & REQUIRED_MASK & ~KNOWN_REQUIRED) !== 0;
}

/** One kind-1 section: identifier without its NUL, then documents back to back. */
export interface SequenceRange {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly documentsStart: number;
  readonly documentsEnd: number;
}

/** Offsets into the message. */
export interface OpMsgLayout {
  readonly flagBits: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly sequences: readonly SequenceRange[];
}

const NO_SEQUENCES: readonly SequenceRange[] = [];

/** @throws DecodeError of the layout reasons, invalid_bson for a body whose own length lies. */
export function scanOpMsg(bytes: Buffer): OpMsgLayout {
  const flagBits = scanFlags(bytes);
  const end = sectionsEnd(bytes, flagBits);
  let bodyStart = -1;
  let bodyEnd = -1;
  let sequences = NO_SEQUENCES;
  let at = SECTIONS_AT;
  while (at < end) {
    const kind = byteAt(bytes, at);
    if (kind === KIND.body) {
      if (bodyStart >= 0) {
        refuse('two_bodies', at);
      }
      bodyStart = at + 1;
      bodyEnd = documentEnd(bytes, bodyStart, end);
      at = bodyEnd;
    } else {
      const sequence = scanSequence(bytes, at, end);
      sequences = addSequence(bytes, sequences, sequence);
      at = sequence.documentsEnd;
    }
  }
  return bodyStart < 0 ? refuse('no_body', end) : { flagBits, bodyStart, bodyEnd, sequences };
}

function scanFlags(bytes: Buffer): number {
  if (bytes.length < SECTIONS_AT) {
    return refuse('bad_layout', bytes.length);
  }
  const flagBits = readInt32(bytes, FLAGS_AT);
  return hasUnknownRequiredFlag(flagBits) ? refuse('unknown_required_flag', FLAGS_AT) : flagBits;
}

/** Where the sections end, after the checksum (if there is one) has been verified. */
function sectionsEnd(bytes: Buffer, flagBits: number): number {
  if ((flagBits & MSG_FLAG.checksumPresent) === 0) {
    return bytes.length;
  }
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < SECTIONS_AT) {
    return refuse('bad_layout', end);
  }
  return readInt32(bytes, end) >>> 0 === crc32c(bytes, 0, end) ? end : refuse('bad_checksum', end);
}

function scanSequence(bytes: Buffer, at: number, end: number): SequenceRange {
  const kind = byteAt(bytes, at);
  if (kind !== KIND.sequence) {
    return refuse(kind === KIND.securityToken ? 'security_token_section' : 'unknown_section', at);
  }
  const start = at + 1;
  const size = start + 5 > end ? 0 : readInt32(bytes, start);
  if (size < 5 || size > end - start) {
    return refuse('bad_sequence', start);
  }
  const documentsEnd = start + size;
  const nameStart = start + 4;
  const nameEnd = findZero(bytes, nameStart, documentsEnd);
  if (nameEnd < 0) {
    return refuse('bad_sequence', nameStart);
  }
  hopDocuments(bytes, nameEnd + 1, documentsEnd);
  return { nameStart, nameEnd, documentsStart: nameEnd + 1, documentsEnd };
}

/** A document that runs past its section is the section's fault, not a BSON error that could be answered and survived. */
function hopDocuments(bytes: Buffer, start: number, end: number): void {
  let at = start;
  while (at < end) {
    if (at + 5 > end) {
      refuse('bad_sequence', at);
    }
    const length = readInt32(bytes, at);
    if (length < 5 || length > end - at || byteAt(bytes, at + length - 1) !== 0) {
      refuse('bad_sequence', at);
    }
    at += length;
  }
}

function addSequence(bytes: Buffer, known: readonly SequenceRange[], added: SequenceRange): readonly SequenceRange[] {
  if (known.length === MAX_SEQUENCES) {
    return refuse('too_many_sequences', added.nameStart);
  }
  const length = added.nameEnd - added.nameStart;
  for (const { nameStart, nameEnd } of known) {
    if (nameEnd - nameStart === length && equalsRange(bytes, nameStart, nameEnd, added.nameStart)) {
      return refuse('repeated_sequence', added.nameStart);
    }
  }
  return [...known, added];
}

/** What the reference reader sees of one section; documents are views, not copies. */
export interface OpMsgReferenceSection {
  readonly kind: number;
  readonly body?: Buffer;
  readonly identifier?: Buffer;
  readonly documents?: Buffer;
}

/** The whole message as the declared layout reads it. */
export interface OpMsgReference extends MessageHeader {
  readonly flagBits: number;
  readonly sections: readonly OpMsgReferenceSection[];
  readonly checksum?: number;
}

/** Both kinds start alike: the size of a body is its document's own length. */
const SECTION: Parser = new Parser()
  .endianness('little')
  .uint8('kind')
  .int32('size')
  .buffer('content', {
    length(this: { size: number }) {
      return this.size - 4;
    },
  });

const LAYOUT: Parser = headerLayout().uint32('flagBits').buffer('rest', { readUntil: 'eof' });

/**
 * Reference reader by the declared layout, for tools and tests: sections in order, no rules but the layout's own.
 * @throws DecodeError bad_layout where a length does not fit.
 */
export function readOpMsgReference(bytes: Buffer): OpMsgReference {
  if (bytes.length < SECTIONS_AT) {
    throw new DecodeError('bad_layout', bytes.length);
  }
  const { rest, ...head } = LAYOUT.parse(bytes) as MessageHeader & { flagBits: number; rest: Buffer };
  const checked = (head.flagBits & MSG_FLAG.checksumPresent) !== 0;
  const end = checked ? rest.length - CHECKSUM_BYTES : rest.length;
  const sections: OpMsgReferenceSection[] = [];
  let at = 0;
  while (at < end) {
    const { section, used } = readSectionReference(rest.subarray(at, end), at + SECTIONS_AT);
    sections.push(section);
    at += used;
  }
  return checked && end >= 0 ? { ...head, sections, checksum: rest.readUInt32LE(end) } : { ...head, sections };
}

function readSectionReference(bytes: Buffer, offset: number): { section: OpMsgReferenceSection; used: number } {
  if (bytes.length < 5 || bytes.readInt32LE(1) < 4 || bytes.readInt32LE(1) > bytes.length - 1) {
    throw new DecodeError('bad_layout', offset);
  }
  const { kind, size, content } = SECTION.parse(bytes) as { kind: number; size: number; content: Buffer };
  if (kind === KIND.body) {
    return { section: { kind, body: bytes.subarray(1, 1 + size) }, used: 1 + size };
  }
  const zero = content.indexOf(0);
  if (zero < 0) {
    throw new DecodeError('bad_layout', offset);
  }
  const section = { kind, identifier: content.subarray(0, zero), documents: content.subarray(zero + 1) };
  return { section, used: 1 + size };
}
