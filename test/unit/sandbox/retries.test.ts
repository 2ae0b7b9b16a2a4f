// Retried writes are answered statement by statement and not run twice. Invariant under test: the memory is bounded.
// The commands behind it are stubs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Doc, Long } from '../../../src/sandbox/documents.ts';
import { RetryMemory } from '../../../src/sandbox/retries.ts';
import { makeFixture } from './fixture.ts';

interface Write {
  readonly lsid: number;
  readonly txnNumber: unknown;
  readonly name?: string;
  readonly extra?: Doc;
}

/** Opens the memory of a write and says which of its statements would run. */
function ran(memory: RetryMemory, { lsid, txnNumber, name = 'insert', extra = {} }: Write, statements = 1): number[] {
  const command = { [name]: 'items', lsid: { id: lsid }, txnNumber, ...extra };
  const statementMemory = memory.open({ name, command });
  assert.ok(statementMemory !== null);
  const run: number[] = [];
  for (let index = 0; index < statements; index += 1) {
    if (statementMemory.recall(index) !== undefined) continue;
    run.push(index);
    statementMemory.remember(index, { n: 1 });
  }
  return run;
}

test('a write with the same session and number runs once', () => {
  const memory = new RetryMemory();
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 1 }), [0]);
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: Long.ONE }), []);
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 2 }), [0]);
  assert.deepEqual(ran(memory, { lsid: 2, txnNumber: 1 }), [0]);
  assert.deepEqual(ran(memory, { lsid: 2, txnNumber: 1, name: 'delete' }), [0]);
});

test('statements are remembered one by one, by index or by the ids the driver gives', () => {
  const memory = new RetryMemory();
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 1 }, 2), [0, 1]);
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 1 }, 4), [2, 3]);
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 1, extra: { stmtId: 3 } }, 2), [1]);
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 1, extra: { stmtIds: [9, 0, 10] } }, 3), [0, 2]);
});

test('a session that is ahead refuses an older number, and no number means no memory', () => {
  const memory = new RetryMemory();
  ran(memory, { lsid: 1, txnNumber: 5 });
  assert.throws(() => ran(memory, { lsid: 1, txnNumber: 4 }), { code: 225 });
  assert.equal(memory.open({ name: 'insert', command: { insert: 'c', lsid: { id: 1 } } }), null);
  assert.equal(memory.open({ name: 'insert', command: { insert: 'c', txnNumber: 1 } }), null);
});

test('the oldest session is forgotten', () => {
  const memory = new RetryMemory(2);
  for (const lsid of [1, 2, 1, 3]) ran(memory, { lsid, txnNumber: 1 });
  assert.deepEqual(ran(memory, { lsid: 3, txnNumber: 1 }), []);
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 1 }), []);
  assert.deepEqual(ran(memory, { lsid: 2, txnNumber: 1 }), [0]);
});

test('the bytes of remembered outcomes are bounded', () => {
  const memory = new RetryMemory();
  for (let lsid = 1; lsid <= 6; lsid += 1) {
    const command = { insert: 'c', lsid: { id: lsid }, txnNumber: 1 };
    memory.open({ name: 'insert', command })?.remember(0, { value: 'x'.repeat(15_000_000) });
  }
  assert.deepEqual(ran(memory, { lsid: 6, txnNumber: 1 }), []);
  assert.deepEqual(ran(memory, { lsid: 1, txnNumber: 1 }), [0]);
});

test('through the dispatcher: what ran is answered, what failed is tried again', async () => {
  const { run, find } = await makeFixture();
  const marks = { lsid: { id: 1 }, txnNumber: 1 };
  run({ insert: 'c', documents: [{ _id: 2 }] });
  const insert = { insert: 'c', documents: [{ _id: 1 }, { _id: 2 }, { _id: 3 }], ...marks };
  assert.deepEqual([run(insert)['n'], find('c').length], [1, 2]);
  run({ delete: 'c', deletes: [{ q: { _id: 2 }, limit: 1 }] });
  const again = run(insert);
  assert.deepEqual([again['n'], again['retriedStmtIds'], again['writeErrors']], [3, [0], undefined]);
  assert.equal(find('c').length, 3);
  const modify = {
    findAndModify: 'c',
    query: { _id: 1 },
    update: { $inc: { n: 1 } },
    new: true,
    ...marks,
    txnNumber: 2,
  };
  assert.deepEqual(run(modify)['value'], { _id: 1, n: 1 });
  assert.deepEqual([run(modify)['value'], run(modify)['retriedStmtId']], [{ _id: 1, n: 1 }, 0]);
  assert.equal(run(insert)['code'], 225);
});
