// Cuts the call site out of a text that is no JSON: a key='value' list (sqlcommenter's form, Datadog's without slashes),
// a list that a tracer appended to the application's own text, or plain text. Invariant: reads nothing at or beyond `end`.

import { type CallSiteCut, CUT_FORM, type CutForm, type ScanResult } from './call-site-cut.ts';
import { KEY_RANK, NO_RANK, rankOfKey } from './call-site-keys.ts';

const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const SPACE = 0x20;
const SLASH = 0x2f;
const STAR = 0x2a;

/** @param end of the text, or of what may be looked at of it: then the cut ends there too. */
export function scanText(bytes: Buffer, start: number, end: number, cut: CallSiteCut): ScanResult {
  const first = trimStart(bytes, start, end);
  const isWrapped = first + 1 < end && bytes[first] === SLASH && bytes[first + 1] === STAR;
  const textStart = isWrapped ? trimStart(bytes, first + 2, end) : first;
  const list = findList(bytes, textStart, end);
  if (list === textStart) return scanList(bytes, list, end, cut);
  const textEnd = trimEnd(bytes, first, list < 0 ? end : list - 1);
  if (textEnd === first) return list < 0 ? 'none' : scanList(bytes, list, end, cut);
  cut.set(first, textEnd, CUT_FORM.plain);
  return 'found';
}

/** Offset of the first key of a list: at the text's start, or behind a comma; -1 if there is no list. */
function findList(bytes: Buffer, start: number, end: number): number {
  for (let at = start + 2; at < end; at++) {
    if (bytes[at] !== APOSTROPHE || bytes[at - 1] !== EQUALS) continue;
    let key = at - 1;
    while (key > start && isKeyByte(bytes[key - 1] as number)) key--;
    if (key < at - 1 && (key === start || bytes[key - 1] === COMMA)) return key;
  }
  return -1;
}

function scanList(bytes: Buffer, start: number, end: number, cut: CallSiteCut): ScanResult {
  let best: number = NO_RANK;
  let at = start;
  while (at < end) {
    const keyEnd = keyEndFrom(bytes, at, end);
    if (!opensValue(bytes, keyEnd, end)) break;
    const valueStart = keyEnd + 2;
    const valueEnd = listValueEnd(bytes, valueStart, end);
    const rank = rankOfKey(bytes, at, keyEnd);
    if (rank !== NO_RANK && valueEnd > valueStart) {
      best = takeValue(cut, {
        rank,
        best,
        start: valueStart,
        end: valueEnd,
        form: formOf(bytes, valueStart, valueEnd),
      });
      if (best === KEY_RANK.callingFunction) return 'found';
    }
    at = nextKey(bytes, valueEnd + 1, end);
  }
  return best === NO_RANK ? 'none' : 'found';
}

function keyEndFrom(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isKeyByte(bytes[at] as number)) at++;
  return at;
}

function opensValue(bytes: Buffer, at: number, end: number): boolean {
  return at + 1 < end && bytes[at] === EQUALS && bytes[at + 1] === APOSTROPHE;
}

function nextKey(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === COMMA || (bytes[at] as number) <= SPACE)) at++;
  return at;
}

interface ListValue {
  readonly rank: number;
  /** The best rank so far. */
  readonly best: number;
  readonly start: number;
  readonly end: number;
  readonly form: CutForm;
}

/** Keeps the value if it is better than what was found, or completes it. Returns the best rank from now on. */
function takeValue(cut: CallSiteCut, value: ListValue): number {
  const { rank, best, start, end, form } = value;
  if (rank === KEY_RANK.action && best === KEY_RANK.controller) {
    cut.setSecond(start, end, form);
    return best;
  }
  if (rank >= best) return best;
  const { start: oldStart, end: oldEnd, form: oldForm } = cut;
  cut.set(start, end, form);
  if (rank === KEY_RANK.controller && best === KEY_RANK.action) cut.setSecond(oldStart, oldEnd, oldForm);
  return rank;
}

/** Offset of the closing apostrophe, or `end`. A backslash keeps the next byte from closing. */
function listValueEnd(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== APOSTROPHE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return Math.min(at, end);
}

function formOf(bytes: Buffer, start: number, end: number): CutForm {
  for (let at = start; at < end; at++) {
    if (bytes[at] === PERCENT || bytes[at] === BACKSLASH) return CUT_FORM.percent;
  }
  return CUT_FORM.plain;
}

/** Letters, digits, `_`, `-`, `.`: keys of lists that anybody writes. */
function isKeyByte(byte: number): boolean {
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
  return isLetter || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === 0x2d || byte === 0x2e;
}

function trimStart(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) <= SPACE) at++;
  return at;
}

function trimEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] as number) <= SPACE) at--;
  return at;
}
