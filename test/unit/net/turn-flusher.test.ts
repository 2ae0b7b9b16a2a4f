// One flush a turn. Invariant tested: a marked socket is flushed exactly once per mark, also when it is marked again
// while the flushes run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('a mark is one flush, in the order of the marks', () => {
  const clock = new FakeClock();
  const flusher = new TurnFlusher(clock);
  const flushed: string[] = [];
  const socket = (name: string) => ({ flush: () => void flushed.push(name) });
  const [a, b] = [socket('a'), socket('b')];
  flusher.mark(a);
  flusher.mark(b);
  assert.deepEqual(flushed, []);
  clock.flushTurn();
  assert.deepEqual(flushed, ['a', 'b']);
  clock.flushTurn();
  flusher.mark(b);
  clock.flushTurn();
  assert.deepEqual(flushed, ['a', 'b', 'b']);
  flusher.mark(a);
  clock.flushTurn();
  assert.deepEqual(flushed, ['a', 'b', 'b', 'a'], 'nothing of an earlier turn is left');
});

test('what is marked while flushing is flushed in the next turn', () => {
  const clock = new FakeClock();
  const flusher = new TurnFlusher(clock);
  const flushed: string[] = [];
  const inner = { flush: () => void flushed.push('inner') };
  const outer = {
    flush: () => {
      flushed.push('outer');
      flusher.mark(inner);
    },
  };
  flusher.mark(outer);
  clock.flushTurn();
  assert.deepEqual(flushed, ['outer', 'inner']);
});
