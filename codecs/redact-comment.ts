// Takes out of a comment what is no call site, in place and of the same length.
// Does not decide what the call site is: the filters do. Invariant: what stays of a JSON text, a `key='value'` list or
// a document is the values of call-site keys; a plain text is a call site as a whole and stays.

import { byteAt, equalsAscii } from './bytes.ts';

const CODE = {
  quote: 0x22,
  apostrophe: 0x27,
  colon: 0x3a,
  equals: 0x3d,
  backslash: 0x5c,
  openBracket: 0x5b,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
  x: 0x78,
  one: 0x31,
} as const;

/** The keys of comments that are documents or JSON. */
export const COMMENT_DOCUMENT_KEYS: readonly string[] = ['callingFunction', 'callsite', 'callSite', 'text'];
/** The keys of comments that are `key='value'` lists. */
export const COMMENT_LIST_KEYS: readonly string[] = [
  ...COMMENT_DOCUMENT_KEYS,
  'route',
  'controller',
  'action',
  'ddps',
  'application',
];
const JSON_WORDS: readonly string[] = ['true', 'false', 'null'];

/** Whether the bytes from `start` to `end` are one of these names. */
export function isOneOf(bytes: Buffer, start: number, end: number, names: readonly string[]): boolean {
  return names.some((name) => equalsAscii(bytes, start, end, name));
}

/** Redacts the characters of a comment (without length prefix and NUL). */
export function redactCommentText(bytes: Buffer, start: number, end: number): void {
  let first = start;
  while (first < end && byteAt(bytes, first) <= 0x20) first++;
  const isJson = first < end && byteAt(bytes, first) === CODE.openBrace;
  redactList(bytes, isJson ? redactJson(bytes, first, end) : start, end);
}

/** One pass over a JSON object, well-formed or not; returns where it ends. */
function redactJson(bytes: Buffer, start: number, end: number): number {
  let depth = 0;
  let isKept = false;
  let at = start;
  while (at < end) {
    const code = byteAt(bytes, at);
    if (code === CODE.quote) {
      const close = stringEnd(bytes, at + 1, end);
      if (isKey(bytes, close + 1, end)) {
        if (depth === 1) isKept = isOneOf(bytes, at + 1, close, COMMENT_DOCUMENT_KEYS);
      } else if (depth !== 1 || !isKept) {
        bytes.fill(CODE.x, at + 1, close);
      }
      at = close + 1;
    } else {
      depth += depthChange(code);
      at = isWordByte(code) ? redactWord(bytes, at, end) : at + 1;
      if (depth === 0) return at;
    }
  }
  return end;
}

function depthChange(code: number): number {
  if (code === CODE.openBrace || code === CODE.openBracket) return 1;
  return code === CODE.closeBrace || code === CODE.closeBracket ? -1 : 0;
}

/** Where the closing quote of a string is, `end` if there is none. */
function stringEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && byteAt(bytes, at) !== CODE.quote) at += byteAt(bytes, at) === CODE.backslash ? 2 : 1;
  return Math.min(at, end);
}

function isKey(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && byteAt(bytes, at) <= 0x20) at++;
  return at < end && byteAt(bytes, at) === CODE.colon;
}

/** Anything but white space and JSON's own marks. */
function isWordByte(code: number): boolean {
  return code > 0x20 && code !== CODE.colon && code !== CODE.quote && code !== 0x2c && depthChange(code) === 0;
}

/** A number keeps its look, `true`, `false` and `null` stay, everything else is no JSON. Returns its end. */
function redactWord(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isWordByte(byteAt(bytes, at))) at++;
  if (isOneOf(bytes, start, at, JSON_WORDS)) return at;
  const isNumber = isDigit(byteAt(bytes, at - 1));
  for (let i = start; i < at; i++) {
    const code = byteAt(bytes, i);
    if (isDigit(code)) bytes[i] = CODE.one;
    else if (!isNumber || !isNumberMark(code)) bytes[i] = CODE.x;
  }
  return at;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** `+`, `-`, `.`, `E`, `e`. */
function isNumberMark(code: number): boolean {
  return code === 0x2b || code === 0x2d || code === 0x2e || code === 0x45 || code === 0x65;
}

/** Values of a `key='value'` list whose key names no call site; the text in front of the list stays. */
function redactList(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at + 1 < end; at++) {
    if (byteAt(bytes, at) !== CODE.equals || byteAt(bytes, at + 1) !== CODE.apostrophe) continue;
    let close = at + 2;
    while (close < end && byteAt(bytes, close) !== CODE.apostrophe) {
      close += byteAt(bytes, close) === CODE.backslash ? 2 : 1;
    }
    close = Math.min(close, end);
    if (!isOneOf(bytes, keyStart(bytes, start, at), at, COMMENT_LIST_KEYS)) bytes.fill(CODE.x, at + 2, close);
    at = close;
  }
}

function keyStart(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && isKeyByte(byteAt(bytes, at - 1))) at--;
  return at;
}

/** Letters, digits, `_`, `-`, `.`, and `%` of encoded keys. */
function isKeyByte(code: number): boolean {
  const letter = code | 0x20;
  const isWord = isDigit(code) || code === 0x5f || (letter >= 0x61 && letter <= 0x7a);
  return isWord || code === 0x2d || code === 0x2e || code === 0x25;
}
