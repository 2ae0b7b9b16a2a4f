// What a dotted path means in a document: which values it reaches for a filter, for a sort and for `distinct`.
// It changes nothing. Invariant: the work is bounded by the document: no value is visited twice for one path part.

import { isDocument } from './documents.ts';

/** Takes a value that a path reaches, undefined when it ends in nothing. Returns true to stop. */
export type Visitor = (value: unknown) => boolean;

/**
 * Visits what a filter's path reaches: arrays on the way are entered, by place and by every document in them. Arrays at the
 * end are not. Returns whether a visit said stop.
 */
export function visitPath(value: unknown, parts: readonly string[], visit: Visitor, from = 0): boolean {
  const part = parts[from];
  if (part === undefined) return visit(value);
  if (Array.isArray(value)) return visitItems(value, parts, visit, from);
  if (!isDocument(value) || !Object.hasOwn(value, part)) return visit(undefined);
  return visitPath(value[part], parts, visit, from + 1);
}

function visitItems(items: readonly unknown[], parts: readonly string[], visit: Visitor, from: number): boolean {
  const place = placeIn(items, parts[from] ?? '');
  if (place !== null && visitPath(items[place], parts, visit, from + 1)) return true;
  return items.some((item) => isDocument(item) && visitPath(item, parts, visit, from));
}

/** The index a path part names, if the array has it. */
export function placeIn(items: readonly unknown[], part: string): number | null {
  if (!/^(0|[1-9]\d*)$/.test(part)) return null;
  const place = Number(part);
  return place < items.length ? place : null;
}

/**
 * The values a sort or an index sees: never none. Arrays at the end give their elements, an empty one gives undefined; a path
 * that ends in nothing gives null. A number in the path is a place where the array has one, and then nothing else.
 */
export function keysAt(value: unknown, parts: readonly string[], from = 0): unknown[] {
  const part = parts[from];
  if (part === undefined) {
    if (!Array.isArray(value)) return [value ?? null];
    return value.length === 0 ? [undefined] : (value as unknown[]);
  }
  if (isDocument(value)) return Object.hasOwn(value, part) ? keysAt(value[part], parts, from + 1) : [null];
  if (!Array.isArray(value)) return [null];
  const place = placeIn(value, part);
  if (place !== null) return keysAt(value[place], parts, from + 1);
  const keys = value.flatMap((item) => (isDocument(item) ? keysAt(item, parts, from) : []));
  return keys.length === 0 ? [null] : keys;
}
