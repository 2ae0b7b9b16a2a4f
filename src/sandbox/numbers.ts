// Adding, multiplying and combining bits of numbers as updates do, with int64 kept whole beyond 2^53.
// Decimals are compared (value-order.ts), not computed with. Invariant: what is no number is refused, never coerced.

import { Double, Int32, Long } from './documents.ts';
import { CommandError } from './errors.ts';
import { classOf } from './value-order.ts';

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** A number of the sandbox: what decoding makes of int32, int64 and double. */
export type StoredNumber = number | Long;

/** The value as a number. Throws 14 with `role` and `path` in the message when it is none. */
export function readNumber(value: unknown, role: string, path: string): StoredNumber {
  if (typeof value === 'number' || value instanceof Long) return value;
  if (value instanceof Int32 || value instanceof Double) return value.value;
  if (classOf(value) === 'Decimal128') throw new CommandError(2, 'the sandbox does not compute with decimals');
  throw new CommandError(14, `Cannot ${role} with a value of non-numeric type at '${path}'`);
}

export function addNumbers(left: StoredNumber, right: StoredNumber): StoredNumber {
  return combine(
    left,
    right,
    (one, other) => one + other,
    (one, other) => one + other,
  );
}

export function multiplyNumbers(left: StoredNumber, right: StoredNumber): StoredNumber {
  return combine(
    left,
    right,
    (one, other) => one * other,
    (one, other) => one * other,
  );
}

/** Combines as doubles, or as int64 when both are whole and the result is beyond what a double holds exactly. */
function combine(
  left: StoredNumber,
  right: StoredNumber,
  doubles: (left: number, right: number) => number,
  wholes: (left: bigint, right: bigint) => bigint,
): StoredNumber {
  const [one, other] = [wholeOf(left), wholeOf(right)];
  if (one === null || other === null) return doubles(doubleOf(left), doubleOf(right));
  return fromWhole(wholes(one, other));
}

function fromWhole(result: bigint): StoredNumber {
  if (result < MIN_INT64 || result > MAX_INT64) throw new CommandError(2, 'the result does not fit into 64 bits');
  const double = Number(result);
  return Number.isSafeInteger(double) ? double : Long.fromBigInt(result);
}

function doubleOf(value: StoredNumber): number {
  return typeof value === 'number' ? value : value.toNumber();
}

function wholeOf(value: StoredNumber): bigint | null {
  if (typeof value !== 'number') return value.toBigInt();
  return Number.isSafeInteger(value) ? BigInt(value) : null;
}

/** `$bit`: and, or, xor of whole numbers. */
export function combineBits(left: StoredNumber, right: StoredNumber, operation: string): StoredNumber {
  const [one, other] = [wholeOf(left), wholeOf(right)];
  if (one === null || other === null)
    throw new CommandError(2, 'The $bit modifier field must be an Integer(32/64 bit)');
  if (operation === 'and') return fromWhole(one & other);
  if (operation === 'or') return fromWhole(one | other);
  if (operation === 'xor') return fromWhole(one ^ other);
  throw new CommandError(2, "The $bit modifier only supports 'and', 'or', and 'xor'");
}
