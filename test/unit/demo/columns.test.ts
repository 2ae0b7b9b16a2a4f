// How numbers of the demo's tables are written.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatCount, formatMs, formatNumber } from '../../../src/demo/columns.ts';

describe('numbers', () => {
  const cases: readonly (readonly [(value: number) => string, number, string])[] = [
    [formatCount, 0, '0'],
    [formatCount, 12_345.6, '12,346'],
    [formatNumber, 0, '0'],
    [formatNumber, 0.01, '<0.1'],
    [formatNumber, 0.05, '0.1'],
    [formatNumber, 9.94, '9.9'],
    [formatNumber, 9.96, '10'],
    [formatNumber, 1234.5, '1,235'],
    [formatMs, 0, '0'],
    [formatMs, 0.02, '<0.1ms'],
    [formatMs, 2.34, '2.3ms'],
    [formatMs, 9.96, '10ms'],
    [formatMs, 999.4, '999ms'],
    [formatMs, 999.6, '1.0s'],
    [formatMs, 12_340, '12.3s'],
  ];
  for (const [format, value, expected] of cases) {
    it(`${format.name} writes ${value} as ${expected}`, () => assert.equal(format(value), expected));
  }
});
