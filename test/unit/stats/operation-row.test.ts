// Guards what one operation adds to its row, above all that hostile numbers cannot make a count shrink or poison it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTCOMES } from '../../../src/core/outcome.ts';
import { MAX_CODES_PER_ROW, OperationRow, OTHER_CODE } from '../../../src/stats/operation-row.ts';
import { makeResult, runOperation } from './results.ts';

function makeRow(): OperationRow {
  return new OperationRow({ app: 'shop', callSite: 'a.ts:1', database: 'shop', collection: 'orders', command: 'find' });
}

test('finish adds every part of the result', () => {
  const row = makeRow();
  row.begin();
  row.begin();
  assert.equal(row.active, 2);
  row.finish(makeResult({ documentsReturned: 5, documentsChanged: 2, requestBytes: 70, replyBytes: 900, waitMs: 3 }));
  assert.equal(row.active, 1);
  assert.equal(row.operations, 1);
  assert.equal(row.errors, 0);
  assert.equal(row.documentsReturned, 5);
  assert.equal(row.documentsChanged, 2);
  assert.equal(row.requestBytes, 70);
  assert.equal(row.replyBytes, 900);
  assert.equal(row.serverTimes.sumMs, 1);
  assert.equal(row.waitTimes.sumMs, 3);
  assert.equal(row.errorsByCode, null);
});

test('each outcome is counted as itself, and all but ok as errors', () => {
  const row = makeRow();
  for (const [index, outcome] of OUTCOMES.entries()) {
    for (let n = 0; n <= index; n += 1) runOperation(row, { outcome });
  }
  assert.deepEqual(
    OUTCOMES.map((outcome) => row.countOf(outcome)),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.equal(row.operations, 36);
  assert.equal(row.errors, 35);
});

test('an operation that was not sent has no time at the server, but one in the queue', () => {
  const row = makeRow();
  runOperation(row, { outcome: 'wait_timeout', errorCode: 50, serverMs: -1, waitMs: 5000 });
  assert.equal(row.serverTimes.count, 0);
  assert.equal(row.waitTimes.maxMs, 5000);
});

test('codes are counted for failures only, and code 0 is no code', () => {
  const row = makeRow();
  runOperation(row, { outcome: 'write_error', errorCode: 11000 });
  runOperation(row, { outcome: 'write_error', errorCode: 11000 });
  runOperation(row, { outcome: 'command_error', errorCode: 59 });
  runOperation(row, { outcome: 'client_gone', errorCode: 0 });
  runOperation(row, { outcome: 'ok', errorCode: 7 });
  assert.deepEqual(
    [...(row.errorsByCode ?? [])],
    [
      [11000, 2],
      [59, 1],
    ],
  );
});

test('a server that invents codes cannot grow a row', () => {
  const row = makeRow();
  for (let code = 1; code <= 1000; code += 1) runOperation(row, { outcome: 'command_error', errorCode: code });
  runOperation(row, { outcome: 'command_error', errorCode: 1 });
  assert.equal(row.errorsByCode?.size, MAX_CODES_PER_ROW + 1);
  assert.equal(row.errorsByCode?.get(1), 2);
  assert.equal(row.errorsByCode?.get(OTHER_CODE), 1000 - MAX_CODES_PER_ROW);
});

test('numbers that are none count under the other code', () => {
  const row = makeRow();
  for (const errorCode of [Number.NaN, 1.5, Number.POSITIVE_INFINITY])
    runOperation(row, { outcome: 'command_error', errorCode });
  assert.deepEqual([...(row.errorsByCode ?? [])], [[OTHER_CODE, 3]]);
});

test('negative, endless and missing numbers from a reply add nothing', () => {
  const row = makeRow();
  runOperation(row, { documentsChanged: 4 });
  for (const bad of [-3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 60]) {
    runOperation(row, {
      documentsReturned: bad,
      documentsChanged: bad,
      requestBytes: bad,
      replyBytes: bad,
      waitMs: bad,
    });
  }
  assert.equal(row.documentsReturned, 1);
  assert.equal(row.documentsChanged, 4);
  assert.equal(row.requestBytes, 100);
  assert.equal(row.replyBytes, 200);
  assert.ok(Number.isFinite(row.waitTimes.sumMs));
  assert.equal(row.operations, 6);
});
