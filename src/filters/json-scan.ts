// Cuts the call site out of a JSON text without parsing it: one pass over the top-level keys, nested values hopped over.
// It is no validator: what stands behind the best key is never read. Invariant: reads nothing at or beyond `end`.

import { type CallSiteCut, CUT_FORM, type ScanResult } from './call-site-cut.ts';
import { KEY_RANK, LAST_DOCUMENT_RANK, rankOfKey } from './call-site-keys.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const SPACE = 0x20;
/** Ranks from here on do not count in JSON. */
const WORSE_THAN_ALL = LAST_DOCUMENT_RANK + 1;

/** @param start offset of the opening brace. `unreadable` leaves the question to a full parse. */
export function scanJson(bytes: Buffer, start: number, end: number, cut: CallSiteCut): ScanResult {
  let best: number = WORSE_THAN_ALL;
  let at = skipSpace(bytes, start + 1, end);
  while (isByte(bytes, at, end, QUOTE)) {
    const keyEnd = plainStringEnd(bytes, at + 1, end);
    const valueStart = keyEnd < 0 ? -1 : behind(bytes, keyEnd + 1, end, COLON);
    const plainEnd = plainTextEnd(bytes, valueStart, end);
    const valueEnd = plainEnd < 0 ? skipValue(bytes, valueStart, end) : plainEnd;
    if (valueEnd < 0) return 'unreadable';
    const rank = rankOfKey(bytes, at + 1, keyEnd);
    if (rank < best && isText(bytes, valueStart, valueEnd)) {
      best = rank;
      cut.set(valueStart + 1, valueEnd - 1, plainEnd < 0 ? CUT_FORM.json : CUT_FORM.plain);
      if (rank === KEY_RANK.callingFunction) return 'found';
    }
    at = behindMember(bytes, valueEnd, end);
  }
  if (!isByte(bytes, at, end, CLOSE_OBJECT)) return 'unreadable';
  return best === WORSE_THAN_ALL ? 'none' : 'found';
}

function isByte(bytes: Buffer, at: number, end: number, byte: number): boolean {
  return at >= 0 && at < end && bytes[at] === byte;
}

/** A string that is not empty. */
function isText(bytes: Buffer, start: number, end: number): boolean {
  return bytes[start] === QUOTE && end - start > 2;
}

/** Offset behind the string without escapes that opens here: most values are one. -1 for anything else. */
function plainTextEnd(bytes: Buffer, from: number, end: number): number {
  const quote = isByte(bytes, from, end, QUOTE) ? plainStringEnd(bytes, from + 1, end) : -1;
  return quote < 0 ? -1 : quote + 1;
}

/** Offset of the next key, or of whatever stands where a comma should. */
function behindMember(bytes: Buffer, from: number, end: number): number {
  const next = behind(bytes, from, end, COMMA);
  return next < 0 ? skipSpace(bytes, from, end) : next;
}

/** Offset behind white space, this byte, and white space again; -1 if the byte is not there. */
function behind(bytes: Buffer, from: number, end: number, byte: number): number {
  const at = skipSpace(bytes, from, end);
  return isByte(bytes, at, end, byte) ? skipSpace(bytes, at + 1, end) : -1;
}

function skipSpace(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] as number) <= SPACE) at++;
  return at;
}

/** Offset of the closing quote of a string without escapes; -1 where there is an escape first, or no quote. */
function plainStringEnd(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) return -1;
  }
  return -1;
}

/** Offset behind the string that opens at `from - 1`; -1 if it does not end. */
function stringEnd(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

/** Offset behind the value that starts at `from`; -1 if it does not end, or is none. */
function skipValue(bytes: Buffer, from: number, end: number): number {
  if (from < 0 || from >= end) return -1;
  const first = bytes[from];
  if (first === QUOTE) return stringEnd(bytes, from + 1, end);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return nestedEnd(bytes, from, end);
  let at = from;
  while (at < end && isWordByte(bytes[at] as number)) at++;
  return at === from || at === end ? -1 : at;
}

/** Brackets are counted, not matched: a text that mixes them up is broken and gets whatever it gets. */
function nestedEnd(bytes: Buffer, from: number, end: number): number {
  let depth = 0;
  let at = from;
  while (at < end) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = stringEnd(bytes, at + 1, end);
      if (at < 0) return -1;
      continue;
    }
    at++;
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--;
      if (depth === 0) return at;
    }
  }
  return -1;
}

/** Bytes of numbers, true, false and null. */
function isWordByte(byte: number): boolean {
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
  return isLetter || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e;
}
