// `$push` with its modifiers: $each, $position, $sort, $slice, applied in that order.
// Invariant: the array that comes in is not changed.

import { copyDocument, type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import { approximate } from './number-order.ts';
import { sortDocuments } from './sorting.ts';
import { compareValues, placeOf, TYPE_PLACES } from './value-order.ts';

const modifiers: ReadonlySet<string> = new Set(['$each', '$position', '$sort', '$slice']);

/** The array with the operand in it. */
export function pushInto(items: readonly unknown[], operand: unknown): unknown[] {
  if (!isDocument(operand) || !('$each' in operand)) return [...items, copyDocument({ operand })['operand']];
  const unknown = Object.keys(operand).find((key) => !modifiers.has(key));
  if (unknown !== undefined) throw new CommandError(2, `Unrecognized clause in $push: ${unknown}`);
  const added = operand['$each'];
  if (!Array.isArray(added)) throw new CommandError(2, 'The argument to $each in $push must be an array');
  const position = operand['$position'] === undefined ? items.length : readWhole('$position', operand['$position']);
  const result = [...items];
  result.splice(position, 0, ...(copyDocument({ added })['added'] as unknown[]));
  return slice(sort(result, operand['$sort']), operand['$slice']);
}

function readWhole(name: string, value: unknown): number {
  const number = placeOf(value) === TYPE_PLACES.number ? approximate(value) : Number.NaN;
  if (!Number.isInteger(number)) throw new CommandError(2, `The value for ${name} must be an integer value`);
  return number;
}

function sort(items: unknown[], spec: unknown): unknown[] {
  if (spec === undefined) return items;
  if (isDocument(spec)) {
    const wrapped = Object.fromEntries(Object.entries(spec).map(([path, direction]) => [`item.${path}`, direction]));
    return sortDocuments(
      items.map((item): Doc => ({ item })),
      wrapped,
    ).map(({ item }) => item);
  }
  const direction = approximate(spec);
  if (direction !== 1 && direction !== -1) throw new CommandError(2, 'The $sort element value must be either 1 or -1');
  return items.sort((left, right) => compareValues(left, right) * direction);
}

function slice(items: unknown[], operand: unknown): unknown[] {
  if (operand === undefined) return items;
  const count = readWhole('$slice', operand);
  return count < 0 ? items.slice(count) : items.slice(0, count);
}
