// The choice of journeys by their shares, and waiting with a bound. No driver is started.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseJourney, within } from '../../../src/demo/application.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const journeys = [5, 3, 2].map((share) => ({ share, run: async (): Promise<void> => {} }));

describe('chooseJourney', () => {
  it('gives each its share', () => {
    const counts = [0, 0, 0];
    for (let step = 0; step < 1000; step++) {
      const index = journeys.indexOf(chooseJourney(journeys, step / 1000) as (typeof journeys)[number]);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    assert.deepEqual(counts, [500, 300, 200]);
  });

  it('takes the last one for chances at the very end', () => {
    assert.equal(chooseJourney(journeys, 1), journeys[2]);
    assert.throws(() => chooseJourney([], 0), RangeError);
  });
});

describe('within', () => {
  it('ends with the work, whether it succeeds or fails, and leaves no timer', async () => {
    const clock = new FakeClock();
    await within(clock, 100, Promise.resolve());
    await within(clock, 100, Promise.reject(new Error('failed')));
    assert.equal(clock.timers, 0);
  });

  it('ends with the time when the work does not', async () => {
    const clock = new FakeClock();
    const ended = within(clock, 100, new Promise(() => {}));
    clock.advance(100);
    await ended;
  });
});
