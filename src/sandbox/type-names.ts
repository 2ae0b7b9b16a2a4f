// `$type`: names and numbers of BSON types. The sandbox cannot tell an int64 or a whole double from an int32: it promotes them.
// Invariant: an unknown name is refused, never a type that nothing has.

import { isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import { classOf } from './value-order.ts';

type TypeTest = (value: unknown) => boolean;

const isClass =
  (name: string): TypeTest =>
  (value) =>
    classOf(value) === name;

const isWhole = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value);
const isInt32 = (value: unknown): boolean => isWhole(value) && (Number(value) | 0) === value;

const types: readonly (readonly [number: number, name: string, test: TypeTest])[] = [
  [1, 'double', (value) => (typeof value === 'number' && !isWhole(value)) || classOf(value) === 'Double'],
  [2, 'string', (value) => typeof value === 'string'],
  [3, 'object', (value) => isDocument(value) || classOf(value) === 'DBRef'],
  [4, 'array', Array.isArray],
  [5, 'binData', isClass('Binary')],
  [6, 'undefined', () => false],
  [7, 'objectId', isClass('ObjectId')],
  [8, 'bool', (value) => typeof value === 'boolean'],
  [9, 'date', (value) => value instanceof Date],
  [10, 'null', (value) => value === null],
  [11, 'regex', (value) => value instanceof RegExp || classOf(value) === 'BSONRegExp'],
  [13, 'javascript', isClass('Code')],
  [14, 'symbol', isClass('BSONSymbol')],
  [16, 'int', (value) => isInt32(value) || classOf(value) === 'Int32'],
  [17, 'timestamp', isClass('Timestamp')],
  [18, 'long', (value) => classOf(value) === 'Long' || (isWhole(value) && !isInt32(value))],
  [19, 'decimal', isClass('Decimal128')],
  [-1, 'minKey', isClass('MinKey')],
  [127, 'maxKey', isClass('MaxKey')],
];

const numberTypes = ['double', 'int', 'long', 'decimal'];

function testOf(wanted: unknown): TypeTest {
  if (wanted === 'number') {
    const tests = numberTypes.map(testOf);
    return (value) => tests.some((test) => test(value));
  }
  const found = types.find(([number, name]) => number === wanted || name === wanted);
  if (found === undefined)
    throw new CommandError(2, `Unknown type name alias or code: ${String(wanted).slice(0, 100)}`);
  return found[2];
}

/** The test for the operand of `$type`: one name or number, or a list of them. */
export function readTypes(operand: unknown): TypeTest {
  const list: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  if (list.length === 0) throw new CommandError(9, '$type must match at least one type');
  const tests = list.map(testOf);
  return (value) => tests.some((test) => test(value));
}
