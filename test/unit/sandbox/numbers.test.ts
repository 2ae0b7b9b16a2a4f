// Arithmetic of updates. Invariant under test: nothing is rounded while it fits into 64 bits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal128, Double, Int32, Long } from 'bson';
import { addNumbers, combineBits, multiplyNumbers, readNumber } from '../../../src/sandbox/numbers.ts';

test('whole numbers stay whole beyond 2^53, and refuse to leave 64 bits', () => {
  assert.equal(addNumbers(1, 2), 3);
  assert.equal(addNumbers(0.5, 1), 1.5);
  assert.equal(String(addNumbers(Number.MAX_SAFE_INTEGER, 2)), '9007199254740993');
  assert.equal(addNumbers(Long.fromString('9007199254740993'), -3), 9_007_199_254_740_990);
  assert.equal(String(multiplyNumbers(Long.fromString('9007199254740993'), 2)), '18014398509481986');
  assert.equal(addNumbers(Long.fromString('9007199254740993'), 0.5), 9_007_199_254_740_992);
  assert.throws(() => addNumbers(Long.MAX_VALUE, 1), { code: 2 });
  assert.throws(() => multiplyNumbers(Long.MAX_VALUE, 2), { code: 2 });
});

test('bits are combined as 64 bit numbers', () => {
  assert.equal(combineBits(12, 10, 'and'), 8);
  assert.equal(combineBits(12, 10, 'or'), 14);
  assert.equal(combineBits(12, 10, 'xor'), 6);
  assert.equal(combineBits(-1, 255, 'and'), 255);
  assert.throws(() => combineBits(1.5, 1, 'and'), { code: 2 });
  assert.throws(() => combineBits(1, 1, 'nand'), { code: 2 });
});

test('what is no number is refused', () => {
  assert.deepEqual([readNumber(new Int32(5), 'x', 'p'), readNumber(new Double(1.5), 'x', 'p')], [5, 1.5]);
  assert.throws(() => readNumber('5', 'increment', 'p'), { code: 14 });
  assert.throws(() => readNumber(new Decimal128('5'), 'increment', 'p'), { code: 2, message: /decimals/ });
});
