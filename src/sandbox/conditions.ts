// What a filter asks of one path: a value, or a document of operators. Arrays are looked into as MongoDB does: a condition holds
// if it holds for one element or for the array as a whole. Invariant: a negated operator is the exact opposite of its positive.

import { bitTest } from './bit-conditions.ts';
import { type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import type { DocumentTest, MatchContext } from './matcher.ts';
import { approximate } from './number-order.ts';
import { visitPath } from './paths.ts';
import { readTypes } from './type-names.ts';
import { areEqual, compareValues, placeOf, TYPE_PLACES } from './value-order.ts';

/** Whether one value fits. */
export type ValueTest = (value: unknown) => boolean;

/** A context that can compile the filters inside `$elemMatch`. */
export interface ConditionContext extends MatchContext {
  filter(filter: Doc): DocumentTest;
}

/** How a condition is applied to what its path reaches: to elements of arrays and the whole, or to the whole only. */
interface Condition {
  readonly test: ValueTest;
  readonly isWhole?: boolean;
  readonly isNegated?: boolean;
}

/** The test of a document for `{ [path]: value }`. */
export function readCondition(path: string, value: unknown, context: ConditionContext): DocumentTest {
  const parts = path.split('.');
  const tests = readConditions(value, context).map((condition): DocumentTest => {
    // Made once: this runs for every document of a collection.
    const visit = (reached: unknown): boolean => holds(condition, reached);
    const isNegated = condition.isNegated === true;
    return (document) => visitPath(document, parts, visit) !== isNegated;
  });
  const [only] = tests;
  if (tests.length === 1 && only !== undefined) return only;
  return (document) => tests.every((test) => test(document));
}

/** The test of a single value, for `$elemMatch` of operators, `$pull` and array filters. */
export function readValueTest(value: unknown, context: ConditionContext): ValueTest {
  const conditions = readConditions(value, context);
  return (reached) => conditions.every((condition) => holds(condition, reached) !== (condition.isNegated === true));
}

function holds({ test, isWhole }: Condition, reached: unknown): boolean {
  if (isWhole !== true && Array.isArray(reached) && reached.some(test)) return true;
  return test(reached);
}

/** Whether a value is a document of operators. Throws 2 for a mixture. */
export function isOperators(value: unknown): value is Doc {
  if (!isDocument(value)) return false;
  const [first] = Object.keys(value);
  return first?.startsWith('$') === true && !['$ref', '$id', '$db'].includes(first);
}

function readConditions(value: unknown, context: ConditionContext): Condition[] {
  if (value instanceof RegExp) return [{ test: patternTest(value) }];
  if (!isOperators(value)) return [{ test: equalTest(value, context) }];
  return Object.entries(value).flatMap(([operator, operand]) => {
    if (operator === '$regex') return [{ test: patternTest(readPattern(operand, value['$options'])) }];
    if (operator === '$options') {
      if (value['$regex'] === undefined) throw new CommandError(2, '$options needs a $regex');
      return [];
    }
    if (operator === '$comment') return [];
    const read = readers.get(operator);
    if (read === undefined) throw new CommandError(2, `unknown operator: ${operator}`);
    return [read(operand, context)];
  });
}

type Reader = (operand: unknown, context: ConditionContext) => Condition;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['$eq', (operand, context) => ({ test: equalTest(operand, context) })],
  ['$ne', (operand, context) => ({ test: equalTest(operand, context), isNegated: true })],
  ['$gt', (operand, context) => ({ test: rangeTest(operand, context, (found) => found > 0) })],
  ['$gte', (operand, context) => ({ test: rangeTest(operand, context, (found) => found >= 0) })],
  ['$lt', (operand, context) => ({ test: rangeTest(operand, context, (found) => found < 0) })],
  ['$lte', (operand, context) => ({ test: rangeTest(operand, context, (found) => found <= 0) })],
  ['$in', (operand, context) => ({ test: listTest('$in', operand, context) })],
  ['$nin', (operand, context) => ({ test: listTest('$nin', operand, context), isNegated: true })],
  ['$exists', (operand) => existence(operand)],
  ['$type', (operand) => ({ test: readTypes(operand) })],
  ['$size', (operand) => ({ test: sizeTest(operand), isWhole: true })],
  ['$mod', (operand) => ({ test: moduloTest(operand) })],
  ['$all', (operand, context) => ({ test: allTest(operand, context), isWhole: true })],
  ['$elemMatch', (operand, context) => ({ test: elementTest(operand, context), isWhole: true })],
  ['$not', (operand, context) => negation(operand, context)],
  ['$bitsAllSet', (operand) => ({ test: bitTest('$bitsAllSet', operand) })],
  ['$bitsAnySet', (operand) => ({ test: bitTest('$bitsAnySet', operand) })],
  ['$bitsAllClear', (operand) => ({ test: bitTest('$bitsAllClear', operand) })],
  ['$bitsAnyClear', (operand) => ({ test: bitTest('$bitsAnyClear', operand) })],
]);

function equalTest(operand: unknown, { texts }: ConditionContext): ValueTest {
  return (value) => areEqual(value, operand, texts);
}

