// Turns between applications.
// Invariant tested: whoever enters leaves once; FIFO within an application; turns by weight between them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Exchange } from '../../../src/upstream/exchange.ts';
import { FairQueue } from '../../../src/upstream/fair-queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Recorder } from './fixture.ts';

const recorder = new Recorder(new FakeClock());

function push(queue: FairQueue, app: string, count: number): Exchange[] {
  const made = Array.from({ length: count }, (_, index) => recorder.exchange(`${app}${index}`, { app }));
  for (const exchange of made) queue.push(exchange);
  return made;
}

/** The applications in the order of their turns. */
function take(queue: FairQueue, count: number): string {
  return Array.from({ length: count }, () => queue.shift()?.app ?? '-').join('');
}

describe('a fair queue', () => {
  test('one application alone is FIFO', () => {
    const queue = new FairQueue();
    const made = push(queue, 'a', 5);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map(() => queue.shift()),
      [...made, null],
    );
  });

  test('a crowd of one does not delay another', () => {
    const queue = new FairQueue();
    push(queue, 'a', 1000);
    take(queue, 3);
    push(queue, 'b', 3);
    assert.match(take(queue, 8), /^b?(ab){2,3}a+$/);
  });

  test('turns go by weight', () => {
    const queue = new FairQueue({ a: 3 });
    push(queue, 'a', 100);
    push(queue, 'b', 100);
    const turns = take(queue, 40);
    assert.equal([...turns].filter((app) => app === 'a').length, 30);
    assert.ok(!turns.includes('bb'));
  });

  test('what weir does by itself gets every fifth turn', () => {
    const queue = new FairQueue();
    push(queue, '', 40);
    push(queue, 'a', 40);
    assert.equal([...take(queue, 25)].filter((app) => app === 'a').length, 20);
  });

  test('who was idle has no credit', () => {
    const queue = new FairQueue();
    push(queue, 'b', 1);
    take(queue, 1);
    push(queue, 'a', 100);
    take(queue, 50);
    push(queue, 'b', 10);
    assert.ok([...take(queue, 12)].filter((app) => app === 'b').length <= 7);
  });

  test('more applications than queues: the rest shares one, and nobody is lost or served twice', () => {
    const queue = new FairQueue();
    const made = Array.from({ length: 200 }, (_, index) => push(queue, `app${index}`, 2)).flat();
    const gone = made.filter((_, index) => index % 5 === 0);
    for (const exchange of gone) {
      exchange.state = 'done';
      queue.forget(exchange);
    }
    assert.equal(queue.size, made.length - gone.length);
    const taken = new Set<Exchange>();
    for (let next = queue.shift(); next !== null; next = queue.shift()) taken.add(next);
    assert.equal(taken.size, made.length - gone.length);
    assert.ok(gone.every((exchange) => !taken.has(exchange)));
    assert.equal(queue.size, 0);
  });
});
