// Work per byte is bounded: four times the input is at most a little more than four times the steps and allocations,
// and a byte never costs more than a fixed number of steps. Counted, not timed (fuzz/step-counter.ts says how).
// Does not look for wrong results. Invariant: a reader that becomes quadratic in anything fails here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TARGETS } from '../fuzz/targets.ts';
import { measureWork, type WorkRow } from '../fuzz/work-meter.ts';

/** How much faster than its input the work may grow: first use of tables and rounding. */
const STEPS_SLACK = 1.35;
const STEPS_FLOOR = 500;
const STEPS_PER_BYTE = 40;
/** Arrays and strings grow in leaps, and a Buffer comes out of a pool of 8 KB. */
const BYTES_SLACK = 2.5;
const BYTES_FLOOR = 131_072;

/** What is wrong with a row, '' if nothing is. */
function complaint({ family, bytes, steps, allocated }: WorkRow): string {
  const [small, large] = bytes;
  const growth = large / small;
  const grows = steps[1] > steps[0] * growth * STEPS_SLACK + STEPS_FLOOR;
  const costs = steps[1] > large * STEPS_PER_BYTE + STEPS_FLOOR;
  const allocates = allocated[1] > allocated[0] * growth * BYTES_SLACK + BYTES_FLOOR;
  return grows || costs || allocates ? `${family}: ${JSON.stringify({ bytes, steps, allocated })}` : '';
}

describe('work grows as its input does', () => {
  const rows = measureWork();
  for (const { name } of TARGETS) {
    test(name, () => {
      const own = rows.filter(({ target }) => target === name);
      assert.ok(own.length > 0 && own.every(({ steps }) => steps[1] > 0), 'steps are counted');
      assert.deepEqual(
        own.map(complaint).filter((text) => text !== ''),
        [],
      );
    });
  }
});
