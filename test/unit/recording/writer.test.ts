// What the lines of a recording look like: words of hex, readable characters behind them, runs.
// That they are read back to the same items is tested with the reader. Invariant tested: no byte ends its line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeChunk } from '../../../src/recording/writer.ts';

const linesOf = (bytes: Buffer, zeros = 0): string[] =>
  writeChunk({ atMs: 1.5, connection: 3, from: 'client', bytes, zeros }).split('\n');

test('32 bytes a line in words of 4, and what of them is readable', () => {
  const bytes = Buffer.concat([
    Buffer.from('insert\0\n #~'),
    Buffer.from(Array.from({ length: 26 }, (_, i) => 200 + i)),
  ]);
  assert.deepEqual(linesOf(bytes), [
    '+1.500 3 >',
    '  696e7365 7274000a 20237ec8 c9cacbcc cdcecfd0 d1d2d3d4 d5d6d7d8 d9dadbdc  # insert...#~.....................',
    '  dddedfe0 e1                                                              # .....',
    '',
  ]);
});

test('a run of one byte on a line of its own, and zeros that were never in memory', () => {
  const bytes = Buffer.concat([Buffer.from('ab'), Buffer.alloc(24, 7), Buffer.from('c')]);
  assert.deepEqual(linesOf(bytes, 1000), [
    '+1.500 3 >',
    `  6162${' '.repeat(68)} # ab`,
    '  07*24',
    `  63${' '.repeat(70)} # c`,
    '  00*1000',
    '',
  ]);
});
