// The order of waiters and the room they take. No deadlines here: waiting-room.test.ts.
// Invariant tested: FIFO, whoever leaves early is never served, and the dead take no room for long.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Exchange } from '../../../src/upstream/exchange.ts';
import { WaitQueue } from '../../../src/upstream/wait-queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Recorder } from './fixture.ts';

const recorder = new Recorder(new FakeClock());

function fill(queue: WaitQueue, count: number): Exchange[] {
  const exchanges = Array.from({ length: count }, (_, index) => recorder.exchange(String(index)));
  for (const exchange of exchanges) queue.push(exchange);
  return exchanges;
}

function leave(queue: WaitQueue, exchange: Exchange | undefined): void {
  assert.ok(exchange);
  exchange.state = 'done';
  queue.forget(exchange);
}

describe('wait queue', () => {
  test('first in, first out; peek takes nothing', () => {
    const queue = new WaitQueue();
    const [a, b, c] = fill(queue, 3);
    assert.equal(queue.peek(), a);
    assert.equal(queue.size, 3);
    assert.deepEqual([queue.shift(), queue.shift(), queue.shift(), queue.shift()], [a, b, c, null]);
    assert.equal(queue.size, 0);
  });

  test('whoever left is passed over, at the front and in the middle', () => {
    const queue = new WaitQueue();
    const [a, b, c, d] = fill(queue, 4);
    leave(queue, a);
    leave(queue, c);
    assert.equal(queue.size, 2);
    assert.equal(queue.peek(), b);
    assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], [b, d, null]);
    assert.equal(queue.size, 0);
  });

  test('a mass departure keeps the order of the rest', () => {
    const queue = new WaitQueue();
    const all = fill(queue, 10_000);
    for (const [index, exchange] of all.entries()) if (index % 100 !== 7) leave(queue, exchange);
    assert.equal(queue.size, 100);
    const served: (Exchange | null)[] = [];
    while (queue.size > 0) served.push(queue.shift());
    assert.deepEqual(
      served,
      all.filter((_, index) => index % 100 === 7),
    );
  });

  test('forget() of one that still waits is a mistake of the caller', () => {
    const queue = new WaitQueue();
    const [a] = fill(queue, 1);
    assert.ok(a);
    assert.throws(() => queue.forget(a), /still waits/);
  });
});
