// The order of numbers of all BSON types by value, exact also where a double is not: int64 beyond 2^53, decimals.
// It computes nothing. Invariant: NaN is the smallest number and equal to itself, so that the order is total.

import { Long } from './documents.ts';

/** Negative, 0 or positive by JavaScript's own order. */
export function order<Value>(left: Value, right: Value): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** NaN is the smallest number and equal to itself. */
export function compareNumbers(left: unknown, right: unknown): number {
  const one = approximate(left);
  const other = approximate(right);
  if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(other)) - Number(Number.isNaN(one));
  if (typeof left === 'number' && typeof right === 'number') return order(one, other);
  const [end, otherEnd] = [infinityOf(left), infinityOf(right)];
  return end === 0 && otherEnd === 0 ? compareExactly(left, right) : end - otherEnd;
}

/** 1 or -1 for the infinities, 0 for all else: a decimal may be finite beyond what a double can say. */
function infinityOf(value: unknown): number {
  const sign = /^([+-]?)inf/i.exec(String(value))?.[1];
  return sign === undefined ? 0 : sign === '-' ? -1 : 1;
}

/** The number as a double, exact or not. */
export function approximate(value: unknown): number {
  if (typeof value === 'number') return value;
  if (value instanceof Long) return value.toNumber();
  return Number(String(value).replace(/^([+-]?)inf$/i, '$1Infinity'));
}

function compareExactly(left: unknown, right: unknown): number {
  const [one, other] = [decimalOf(left), decimalOf(right)];
  const exponent = Math.min(one.exponent, other.exponent);
  const scaled = ({ digits, exponent: own }: Decimal): bigint => digits * 10n ** BigInt(own - exponent);
  return order(scaled(one), scaled(other));
}

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** digits × 10^exponent. Exponents are those of Decimal128 at most, ±6176. */
function decimalOf(value: unknown): Decimal {
  const [mantissa = '0', exponent = '0'] = String(value).toLowerCase().split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  if (!/^[+-]?\d*$/.test(whole) || !/^\d*$/.test(fraction)) return { digits: 0n, exponent: 0 };
  const digits = BigInt(`${whole}${fraction}`.replace(/^\+/, '') || '0');
  return { digits, exponent: digits === 0n ? 0 : Number(exponent) - fraction.length };
}
