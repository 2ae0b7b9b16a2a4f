// Sorting documents by MongoDB's rules: arrays count by their smallest or greatest element, what is missing counts as null.
// It stores nothing. Invariant: stable; the documents themselves are only read.

import { type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import { keysAt } from './paths.ts';
import { compareTexts, compareValues, type TextOrder } from './value-order.ts';

const MAX_KEYS = 32;

interface SortPart {
  readonly parts: readonly string[];
  readonly direction: 1 | -1;
}

/** The documents in order. Throws 15974, 15975 and their like for a spec that MongoDB refuses. */
export function sortDocuments(documents: readonly Doc[], spec: Doc, collation?: Doc): Doc[] {
  const plan = readSort(spec);
  const texts = textOrderOf(collation);
  const keyed = documents.map((document) => ({
    document,
    keys: plan.map((part) => extreme(keysAt(document, part.parts), part.direction, texts)),
  }));
  keyed.sort((left, right) => compareKeys(left.keys, right.keys, plan, texts));
  return keyed.map(({ document }) => document);
}

function readSort(spec: Doc): SortPart[] {
  const entries = Object.entries(spec);
  if (entries.length > MAX_KEYS) throw new CommandError(13_103, `too many compound keys: at most ${MAX_KEYS}`);
  return entries.map(([path, direction]) => ({ parts: readPath(path), direction: readDirection(path, direction) }));
}

function readPath(path: string): string[] {
  const parts = path.split('.');
  if (parts.includes('')) throw new CommandError(15_998, 'FieldPath field names may not be empty strings.');
  if (parts.some((part) => part.startsWith('$')))
    throw new CommandError(16_410, `FieldPath field names may not start with '$': '${path}'`);
  return parts;
}

function readDirection(path: string, direction: unknown): 1 | -1 {
  if (isDocument(direction)) throw new CommandError(2, 'the sandbox cannot sort by $meta');
  const number = typeof direction === 'number' ? direction : Number.NaN;
  if (Number.isNaN(number)) throw new CommandError(15_974, `Illegal key in $sort specification: ${path}`);
  if (number !== 1 && number !== -1)
    throw new CommandError(15_975, '$sort key ordering must be 1 (for ascending) or -1 (for descending)');
  return number;
}

/** The value that stands for all: the smallest going up, the greatest going down. undefined is an empty array. */
function extreme(keys: readonly unknown[], direction: 1 | -1, texts: TextOrder): unknown {
  let found = keys[0];
  for (const key of keys) if (compareKey(key, found, texts) * direction < 0) found = key;
  return found;
}

function compareKey(left: unknown, right: unknown, texts: TextOrder): number {
  if (left === undefined || right === undefined) {
    if (left === right) return 0;
    return left === undefined ? belowNull(right) : -belowNull(left);
  }
  return compareValues(left, right, texts);
}

/** An empty array sorts before null and behind MinKey. */
function belowNull(other: unknown): -1 | 1 {
  return compareValues(other, null) < 0 ? 1 : -1;
}

function compareKeys(
  left: readonly unknown[],
  right: readonly unknown[],
  plan: readonly SortPart[],
  texts: TextOrder,
): number {
  for (const [index, { direction }] of plan.entries()) {
    const found = compareKey(left[index], right[index], texts) * direction;
    if (found !== 0) return found;
  }
  return 0;
}

const sensitivities: ReadonlyMap<unknown, 'base' | 'accent' | 'variant'> = new Map([
  [1, 'base'],
  [2, 'accent'],
  [3, 'variant'],
]);

/** How a collation compares texts. Throws 2 for a locale that this runtime does not know. */
export function textOrderOf(collation: Doc | undefined): TextOrder {
  const locale = collation?.['locale'];
  if (collation === undefined || locale === undefined || locale === 'simple') return compareTexts;
  if (typeof locale !== 'string') throw new CommandError(14, "Field 'locale' must be of type string");
  try {
    const collator = new Intl.Collator(locale.replaceAll('_', '-'), {
      sensitivity: sensitivities.get(collation['strength']) ?? 'variant',
      numeric: collation['numericOrdering'] === true,
      ignorePunctuation: collation['alternate'] === 'shifted',
    });
    return (left, right) => collator.compare(left, right);
  } catch {
    throw new CommandError(2, "Field 'locale' is invalid in the collation");
  }
}
