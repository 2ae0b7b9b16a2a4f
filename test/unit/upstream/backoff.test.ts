// The pause between attempts to connect. Invariant tested: it doubles, is capped at 1 s (15 s after refused logins), and half
// of it is jitter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, loginBackoffMs } from '../../../src/upstream/backoff.ts';

type Row = readonly [failures: number, least: number, most: number];

const ROWS: readonly Row[] = [
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

const LOGIN_ROWS: readonly Row[] = [
  [0, 0, 0],
  [1, 250, 500],
  [2, 500, 1000],
  [5, 4000, 8000],
  [6, 7500, 15_000],
  [7, 7500, 15_000],
  [1_000_000, 7500, 15_000],
];

test('after refused logins it begins with half a second and doubles up to fifteen', () => {
  for (const [failures, least, most] of LOGIN_ROWS) {
    assert.equal(loginBackoffMs(failures, 0), least, `failures ${failures}, no jitter`);
    assert.equal(loginBackoffMs(failures, 1), most, `failures ${failures}, all jitter`);
  }
});
