// Recognises by its first bytes that a client speaks another protocol than MongoDB's.
// Does not read that protocol and does not say what to do about it.
// Invariant: no first message of a MongoDB driver is taken for one.

import { byteAt, equalsAscii } from './bytes.ts';

export type ForeignProtocol = 'tls' | 'http';

/** With so many bytes {@link tellOpening} never says `short`. */
export const OPENING_BYTES = 10;

const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 3;
const TLS_CLIENT_HELLO = 1;
/** Where a handshake record has the type of its message, and a ClientHello its version's first byte. */
const TLS_TYPE_AT = 5;
const TLS_VERSION_AT = 9;
/** Methods, and the preface of HTTP/2. Every one of them, read as a length, is above the largest message. */
const HTTP_STARTS: readonly string[] = ['GET ', 'POST', 'HEAD', 'PUT ', 'OPTI', 'DELE', 'PATC', 'CONN', 'TRAC', 'PRI '];
const HTTP_START_BYTES = 4;

/**
 * What the bytes at `at`, a connection's first, are the start of; `short`: too few to tell.
 * A TLS record looks like a message of 65 000 bytes or more, so the handshake inside it is looked at too: where the
 * version of a ClientHello stands, a request has its responseTo, which is 0 or -1.
 */
export function tellOpening(bytes: Buffer, at = 0): ForeignProtocol | 'message' | 'short' {
  const length = bytes.length - at;
  if (length > 0 && byteAt(bytes, at) === TLS_HANDSHAKE) {
    return tellHandshake(bytes, at, length);
  }
  if (length < HTTP_START_BYTES) {
    return 'short';
  }
  return startsLikeHttp(bytes, at) ? 'http' : 'message';
}

function tellHandshake(bytes: Buffer, at: number, length: number): 'tls' | 'message' | 'short' {
  const isOther =
    (length > 1 && byteAt(bytes, at + 1) !== TLS_MAJOR) ||
    (length > TLS_TYPE_AT && byteAt(bytes, at + TLS_TYPE_AT) !== TLS_CLIENT_HELLO);
  if (isOther) {
    return 'message';
  }
  if (length < OPENING_BYTES) {
    return 'short';
  }
  return byteAt(bytes, at + TLS_VERSION_AT) === TLS_MAJOR ? 'tls' : 'message';
}

/** Whether a request line of HTTP starts at `at`, where four bytes must be. */
export function startsLikeHttp(bytes: Buffer, at: number): boolean {
  return HTTP_STARTS.some((start) => equalsAscii(bytes, at, at + HTTP_START_BYTES, start));
}
