// One line per period, whatever happens in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seldom } from '../../../src/core/seldom.ts';

test('the first of each 10 s is due', () => {
  const seldom = new Seldom();
  const due = [0, 1, 9999, 10_000, 10_001, 35_000, 44_999, 45_000].filter((nowMs) => seldom.isDue(nowMs));
  assert.deepEqual(due, [0, 10_000, 35_000, 45_000]);
});