/** Only values of the operand's own type are in its range; MinKey and MaxKey are compared with all. */
function rangeTest(operand: unknown, { texts }: ConditionContext, fits: (order: number) => boolean): ValueTest {
  if (operand instanceof RegExp) throw new CommandError(2, "Can't have RegEx as arg to predicate over field");
  const place = placeOf(operand);
  const isOpen = place === TYPE_PLACES.minKey || place === TYPE_PLACES.maxKey;
  const isNaNumber = place === TYPE_PLACES.number && Number.isNaN(approximate(operand));
  return (value) => {
    if (!isOpen && placeOf(value) !== place) return false;
    // Nothing is less or greater than NaN, although it sorts first.
    if (place === TYPE_PLACES.number && Number.isNaN(approximate(value)) !== isNaNumber) return false;
    return fits(compareValues(value, operand, texts));
  };
}

function listTest(name: string, operand: unknown, context: ConditionContext): ValueTest {
  if (!Array.isArray(operand)) throw new CommandError(2, `${name} needs an array`);
  const tests = (operand as unknown[]).map((item) => {
    if (isOperators(item)) throw new CommandError(2, `cannot nest $ under ${name}`);
    return item instanceof RegExp ? patternTest(item) : equalTest(item, context);
  });
  return (value) => tests.some((test) => test(value));
}

function existence(operand: unknown): Condition {
  const wants = operand !== false && operand !== null && operand !== 0 && operand !== undefined;
  return { test: (value) => value !== undefined, isWhole: true, isNegated: !wants };
}

function readWhole(name: string, operand: unknown): number {
  const number = placeOf(operand) === TYPE_PLACES.number ? approximate(operand) : Number.NaN;
  if (Number.isNaN(number)) throw new CommandError(2, `${name} needs a number`);
  return Math.trunc(number);
}

function sizeTest(operand: unknown): ValueTest {
  const size = readWhole('$size', operand);
  if (size < 0) throw new CommandError(2, '$size may not be negative');
  return (value) => Array.isArray(value) && value.length === size;
}

function moduloTest(operand: unknown): ValueTest {
  if (!Array.isArray(operand) || operand.length !== 2)
    throw new CommandError(2, 'malformed mod, needs to be an array of two');
  const [divisor, rest] = [readWhole('$mod', operand[0]), readWhole('$mod', operand[1])];
  if (divisor === 0) throw new CommandError(2, 'divisor cannot be 0');
  return (value) => placeOf(value) === TYPE_PLACES.number && (Math.trunc(approximate(value)) % divisor) - rest === 0;
}

function allTest(operand: unknown, context: ConditionContext): ValueTest {
  if (!Array.isArray(operand)) throw new CommandError(2, '$all needs an array');
  const conditions = (operand as unknown[]).map((item): Condition => {
    if (isDocument(item) && Object.keys(item)[0] === '$elemMatch')
      return { test: elementTest(item['$elemMatch'], context), isWhole: true };
    if (isOperators(item)) throw new CommandError(2, 'no $ expressions in $all');
    return { test: item instanceof RegExp ? patternTest(item) : equalTest(item, context) };
  });
  return (value) => conditions.length > 0 && conditions.every((condition) => holds(condition, value));
}

function elementTest(operand: unknown, context: ConditionContext): ValueTest {
  const test = readElementTest(operand, context);
  return (value) => Array.isArray(value) && value.some(test);
}

/** The test of one element: by operators on its value, or by a filter on the document it is. */
export function readElementTest(operand: unknown, context: ConditionContext): ValueTest {
  if (!isDocument(operand)) throw new CommandError(2, '$elemMatch needs an Object');
  const [first] = Object.keys(operand);
  if (first !== undefined && isOperators(operand) && !['$and', '$or', '$nor', '$expr'].includes(first))
    return readValueTest(operand, context);
  const test = context.filter(operand);
  return (value) => {
    if (Array.isArray(value)) return test({ ...(value as unknown[]) });
    return isDocument(value) && test(value);
  };
}

function negation(operand: unknown, context: ConditionContext): Condition {
  const isPattern = operand instanceof RegExp;
  if (!isPattern && (!isOperators(operand) || Object.keys(operand).length === 0))
    throw new CommandError(2, '$not needs a regex or a document of operators');
  return { test: readValueTest(operand, context), isWhole: true, isNegated: true };
}

function patternTest(pattern: RegExp): ValueTest {
  return (value) =>
    typeof value === 'string' ? pattern.test(value) : value instanceof RegExp && areEqual(value, pattern);
}

function readPattern(operand: unknown, options: unknown): RegExp {
  const source = operand instanceof RegExp ? operand.source : operand;
  if (typeof source !== 'string') throw new CommandError(2, '$regex has to be a string');
  const flags = options ?? (operand instanceof RegExp ? operand.flags : '');
  if (typeof flags !== 'string' || /[^imsxu]/.test(flags))
    throw new CommandError(51_108, 'invalid flag in regex options');
  const kept = flags.replace('x', '');
  try {
    return new RegExp(flags.includes('x') ? source.replace(/\s+|#.*$/gm, '') : source, kept);
  } catch {
    throw new CommandError(51_091, 'Regular expression is invalid');
  }
}
