// The order of BSON values. Invariant under test: a total order, the same in both directions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Binary,
  BSONRegExp,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from 'bson';
import { compareNumbers } from '../../../src/sandbox/number-order.ts';
import { areEqual, compareTexts, compareValues } from '../../../src/sandbox/value-order.ts';

/** Every value here is less than the next. */
const ascending: readonly unknown[] = [
  new MinKey(),
  null,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  new Decimal128('-1e30'),
  -5,
  0,
  new Decimal128('2.25'),
  2.5,
  new Int32(3),
  new Double(3.5),
  Long.fromString('9007199254740992'),
  Long.fromString('9007199254740993'),
  new Decimal128('1e6000'),
  Number.POSITIVE_INFINITY,
  '',
  'B',
  'b',
  'ü',
  '\uffee',
  '😀',
  {},
  { a: 1 },
  { b: 1 },
  { b: 1, c: 1 },
  new DBRef('c', new ObjectId('64d2f1f0aabbccddeeff0011')),
  { a: 'x' },
  [],
  [1],
  [1, 1],
  [2],
  new Binary(Buffer.from([9])),
  new Binary(Buffer.from([9]), 5),
  new Binary(Buffer.from([1, 2])),
  new ObjectId('000000000000000000000001'),
  new ObjectId('000000000000000000000002'),
  false,
  true,
  new Date(-1),
  new Date(1),
  new Timestamp({ t: 1, i: 2 }),
  new Timestamp({ t: 0xffffffff, i: 1 }),
  /a/,
  /a/i,
  new BSONRegExp('b', 'x'),
  new Code('f'),
  new MaxKey(),
];

test('every value stands before those behind it, and beside itself', () => {
  for (const [index, left] of ascending.entries()) {
    for (const [other, right] of ascending.entries()) {
      const found = Math.sign(compareValues(left, right));
      assert.equal(found, Math.sign(index - other), `${String(index)} and ${String(other)}`);
    }
  }
});

test('numbers of any type are equal by value, what is missing equals null', () => {
  const ones = [1, new Int32(1), new Double(1), Long.ONE, new Decimal128('1.00'), new Decimal128('10E-1')];
  for (const left of ones) for (const right of ones) assert.ok(areEqual(left, right));
  assert.ok(areEqual(undefined, null));
  assert.ok(areEqual(-0, 0));
  assert.ok(areEqual({ a: [1, { b: 2 }] }, { a: [Long.ONE, { b: new Double(2) }] }));
  assert.equal(compareNumbers(new Decimal128('NaN'), Number.NaN), 0);
  assert.equal(compareNumbers(new Decimal128('Infinity'), Number.POSITIVE_INFINITY), 0);
});

test('another order of texts goes down into documents and arrays', () => {
  const collator = new Intl.Collator('en', { sensitivity: 'base' });
  const texts = (left: string, right: string): number => collator.compare(left, right);
  assert.ok(areEqual({ a: ['X'] }, { a: ['x'] }, texts));
  assert.ok(!areEqual({ a: ['X'] }, { a: ['x'] }));
  assert.ok(compareTexts('a', 'ab') < 0);
});
