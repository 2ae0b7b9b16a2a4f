// Guards what one operation adds to its row, above all that hostile numbers cannot make a count shrink or poison it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTCOMES } from '../../../src/core/outcome.ts';
import { HISTOGRAM_BORDERS_SECONDS, HISTOGRAM_BUCKETS, LatencySketch } from '../../../src/stats/latency-sketch.ts';
import { MAX_CODES_PER_ROW, OperationRow, OTHER_CODE } from '../../../src/stats/operation-row.ts';
import { makeResult, runOperation } from './results.ts';

function makeRow(): OperationRow {
  return new OperationRow({
    listener: 'main',
    app: 'shop',
    callSite: 'a.ts:1',
    database: 'shop',
    collection: 'orders',
    command: 'find',
  });
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
  assert.equal(row.totalSumMs, 1.5);
  assert.deepEqual([row.codesOf('upstream'), row.codesOf('proxy')], [null, null]);
});

test('each outcome is counted as itself, and all but ok as errors', () => {
  const row = makeRow();
  for (const [index, outcome] of OUTCOMES.entries()) {
    for (let n = 0; n <= index; n += 1) runOperation(row, { outcome });
  }
  assert.deepEqual(
    OUTCOMES.map((outcome) => row.countOf(outcome)),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.equal(row.operations, 45);
  assert.equal(row.errors, 44);
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
    [...(row.codesOf('upstream') ?? [])],
    [
      [11000, 2],
      [59, 1],
    ],
  );
});

test('a code that weir gave is counted apart from the same code of the server', () => {
  const row = makeRow();
  runOperation(row, { outcome: 'upstream_lost', errorCode: 91, errorOrigin: 'proxy' });
  runOperation(row, { outcome: 'command_error', errorCode: 91, errorOrigin: 'upstream' });
  runOperation(row, { outcome: 'command_error', errorCode: 91, errorOrigin: 'upstream' });
  assert.deepEqual([...(row.codesOf('proxy') ?? [])], [[91, 1]]);
  assert.deepEqual([...(row.codesOf('upstream') ?? [])], [[91, 2]]);
});

test('arrival to reply is counted for every operation, in the bucket in which a sketch would count it', () => {
  const borders = HISTOGRAM_BORDERS_SECONDS.flatMap((seconds) => [
    seconds * 1000 - 0.001,
    seconds * 1000,
    seconds * 1000 + 0.0001,
  ]);
  const times = [0, -1, Number.NaN, 0.0001, 1e9, Number.POSITIVE_INFINITY, ...borders];
  const row = makeRow();
  const sketch = new LatencySketch();
  for (const totalMs of times) {
    runOperation(row, { totalMs });
    sketch.record(totalMs);
  }
  const [counted, expected] = [new Float64Array(HISTOGRAM_BUCKETS), new Float64Array(HISTOGRAM_BUCKETS)];
  row.addTotalHistogram(counted);
  sketch.addHistogram(expected);
  assert.deepEqual(counted, expected);
  assert.equal(row.totalSumMs, sketch.sumMs);
  assert.equal(
    counted.reduce((sum, count) => sum + count, 0),
    row.operations,
  );
});

test('a server that invents codes cannot grow a row', () => {
  const row = makeRow();
  for (let code = 1; code <= 1000; code += 1) runOperation(row, { outcome: 'command_error', errorCode: code });
  runOperation(row, { outcome: 'command_error', errorCode: 1 });
  assert.equal(row.codesOf('upstream')?.size, MAX_CODES_PER_ROW + 1);
  assert.equal(row.codesOf('upstream')?.get(1), 2);
  assert.equal(row.codesOf('upstream')?.get(OTHER_CODE), 1000 - MAX_CODES_PER_ROW);
});

test('numbers that are none count under the other code', () => {
  const row = makeRow();
  for (const errorCode of [Number.NaN, 1.5, Number.POSITIVE_INFINITY])
    runOperation(row, { outcome: 'command_error', errorCode });
  assert.deepEqual([...(row.codesOf('upstream') ?? [])], [[OTHER_CODE, 3]]);
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
