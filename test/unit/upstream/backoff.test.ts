// The pause between attempts to connect. Invariant tested: it doubles, is capped at 1 s, and half of it is jitter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../../src/upstream/backoff.ts';

const ROWS: readonly (readonly [failures: number, least: number, most: number])[] = [
  [0, 0, 0],
  [1, 25, 50],
  [2, 50, 100],
  [3, 100, 200],
  [4, 200, 400],
  [5, 400, 800],
  [6, 500, 1000],
  [7, 500, 1000],
  [1_000_000, 500, 1000],
];

test('backoff doubles up to a second, half of it jitter', () => {
  for (const [failures, least, most] of ROWS) {
    assert.equal(backoffMs(failures, 0), least, `failures ${failures}, no jitter`);
    assert.equal(backoffMs(failures, 1), most, `failures ${failures}, all jitter`);
    assert.equal(backoffMs(failures, 0.5), (least + most) / 2, `failures ${failures}, half`);
  }
});
