// Tells by the first bytes of a stream what is spoken on it: MongoDB (and who speaks), TLS, HTTP, something else.
// Keeps nothing and asks no port. Invariant: the answer depends on the given bytes only.

import { HEADER_BYTES, isKnownOpcode, MAX_MESSAGE_BYTES, OPCODE, startsLikeHttp } from '../../codecs/index.ts';
import { readLittleInt32, readNet16 } from './numbers.ts';

/** client, server: MongoDB, and these bytes are that side's. short: too few bytes to tell. */
export type Spoken = 'client' | 'server' | 'tls' | 'http' | 'other' | 'short';

/** With so many bytes the answer is never `short`. */
export const TELLING_BYTES = 21;

/** A request line and the start of an answer are told by so many bytes. */
const HTTP_TELLING_BYTES = 4;
/** `HTTP`. */
const HTTP_ANSWER_START = 0x48_54_54_50;
const TLS_HEADER_BYTES = 5;
const TLS_LARGEST_RECORD = 16_640;
/** Required bits of OP_MSG that have a meaning: checksumPresent and moreToCome. */
const UNKNOWN_REQUIRED_FLAGS = 0xfffc;

/** @param bytes a stream from its start, or a segment from the middle of one, at bytes[start, end) */
export function tellSpoken(bytes: Buffer, start: number, end: number): Spoken {
  const length = end - start;
  if (length >= TLS_HEADER_BYTES && isTls(bytes, start, end)) return 'tls';
  if (length >= HTTP_TELLING_BYTES && isHttp(bytes, start)) return 'http';
  if (length < HEADER_BYTES) return couldBeMessage(bytes, start, length) ? 'short' : 'other';
  return tellMessage(bytes, start, end);
}

/** A record of a known type and version, no longer than records may be, and another one behind it if anything. */
function isTls(bytes: Buffer, at: number, end: number): boolean {
  if (!isTlsRecord(bytes, at)) return false;
  const recordBytes = readNet16(bytes, at + 3);
  const next = at + TLS_HEADER_BYTES + recordBytes;
  return recordBytes > 0 && recordBytes <= TLS_LARGEST_RECORD && (next + 3 > end || isTlsRecord(bytes, next));
}

/** Change of cipher, alert, handshake or data, of SSL 3.0 to TLS 1.3. */
function isTlsRecord(bytes: Buffer, at: number): boolean {
  const type = bytes[at] as number;
  return type >= 0x14 && type <= 0x17 && bytes[at + 1] === 3 && (bytes[at + 2] as number) <= 4;
}

function isHttp(bytes: Buffer, at: number): boolean {
  return startsLikeHttp(bytes, at) || bytes.readUInt32BE(at) === HTTP_ANSWER_START;
}

/** So few bytes that not even a header is whole: only a length that cannot be one rules a message out. */
function couldBeMessage(bytes: Buffer, at: number, length: number): boolean {
  return length < TLS_HEADER_BYTES || isLength(readLittleInt32(bytes, at));
}

function isLength(length: number): boolean {
  return length >= HEADER_BYTES && length <= MAX_MESSAGE_BYTES;
}

function tellMessage(bytes: Buffer, at: number, end: number): Spoken {
  const opcode = readLittleInt32(bytes, at + 12);
  if (!isLength(readLittleInt32(bytes, at)) || !isKnownOpcode(opcode)) return 'other';
  const answers = readLittleInt32(bytes, at + 8);
  switch (opcode) {
    case OPCODE.reply:
    case OPCODE.commandReply:
      return 'server';
    case OPCODE.msg:
      if (end - at < TELLING_BYTES) return 'short';
      return isMessageStart(bytes, at + HEADER_BYTES) ? sideOf(answers) : 'other';
    case OPCODE.compressed:
    case OPCODE.diagnostic:
      return sideOf(answers);
    default:
      return 'client';
  }
}

/** Flags whose meaning is known, then the kind of a section. */
function isMessageStart(bytes: Buffer, at: number): boolean {
  return (readLittleInt32(bytes, at) & UNKNOWN_REQUIRED_FLAGS) === 0 && (bytes[at + 4] as number) <= 1;
}

/** Requests answer nobody: 0, or -1 from some drivers (protocol.md 1.1). */
function sideOf(responseTo: number): Spoken {
  return responseTo === 0 || responseTo === -1 ? 'client' : 'server';
}
