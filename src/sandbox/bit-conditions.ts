// `$bitsAllSet` and its three kin, on numbers and bytes. Masks are numbers, lists of positions, or bytes.
// Invariant: positions beyond 63 are bits of the sign, as in two's complement.

import { Binary, Long } from './documents.ts';
import { CommandError } from './errors.ts';
import { approximate } from './number-order.ts';
import { placeOf, TYPE_PLACES } from './value-order.ts';

const MAX_POSITION = 100_000;

/** The test of a value against a mask. Throws 2 for a mask that is none. */
export function bitTest(name: string, operand: unknown): (value: unknown) => boolean {
  const mask = readMask(name, operand);
  return (value) => {
    const bits = bitsOf(value);
    if (bits === null) return false;
    if (name === '$bitsAllSet') return (bits & mask) === mask;
    if (name === '$bitsAnySet') return (bits & mask) !== 0n;
    return name === '$bitsAllClear' ? (bits & mask) === 0n : (bits & mask) !== mask;
  };
}

function readMask(name: string, operand: unknown): bigint {
  if (Array.isArray(operand)) {
    return (operand as unknown[]).reduce<bigint>((mask, position) => {
      const number = approximate(position);
      if (!Number.isInteger(number) || number < 0 || number > MAX_POSITION)
        throw new CommandError(2, `${name} takes positions from 0`);
      return mask | (1n << BigInt(number));
    }, 0n);
  }
  const bits = bitsOf(operand);
  if (bits === null || (bits < 0n && !(operand instanceof Binary)))
    throw new CommandError(2, `${name} takes an Array, a number, or a BinData`);
  return bits;
}

function bitsOf(value: unknown): bigint | null {
  if (value instanceof Binary) {
    const bytes = Buffer.from(value.buffer.subarray(0, value.position)).reverse();
    return BigInt(`0x${bytes.toString('hex') || '0'}`);
  }
  if (value instanceof Long) return value.toBigInt();
  const number = placeOf(value) === TYPE_PLACES.number ? approximate(value) : Number.NaN;
  return Number.isSafeInteger(number) ? BigInt(number) : null;
}
