// Update operators on one document. Invariant under test: the document that comes in is never changed.
// What a server would say is compared by the script of test/real; here is what that script does not ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Long, Timestamp } from 'bson';
import type { Doc } from '../../../src/sandbox/documents.ts';
import { applyModifier } from '../../../src/sandbox/modifier.ts';
import { textOrderOf } from '../../../src/sandbox/sorting.ts';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const field of Object.values(value)) frozen(field);
  return Object.freeze(value);
}

const match = { texts: textOrderOf(undefined), expression: () => () => true };
const changed = (document: Doc, modifier: Doc, extra: { filter?: Doc; arrayFilters?: Doc[] } = {}): Doc =>
  applyModifier(frozen(document), modifier, { filter: {}, ...extra, match, nowMs: 1_700_000_000_500 });
const refused = (document: Doc, modifier: Doc, code: number, arrayFilters: Doc[] = []): void =>
  assert.throws(() => changed(document, modifier, { arrayFilters }), { code }, JSON.stringify(modifier));

test('new fields come by name, numbers by value, and a way is made', () => {
  assert.deepEqual(Object.keys(changed({ _id: 1 }, { $set: { b: 1, a: 1 }, $inc: { c: 1 } })), ['_id', 'a', 'b', 'c']);
  assert.deepEqual(changed({ l: [] }, { $set: { 'l.10': 1, 'l.2': 1 } })['l'], [
    null,
    null,
    1,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    1,
  ]);
  assert.deepEqual(changed({}, { $set: { 'a.b.0': 1 } }), { a: { b: { 0: 1 } } });
});

test('the current time, kept whole numbers, and values that are only replaced when beyond', () => {
  const now = changed({}, { $currentDate: { d: true, t: { $type: 'timestamp' } } });
  assert.deepEqual(now['d'], new Date(1_700_000_000_500));
  assert.ok(now['t'] instanceof Timestamp);
  const long = changed({ n: Long.fromString('9007199254740993') }, { $inc: { n: 2 } });
  assert.equal(String(long['n']), '9007199254740995');
  assert.deepEqual(changed({ a: 1, b: 'x' }, { $min: { a: 5, c: 1 }, $max: { b: 1 } }), { a: 1, b: 'x', c: 1 });
});

test('arrays: sorted documents, sets, pulls of every kind', () => {
  const list = [{ n: 2 }, { n: 1 }];
  assert.deepEqual(changed({ list }, { $push: { list: { $each: [{ n: 0 }], $sort: { n: -1 }, $slice: 2 } } })['list'], [
    { n: 2 },
    { n: 1 },
  ]);
  assert.deepEqual(
    changed({ list: [3, 1] }, { $push: { list: { $each: [], $sort: -1, $position: -1 } } })['list'],
    [3, 1],
  );
  assert.deepEqual(changed({ s: [1] }, { $addToSet: { s: { $each: [Long.ONE, 2] } } })['s'], [1, 2]);
  assert.deepEqual(changed({ s: ['ab', 'c', /x/] }, { $pull: { s: /^a/ } })['s'], ['c', /x/]);
  assert.deepEqual(changed({ s: [{ a: 1, b: [1] }, 5] }, { $pull: { s: { b: 1 } } })['s'], [5]);
  assert.deepEqual(changed({ s: [[1], 1] }, { $pull: { s: [1] } })['s'], [1]);
  assert.deepEqual(changed({}, { $pull: { s: 1 }, $pullAll: { t: [1] }, $pop: { u: 1 }, $unset: { v: 1 } }), {});
});

test('positional paths in arrays of arrays and of documents', () => {
  const document = { rows: [{ cells: [{ v: 1 }, { v: 5 }] }, { cells: [{ v: 9 }] }] };
  const filters = [{ 'r.cells.v': 5 }, { 'c.v': { $gte: 5 } }];
  const result = changed(document, { $set: { 'rows.$[r].cells.$[c].v': 0 } }, { arrayFilters: filters });
  assert.deepEqual(result, { rows: [{ cells: [{ v: 1 }, { v: 0 }] }, { cells: [{ v: 9 }] }] });
  const found = changed(document, { $set: { 'rows.$.hit': true } }, { filter: { $and: [{ 'rows.cells.v': 9 }] } });
  assert.deepEqual(
    (found['rows'] as Doc[]).map((row) => row['hit']),
    [undefined, true],
  );
});

test('what an update may not do', () => {
  refused({ a: 1 }, { $set: { 'a.b': 1 } }, 28);
  refused({ a: [1] }, { $set: { 'a.b': 1 } }, 28);
  refused({ a: [1] }, { $set: { 'a.9999999': 1 } }, 2);
  refused({}, { $set: { 'a..b': 1 } }, 56);
  refused({}, { $set: { $a: 1 } }, 52);
  refused({}, { $set: { a: 1 }, $unset: { 'a.b': 1 } }, 40);
  refused({ a: 1 }, { $rename: { a: 'b' }, $set: { b: 1 } }, 40);
  refused({ a: 1 }, { $rename: { a: 5 } }, 2);
  refused({ a: [{ b: 1 }] }, { $rename: { 'a.b': 'c' } }, 2);
  refused({ a: 1 }, { $rename: { 'a.$': 'c' } }, 2);
  refused({ a: 'x' }, { $inc: { a: 1 } }, 14);
  refused({ a: 1 }, { $push: { a: 1 } }, 2);
  refused({}, { $push: { a: { $each: 1 } } }, 2);
  refused({}, { $push: { a: { $each: [], $odd: 1 } } }, 2);
  refused({}, { $push: { a: { $each: [], $slice: 1.5 } } }, 2);
  refused({}, { $push: { a: { $each: [], $sort: 2 } } }, 2);
  refused({}, { $addToSet: { a: { $each: 1 } } }, 14);
  refused({ a: 1 }, { $pop: { a: 1 } }, 14);
  refused({ a: [] }, { $pop: { a: 2 } }, 9);
  refused({ a: 1 }, { $pull: { a: 1 } }, 2);
  refused({ a: [] }, { $pullAll: { a: 1 } }, 2);
  refused({}, { $currentDate: { a: 1 } }, 2);
  refused({}, { $bit: { a: {} } }, 2);
  refused({ a: [] }, { $set: { 'a.$[X]': 1 } }, 2, [{ X: 1 }]);
  refused({ a: [] }, { $set: { 'a.$[x]': 1 } }, 9, [{ x: 1, y: 1 }]);
  refused({ a: [] }, { $set: { 'a.$[x]': 1 } }, 9, [{}]);
  refused({}, { $set: { 'a.$[]': 1 } }, 2);
});
