// Recognises by its first bytes that a client speaks another protocol than MongoDB's.
// Does not read that protocol and does not say what to do about it.
// Invariant: no first message of a MongoDB driver is taken for one.

import { byteAt, equalsAscii } from './bytes.ts';

/** Bytes that must be there before {@link foreignProtocol} can tell. */
export const OPENING_BYTES = 4;

const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 3;
const TLS_MINOR_LAST = 4;
/** Every one of them, read as a length, is above the largest message. */
const HTTP_STARTS: readonly string[] = ['GET ', 'POST', 'HEAD', 'PUT ', 'OPTI', 'DELE', 'PATC', 'CONN', 'PRI '];

/**
 * `tls` for a handshake record, `http` for a request line, null for anything else. `at`: the connection's first byte.
 * Read as a length, the start of a TLS record (versions 3.1 and up) is 66 326 bytes or more; drivers open with a hello
 * of some hundred.
 */
export function foreignProtocol(bytes: Buffer, at = 0): 'tls' | 'http' | null {
  if (bytes.length - at < OPENING_BYTES) {
    return null;
  }
  if (byteAt(bytes, at) === TLS_HANDSHAKE && byteAt(bytes, at + 1) === TLS_MAJOR) {
    const minor = byteAt(bytes, at + 2);
    return minor >= 1 && minor <= TLS_MINOR_LAST ? 'tls' : null;
  }
  return HTTP_STARTS.some((start) => equalsAscii(bytes, at, at + OPENING_BYTES, start)) ? 'http' : null;
}
