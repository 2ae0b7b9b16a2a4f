// The machine's clock as far as others rely on it. Invariants tested: time does not go back, a cancelled timer stays
// silent, and a turn ends after the input of that turn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, systemRandom } from '../../../src/core/clock.ts';

test('time goes on and timers fire in their order', async () => {
  const startMs = systemClock.nowMs();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    // Timers of weir do not keep a process alive; this one does.
    const alive = setTimeout(() => {}, 10_000);
    systemClock.setTimer(20, () => {
      order.push('late');
      clearTimeout(alive);
      resolve();
    });
    systemClock.setTimer(1, () => order.push('early'));
    const cancelled = systemClock.setTimer(2, () => order.push('cancelled'));
    cancelled.cancel();
    cancelled.cancel();
  });
  assert.deepEqual(order, ['early', 'late']);
  assert.ok(systemClock.nowMs() - startMs >= 15);
  assert.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1000);
});

test('a turn ends after what is ready now', async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    systemClock.onTurnEnd(() => {
      order.push('turn end');
      resolve();
    });
    queueMicrotask(() => order.push('microtask'));
    order.push('sync');
  });
  assert.deepEqual(order, ['sync', 'microtask', 'turn end']);
});

test('randomness is in [0, 1)', () => {
  for (let i = 0; i < 1000; i++) {
    const value = systemRandom();
    assert.ok(value >= 0 && value < 1);
  }
});
