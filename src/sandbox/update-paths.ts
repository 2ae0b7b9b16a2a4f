// Paths of updates: `$`, `$[]` and `$[name]` resolved to plain places, and reading and writing at such places.
// What is written is update-operators.ts's business. Invariant: only the document given is changed, and only at the place named.

import { type Doc, isDocument, setField } from './documents.ts';
import { CommandError } from './errors.ts';
import type { DocumentTest } from './matcher.ts';

/** A value that is not there, or that shall not be there any more. */
export const ABSENT: unique symbol = Symbol('absent');

/** A path without positional parts: keys and indexes. */
export type Place = readonly string[];

/** What resolving needs beside the document. */
export interface Positions {
  /** The index `$` stands for in the array at this path. Null when the filter named none. */
  matched(path: string): number | null;
  /** `$[name]`: the test of `{ [name]: element }`. */
  readonly filters: ReadonlyMap<string, DocumentTest>;
}

const MAX_ARRAY_LENGTH = 1_500_000;

/** All places a path means in this document. Throws 2 for positional parts that fit nothing. */
export function resolvePlaces(document: Doc, path: string, positions: Positions): Place[] {
  const parts = path.split('.');
  if (parts.includes('')) throw new CommandError(56, `The update path '${path}' contains an empty field name`);
  let places: Place[] = [[]];
  for (const part of parts) places = places.flatMap((place) => nextPlaces(document, place, part, positions));
  return places;
}

function nextPlaces(document: Doc, place: Place, part: string, positions: Positions): Place[] {
  if (part === '$') {
    const position = positions.matched(place.join('.'));
    if (position !== null) return [[...place, String(position)]];
    throw new CommandError(2, 'The positional operator did not find the match needed from the query.');
  }
  const name = /^\$\[(.*)\]$/.exec(part)?.[1];
  if (name === undefined) {
    if (!part.startsWith('$')) return [[...place, part]];
    throw new CommandError(52, `The dollar ($) prefixed field '${part}' is not valid for storage.`);
  }
  const items = arrayAt(document, place);
  const test = name === '' ? (): boolean => true : positions.filters.get(name);
  if (test === undefined)
    throw new CommandError(2, `No array filter found for identifier '${name}' in path '${place.join('.')}'`);
  return items.flatMap((item, index) => (test({ [name]: item }) ? [[...place, String(index)]] : []));
}

function arrayAt(document: Doc, place: Place): readonly unknown[] {
  const value = readPlace(document, place);
  if (Array.isArray(value)) return value as unknown[];
  const path = place.join('.');
  throw new CommandError(
    2,
    value === ABSENT
      ? `The path '${path}' must exist in the document in order to apply array updates.`
      : `Cannot apply array updates to non-array element ${path}`,
  );
}

/** The value at a place, ABSENT where there is none. */
export function readPlace(document: Doc, place: Place): unknown {
  let value: unknown = document;
  for (const part of place) {
    if (Array.isArray(value))
      value = isIndex(part) && Number(part) < value.length ? (value as unknown[])[Number(part)] : ABSENT;
    else value = isDocument(value) && Object.hasOwn(value, part) ? value[part] : ABSENT;
    if (value === ABSENT) return ABSENT;
  }
  return value;
}

function isIndex(part: string): boolean {
  return /^(0|[1-9]\d{0,9})$/.test(part);
}

/** Writes at a place and makes the documents on the way. Throws 28 where a value is in the way. */
export function writePlace(document: Doc, place: Place, value: unknown): void {
  let container: unknown = document;
  for (const [depth, part] of place.entries()) {
    const isLast = depth === place.length - 1;
    const child = isLast ? value : childOf(container, part);
    putChild(container, part, child, place.slice(0, depth));
    container = child;
  }
}

function childOf(container: unknown, part: string): unknown {
  const found = Array.isArray(container)
    ? (container as unknown[])[Number(part)]
    : isDocument(container) && Object.hasOwn(container, part)
      ? container[part]
      : undefined;
  return found === undefined ? {} : found;
}

function putChild(container: unknown, part: string, child: unknown, parents: Place): void {
  if (isDocument(container)) {
    setField(container, part, child);
    return;
  }
  if (!Array.isArray(container) || !isIndex(part))
    throw new CommandError(28, `Cannot create field '${part}' in element '${parents.join('.')}'`);
  if (Number(part) >= MAX_ARRAY_LENGTH)
    throw new CommandError(2, `can't backfill more than ${MAX_ARRAY_LENGTH} elements`);
  while (container.length < Number(part)) container.push(null);
  container[Number(part)] = child;
}

/** Takes away what is at a place; an element of an array becomes null, as in MongoDB. */
export function clearPlace(document: Doc, place: Place): void {
  const part = place.at(-1) ?? '';
  const container = readPlace(document, place.slice(0, -1));
  if (Array.isArray(container)) container[Number(part)] = null;
  else if (isDocument(container)) delete container[part];
}
