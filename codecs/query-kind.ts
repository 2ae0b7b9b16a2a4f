// How selective a predicate is by its _id alone: one document, several by their ids, or any number.
// Does not know indexes, shard keys or other fields: an equality on a unique email is a scatter_get too.
// Invariant: allocates nothing, descends at most MAX_AND_DEPTH levels of $and, reads nothing beyond the given end.

import { byteAt } from './bytes.ts';
import { BSON_TYPE, documentEnd, skipElement } from './element-cursor.ts';
import { refuse } from './errors.ts';

/**
 * none: the command has no predicate. primary_key: `_id` equals a value. multi_get: `_id` is one of several.
 * scatter_get: everything else. (The names are those of Envoy's MongoDB filter.)
 */
export type QueryKind = 'none' | 'primary_key' | 'multi_get' | 'scatter_get';

const MAX_AND_DEPTH = 8;
/** A document of `_id` and no value would have this many bytes. */
const ID_BYTES = 10;
/** 1 for the BSON types whose value can be no operator and that ids usually have. */
const PLAIN_TYPES: Uint8Array = new Uint8Array(256);
for (const type of ['objectId', 'string', 'int32', 'int64', 'double', 'binary'] as const)
  PLAIN_TYPES[BSON_TYPE[type]] = 1;
const DOLLAR = 0x24;
/** Ranks, so that the best branch of an $and wins. */
const SCATTER = 0;
const MULTI = 1;
const PRIMARY = 2;
const KINDS: readonly QueryKind[] = ['scatter_get', 'multi_get', 'primary_key'];

/** The kind of the predicate document between `start` and `end`. @throws DecodeError invalid_bson. */
export function readQueryKind(bytes: Buffer, start: number, end: number): QueryKind {
  if (isPlainIdFirst(bytes, start, end)) return 'primary_key';
  return KINDS[rankPredicate(bytes, start, documentEnd(bytes, start, end), 0)] as QueryKind;
}

/** By far the most frequent predicate, told without a walk: the first key is `_id` and its value can be no operator. */
function isPlainIdFirst(bytes: Buffer, start: number, end: number): boolean {
  const type = bytes[start + 4];
  return (
    end - start > ID_BYTES &&
    isId(bytes, start + 5, start + 8) &&
    bytes[start + 8] === 0 &&
    PLAIN_TYPES[type as number] === 1
  );
}

/** Offset of the NUL behind the name of the element at `at`; refused where there is none before `last`. */
function nameEndOf(bytes: Buffer, at: number, last: number): number {
  let zero = at + 1;
  while (zero < last && bytes[zero] !== 0) zero++;
  return zero < last ? zero : refuse('invalid_bson', at);
}

function rankPredicate(bytes: Buffer, start: number, end: number, depth: number): number {
  const last = end - 1;
  let best = SCATTER;
  let at = start + 4;
  while (at < last && best < PRIMARY) {
    const type = byteAt(bytes, at);
    const nameEnd = nameEndOf(bytes, at, last);
    const valueEnd = skipElement(bytes, type, nameEnd + 1, last);
    if (isId(bytes, at + 1, nameEnd)) {
      best = Math.max(best, rankId(bytes, type, nameEnd + 1, valueEnd));
    } else if (type === BSON_TYPE.array && isAnd(bytes, at + 1, nameEnd) && depth < MAX_AND_DEPTH) {
      best = Math.max(best, rankBranches(bytes, nameEnd + 1, valueEnd, depth + 1));
    }
    at = valueEnd;
  }
  return best;
}

function rankBranches(bytes: Buffer, start: number, end: number, depth: number): number {
  const last = end - 1;
  let best = SCATTER;
  let at = start + 4;
  while (at < last && best < PRIMARY) {
    const type = byteAt(bytes, at);
    const value = nameEndOf(bytes, at, last) + 1;
    const valueEnd = skipElement(bytes, type, value, last);
    if (type === BSON_TYPE.document) best = Math.max(best, rankPredicate(bytes, value, valueEnd, depth));
    at = valueEnd;
  }
  return best;
}

/** What `_id` is compared with: a value, a regular expression, or a document that may be made of operators. */
function rankId(bytes: Buffer, type: number, start: number, end: number): number {
  if (type === BSON_TYPE.regex) return SCATTER;
  if (type !== BSON_TYPE.document || isPlainDocument(bytes, start)) return PRIMARY;
  const last = end - 1;
  let best = SCATTER;
  let at = start + 4;
  while (at < last && best < PRIMARY) {
    const inner = byteAt(bytes, at);
    const nameEnd = nameEndOf(bytes, at, last);
    const valueEnd = skipElement(bytes, inner, nameEnd + 1, last);
    if (isOperator(bytes, at + 1, nameEnd, EQ)) best = PRIMARY;
    else if (inner === BSON_TYPE.array && isOperator(bytes, at + 1, nameEnd, IN)) {
      best = Math.max(best, hasOneElement(bytes, nameEnd + 1, valueEnd) ? PRIMARY : MULTI);
    }
    at = valueEnd;
  }
  return best;
}

/** A document that is empty or whose first key has no dollar is a value, and so is a DBRef ($ref, not $regex). */
function isPlainDocument(bytes: Buffer, start: number): boolean {
  if (bytes[start + 4] === 0 || bytes[start + 5] !== DOLLAR) return true;
  return bytes[start + 6] === 0x72 && bytes[start + 7] === 0x65 && bytes[start + 8] === 0x66 && bytes[start + 9] === 0;
}

function hasOneElement(bytes: Buffer, start: number, end: number): boolean {
  const last = end - 1;
  const at = start + 4;
  if (at >= last) return false;
  return skipElement(bytes, byteAt(bytes, at), nameEndOf(bytes, at, last) + 1, last) === last;
}

const EQ = 0x6571;
const IN = 0x696e;

/** A dollar and these two letters. */
function isOperator(bytes: Buffer, start: number, end: number, letters: number): boolean {
  return (
    end - start === 3 &&
    bytes[start] === DOLLAR &&
    ((byteAt(bytes, start + 1) << 8) | byteAt(bytes, start + 2)) === letters
  );
}

function isId(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 3 && bytes[start] === 0x5f && bytes[start + 1] === 0x69 && bytes[start + 2] === 0x64;
}

function isAnd(bytes: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    bytes[start] === DOLLAR &&
    bytes[start + 1] === 0x61 &&
    bytes[start + 2] === 0x6e &&
    bytes[start + 3] === 0x64
  );
}
