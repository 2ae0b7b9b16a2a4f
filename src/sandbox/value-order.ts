// The order of BSON values as MongoDB sorts and compares them: first by type, then by content; strings by their UTF-8 bytes
// unless a collation gives another comparison. It knows no paths and no operators.
// Invariant: a total order; values of different number types are equal when their numbers are.

import { Binary, type Doc, isDocument, ObjectId, Timestamp } from './documents.ts';
import { compareNumbers, order } from './number-order.ts';

/** Compares two texts: negative, 0 or positive. */
export type TextOrder = (left: string, right: string) => number;

/** Places of the types. Values of different places are never equal, and no range holds both. */
export const TYPE_PLACES = {
  minKey: 0,
  null: 1,
  number: 2,
  string: 3,
  object: 4,
  array: 5,
  binary: 6,
  objectId: 7,
  boolean: 8,
  date: 9,
  timestamp: 10,
  regex: 11,
  code: 12,
  maxKey: 13,
} as const;

const taggedPlaces: ReadonlyMap<unknown, number> = new Map([
  ['MinKey', TYPE_PLACES.minKey],
  ['Long', TYPE_PLACES.number],
  ['Int32', TYPE_PLACES.number],
  ['Double', TYPE_PLACES.number],
  ['Decimal128', TYPE_PLACES.number],
  ['BSONSymbol', TYPE_PLACES.string],
  ['Binary', TYPE_PLACES.binary],
  ['ObjectId', TYPE_PLACES.objectId],
  ['Timestamp', TYPE_PLACES.timestamp],
  ['BSONRegExp', TYPE_PLACES.regex],
  ['Code', TYPE_PLACES.code],
  ['MaxKey', TYPE_PLACES.maxKey],
]);

/** bson's name of the value's class, or undefined for what JavaScript has itself. */
export function classOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !isDocument(value) && '_bsontype' in value
    ? value._bsontype
    : undefined;
}

/** The place of a value's type; what is missing stands with null. */
export function placeOf(value: unknown): number {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return TYPE_PLACES.number;
    case 'string':
      return TYPE_PLACES.string;
    case 'boolean':
      return TYPE_PLACES.boolean;
    case 'object':
      return placeOfObject(value);
    default:
      return TYPE_PLACES.null;
  }
}

function placeOfObject(value: object | null): number {
  if (value === null) return TYPE_PLACES.null;
  if (Array.isArray(value)) return TYPE_PLACES.array;
  if (value instanceof Date) return TYPE_PLACES.date;
  if (value instanceof RegExp) return TYPE_PLACES.regex;
  return taggedPlaces.get(classOf(value)) ?? TYPE_PLACES.object;
}

/** Negative, 0 or positive. */
export function compareValues(left: unknown, right: unknown, texts: TextOrder = compareTexts): number {
  const place = placeOf(left);
  const distance = place - placeOf(right);
  if (distance !== 0) return distance;
  switch (place) {
    case TYPE_PLACES.number:
      return compareNumbers(left, right);
    case TYPE_PLACES.string:
      return texts(String(left), String(right));
    case TYPE_PLACES.object:
      return compareDocuments(fieldsOf(left), fieldsOf(right), texts);
    case TYPE_PLACES.array:
      return compareArrays(left as unknown[], right as unknown[], texts);
    case TYPE_PLACES.boolean:
    case TYPE_PLACES.date:
      return Number(left) - Number(right);
    default:
      return compareTagged(left, right);
  }
}

/** Whether two values are equal as MongoDB sees it. */
export function areEqual(left: unknown, right: unknown, texts?: TextOrder): boolean {
  return compareValues(left, right, texts) === 0;
}

function compareTagged(left: unknown, right: unknown): number {
  if (left instanceof Binary && right instanceof Binary) return compareBinaries(left, right);
  if (left instanceof ObjectId && right instanceof ObjectId) return order(left.toHexString(), right.toHexString());
  if (left instanceof Timestamp && right instanceof Timestamp) return left.compare(right);
  const [one, other] = [patternOf(left), patternOf(right)];
  return compareTexts(one.text, other.text) || compareTexts(one.flags, other.flags);
}

/** The texts of a pattern or a piece of code; empty for MinKey, MaxKey and null, which are all alike. */
function patternOf(value: unknown): { text: string; flags: string } {
  if (value instanceof RegExp) return { text: value.source, flags: value.flags };
  const { pattern, options, code } = (value ?? {}) as { pattern?: unknown; options?: unknown; code?: unknown };
  return { text: textOr(pattern, textOr(code, '')), flags: textOr(options, '') };
}

function textOr(value: unknown, other: string): string {
  return typeof value === 'string' ? value : other;
}

function compareBinaries(left: Binary, right: Binary): number {
  return (
    left.position - right.position ||
    left.sub_type - right.sub_type ||
    Buffer.compare(left.buffer.subarray(0, left.position), right.buffer.subarray(0, right.position))
  );
}

/** A DBRef is a document on the wire; anything else that bson may invent has no fields. */
function fieldsOf(value: unknown): Doc {
  if (isDocument(value)) return value;
  const { collection, oid, db, fields } = value as {
    collection?: unknown;
    oid?: unknown;
    db?: unknown;
    fields?: unknown;
  };
  if (collection === undefined) return {};
  return {
    $ref: collection,
    $id: oid,
    ...(db === undefined ? {} : { $db: db }),
    ...(isDocument(fields) ? fields : {}),
  };
}

function compareDocuments(left: Doc, right: Doc, texts: TextOrder): number {
  const [names, others] = [Object.keys(left), Object.keys(right)];
  for (let index = 0; index < Math.min(names.length, others.length); index += 1) {
    const [name = '', other = ''] = [names[index], others[index]];
    const found =
      placeOf(left[name]) - placeOf(right[other]) ||
      compareTexts(name, other) ||
      compareValues(left[name], right[other], texts);
    if (found !== 0) return found;
  }
  return names.length - others.length;
}

function compareArrays(left: readonly unknown[], right: readonly unknown[], texts: TextOrder): number {
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const found = compareValues(left[index], right[index], texts);
    if (found !== 0) return found;
  }
  return left.length - right.length;
}

/** By UTF-8 bytes, which is by code point: only surrogates stand elsewhere in UTF-16. */
export function compareTexts(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const [one, other] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (one !== other) return byCodePoint(one) - byCodePoint(other);
  }
  return left.length - right.length;
}

function byCodePoint(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
