// Retried writes are answered and not run twice. Invariant under test: the memory is bounded.
// The commands behind it are stubs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../src/sandbox/documents.ts';
import { RetryMemory } from '../../../src/sandbox/retries.ts';

const write = (lsid: number, txnNumber: number, name = 'insert') => ({
  name,
  database: 'shop',
  command: { [name]: 'items', lsid: { id: lsid }, txnNumber },
  client: { connectionId: 1, remote: 'x' },
});

/** Runs and says whether the command was executed. */
function ran(memory: RetryMemory, request: ReturnType<typeof write>): boolean {
  let executed = false;
  memory.run(request, (): Doc => {
    executed = true;
    return { n: 1 };
  });
  return executed;
}

test('a write with the same session and number runs once', () => {
  const memory = new RetryMemory();
  assert.equal(ran(memory, write(1, 1)), true);
  assert.equal(ran(memory, write(1, 1)), false);
  assert.deepEqual(
    memory.run(write(1, 1), () => ({})),
    { n: 1 },
  );
  assert.equal(ran(memory, write(1, 2)), true);
  assert.equal(ran(memory, write(2, 1)), true);
  assert.equal(ran(memory, write(2, 1, 'delete')), true);
});

test('an error is not remembered', () => {
  const memory = new RetryMemory();
  assert.throws(() =>
    memory.run(write(1, 1), () => {
      throw new Error('no');
    }),
  );
  assert.equal(ran(memory, write(1, 1)), true);
});

test('the oldest session is forgotten', () => {
  const memory = new RetryMemory(2);
  for (const lsid of [1, 2, 1, 3]) ran(memory, write(lsid, lsid === 1 ? 9 : 1));
  assert.equal(ran(memory, write(3, 1)), false);
  assert.equal(ran(memory, write(2, 1)), false);
  assert.equal(ran(memory, write(1, 9)), true);
});

test('the bytes of remembered answers are bounded', () => {
  const memory = new RetryMemory();
  const big = { value: 'x'.repeat(15_000_000) };
  for (let lsid = 1; lsid <= 6; lsid += 1) memory.run(write(lsid, 1), () => ({ ...big }));
  assert.equal(ran(memory, write(6, 1)), false);
  assert.equal(ran(memory, write(1, 1)), true);
});
