// Connections beyond the cap: held a while, closed, and never more than a bounded number of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OVER_LIMIT_HELD, OverLimit } from '../../../src/net/over-limit.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('a connection beyond the cap is closed after a second, the one after 64 of them at once', () => {
  const clock = new FakeClock();
  const overLimit = new OverLimit(clock);
  const destroyed: number[] = [];
  for (let id = 1; id <= OVER_LIMIT_HELD + 1; id++) overLimit.turnAway({ destroy: () => destroyed.push(id) });
  assert.deepEqual(destroyed, [65]);
  clock.advance(999);
  assert.equal(destroyed.length, 1);
  clock.advance(1);
  assert.equal(destroyed.length, 65);
  overLimit.turnAway({ destroy: () => destroyed.push(66) });
  assert.equal(destroyed.length, 65, 'there is room again');
});

test('a stop closes those that are held, and leaves no timer', () => {
  const clock = new FakeClock();
  const overLimit = new OverLimit(clock);
  const destroyed: number[] = [];
  for (let id = 1; id <= 3; id++) overLimit.turnAway({ destroy: () => destroyed.push(id) });
  overLimit.stop();
  overLimit.stop();
  assert.deepEqual([destroyed, clock.timers], [[1, 2, 3], 0]);
});
