// Counts by reason. Invariant tested: they add up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../../src/core/tally.ts';

test('a tally adds up by reason', () => {
  const tally = new Tally<'a' | 'b'>();
  tally.add('a');
  tally.add('a', 4);
  tally.add('b', 2);
  assert.deepEqual(
    [...tally.counts],
    [
      ['a', 5],
      ['b', 2],
    ],
  );
});
