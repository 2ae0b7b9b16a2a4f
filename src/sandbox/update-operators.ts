// Update operators as functions from the value that is there to the one that shall be. Paths are update-paths.ts's business.
// Invariant: what comes in is never changed: a changed array is a new array.

import { type ConditionContext, isOperators, readValueTest, type ValueTest } from './conditions.ts';
import { copyDocument, isDocument, Timestamp } from './documents.ts';
import { CommandError } from './errors.ts';
import { approximate } from './number-order.ts';
import { addNumbers, combineBits, multiplyNumbers, readNumber } from './numbers.ts';
import { pushInto } from './push-operator.ts';
import { ABSENT } from './update-paths.ts';
import { areEqual, compareValues } from './value-order.ts';

/** Where an operator works. */
export interface OperatorContext {
  readonly path: string;
  readonly conditions: ConditionContext;
  /** Milliseconds since 1970, for `$currentDate`. */
  readonly nowMs: number;
}

/** `current` is ABSENT where nothing is; so is the result where nothing shall be. The same object means no change. */
export type UpdateOperator = (current: unknown, operand: unknown, context: OperatorContext) => unknown;

const copyValue = (value: unknown): unknown => copyDocument({ value })['value'];

export const updateOperators: ReadonlyMap<string, UpdateOperator> = new Map<string, UpdateOperator>([
  ['$set', (_current, operand) => copyValue(operand)],
  ['$setOnInsert', (_current, operand) => copyValue(operand)],
  ['$unset', () => ABSENT],
  ['$inc', (current, operand, { path }) => increment(current, operand, path)],
  ['$mul', (current, operand, { path }) => multiply(current, operand, path)],
  ['$min', (current, operand) => (isBeyond(current, operand, 1) ? copyValue(operand) : current)],
  ['$max', (current, operand) => (isBeyond(current, operand, -1) ? copyValue(operand) : current)],
  ['$currentDate', (_current, operand, { nowMs }) => now(operand, nowMs)],
  ['$bit', (current, operand, { path }) => bits(current, operand, path)],
  ['$push', (current, operand, { path }) => pushInto(arrayOr(current, '$push', path), operand)],
  ['$addToSet', (current, operand, { path }) => addToSet(arrayOr(current, '$addToSet', path), operand)],
  ['$pop', (current, operand, { path }) => pop(current, operand, path)],
  ['$pull', (current, operand, { path, conditions }) => removeWhere(current, pullTest(operand, conditions), path)],
  ['$pullAll', (current, operand, { path }) => removeWhere(current, listTest(operand), path)],
]);

/** Whether a path that is missing on the way is left alone instead of made. */
export const passiveOperators: ReadonlySet<string> = new Set(['$unset', '$pop', '$pull', '$pullAll']);

function increment(current: unknown, operand: unknown, path: string): unknown {
  const by = readNumber(operand, 'increment', path);
  return current === ABSENT ? by : addNumbers(readNumber(current, 'apply $inc', path), by);
}

function multiply(current: unknown, operand: unknown, path: string): unknown {
  const by = readNumber(operand, 'multiply', path);
  return current === ABSENT ? 0 : multiplyNumbers(readNumber(current, 'apply $mul', path), by);
}

function isBeyond(current: unknown, operand: unknown, side: 1 | -1): boolean {
  return current === ABSENT || compareValues(current, operand) * side > 0;
}

function now(operand: unknown, nowMs: number): unknown {
  const kind = isDocument(operand) ? operand['$type'] : 'date';
  if (kind === 'timestamp') return new Timestamp({ t: Math.floor(nowMs / 1000), i: 1 });
  if (kind !== 'date' || (typeof operand !== 'boolean' && !isDocument(operand)))
    throw new CommandError(2, "The '$type' string field is required to be 'date' or 'timestamp'");
  return new Date(nowMs);
}

function bits(current: unknown, operand: unknown, path: string): unknown {
  if (!isDocument(operand) || Object.keys(operand).length === 0)
    throw new CommandError(2, 'The $bit modifier is not compatible with this type of operand');
  return Object.entries(operand).reduce(
    (value, [operation, mask]) =>
      combineBits(readNumber(value, 'apply $bit', path), readNumber(mask, 'apply $bit', path), operation),
    current === ABSENT ? 0 : current,
  );
}

function arrayOr(current: unknown, operator: string, path: string): readonly unknown[] {
  if (current === ABSENT) return [];
  if (Array.isArray(current)) return current as unknown[];
  throw new CommandError(2, `The field '${path}' must be an array for ${operator}`);
}

function addToSet(items: readonly unknown[], operand: unknown): readonly unknown[] {
  const isEach = isDocument(operand) && '$each' in operand;
  const added = isEach ? operand['$each'] : [operand];
  if (!Array.isArray(added)) throw new CommandError(14, 'The argument to $each in $addToSet must be an array');
  const result = [...items];
  for (const item of added as unknown[]) {
    if (!result.some((known) => areEqual(known, item))) result.push(copyValue(item));
  }
  return result;
}

function pop(current: unknown, operand: unknown, path: string): unknown {
  const side = approximate(operand);
  if (side !== 1 && side !== -1) throw new CommandError(9, '$pop expects 1 or -1');
  if (current === ABSENT) return ABSENT;
  if (!Array.isArray(current)) throw new CommandError(14, `Path '${path}' contains an element of non-array type`);
  return side === 1 ? current.slice(0, -1) : current.slice(1);
}

function removeWhere(current: unknown, test: ValueTest, path: string): unknown {
  if (current === ABSENT) return ABSENT;
  if (!Array.isArray(current)) throw new CommandError(2, `Cannot apply $pull to a non-array value at '${path}'`);
  return current.filter((item) => !test(item));
}

/** Operators and patterns test the element, a document is a filter on elements that are documents, all else must be equal. */
function pullTest(operand: unknown, conditions: ConditionContext): ValueTest {
  if (!isDocument(operand) || isOperators(operand)) return readValueTest(operand, conditions);
  const test = conditions.filter(operand);
  return (item) => isDocument(item) && test(item);
}

function listTest(operand: unknown): ValueTest {
  if (!Array.isArray(operand)) throw new CommandError(2, '$pullAll requires an array argument');
  return (item) => (operand as unknown[]).some((value) => areEqual(item, value));
}

/** Every operator's argument: a document of paths. */
export function readPaths(operator: string, operand: unknown): [path: string, operand: unknown][] {
  if (isDocument(operand)) return Object.entries(operand);
  throw new CommandError(9, `Modifiers operate on fields but the value of '${operator}' is none`);
}
