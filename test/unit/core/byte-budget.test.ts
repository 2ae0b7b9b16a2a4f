// The byte budget: when it is spent, who is let on, and in which order.
// No sockets here. Invariants tested: what is taken comes back; first come, first let on; few pass while it is spent.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BudgetWaiter, ByteBudget } from '../../../src/core/byte-budget.ts';

class Waiter implements BudgetWaiter {
  readonly name: string;
  readonly isInside: boolean;
  readonly #log: string[];
  readonly #onRelief: () => void;

  constructor(name: string, log: string[], isInside = false, onRelief: () => void = () => {}) {
    this.name = name;
    this.isInside = isInside;
    this.#log = log;
    this.#onRelief = onRelief;
  }

  onRelief(): void {
    this.#log.push(this.name);
    this.#onRelief();
  }
}

describe('a byte budget', () => {
  test('is spent at its limit and has room again below nine tenths', () => {
    const budget = new ByteBudget(1000);
    budget.add(999);
    assert.deepEqual([budget.isSpent, budget.hasRoomFor(1), budget.hasRoomFor(2)], [false, true, false]);
    budget.add(1);
    assert.equal(budget.isSpent, true);
    budget.add(-100);
    assert.deepEqual([budget.isSpent, budget.hasRoomFor(1)], [true, false]);
    budget.add(-1);
    assert.deepEqual([budget.isSpent, budget.held], [false, 899]);
  });

  test('lets on in the order of waiting, until it is spent again', () => {
    const log: string[] = [];
    const budget = new ByteBudget(1000);
    budget.add(1000);
    budget.wait(new Waiter('a', log));
    budget.wait(new Waiter('b', log, false, () => budget.add(500)));
    budget.wait(new Waiter('c', log));
    const gone = new Waiter('gone', log);
    budget.wait(gone);
    budget.leave(gone);
    assert.deepEqual([budget.waiting, budget.pauses], [3, 4]);
    budget.add(-500);
    assert.deepEqual(log, ['a', 'b']);
    assert.equal(budget.isSpent, true);
    budget.add(-1000);
    assert.deepEqual(log, ['a', 'b', 'c']);
  });

  test('lets four in mid-message pass while it is spent, and another when one of them is through', () => {
    const log: string[] = [];
    const budget = new ByteBudget(1000);
    budget.add(1000);
    const passing = ['a', 'b', 'c', 'd'].map((name) => new Waiter(name, log, true));
    for (const waiter of passing) assert.equal(budget.mayPass(waiter), true);
    assert.equal(budget.mayPass(passing[0] as Waiter), true);
    const next = new Waiter('inside', log, true);
    assert.equal(budget.mayPass(next), false);
    budget.wait(new Waiter('outside', log));
    budget.wait(next);
    budget.endPass(new Waiter('nobody', log, true));
    assert.deepEqual(log, []);
    budget.endPass(passing[1] as Waiter);
    assert.deepEqual(log, ['inside']);
    assert.equal(budget.mayPass(next), true);
    assert.equal(budget.mayPass(new Waiter('late', log, true)), false);
  });
});
