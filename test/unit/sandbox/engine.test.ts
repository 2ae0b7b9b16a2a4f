// mingo behind the sandbox's face. Invariant under test: documents that come in are never changed.
// Only what the sandbox leans on, not mingo's whole language.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Doc, ObjectId } from '../../../src/sandbox/documents.ts';
import { loadEngine } from '../../../src/sandbox/engine.ts';
import { withoutComments } from '../../../src/sandbox/mingo-bridge.ts';

const engine = await loadEngine();

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const field of Object.values(value)) frozen(field);
  return Object.freeze(value);
}

test('nothing changes the documents that come in', () => {
  const stored = [frozen<Doc>({ _id: 1, a: { b: 1, c: 2 }, list: [{ x: 1 }] })];
  assert.deepEqual(engine.project(stored, { 'a.b': 0 }, {}), [{ _id: 1, a: { c: 2 }, list: [{ x: 1 }] }]);
  assert.deepEqual(engine.aggregate(stored, [{ $set: { 'a.b': 9 } }, { $unset: 'list.x' }]), [
    { _id: 1, a: { b: 9, c: 2 }, list: [{}] },
  ]);
  const [first] = stored;
  assert.ok(first);
  const changed = engine.update(first, { change: { $push: { list: { x: 2 } }, $inc: { 'a.b': 1 } }, filter: {} });
  assert.deepEqual(changed, { _id: 1, a: { b: 2, c: 2 }, list: [{ x: 1 }, { x: 2 }] });
});

test('$comment is no condition, at any depth', () => {
  const filter = { a: 1, $comment: 'shop.ts:3', $and: [{ b: { $gt: 0, $comment: 'x' } }] };
  assert.deepEqual(withoutComments(filter), { a: 1, $and: [{ b: { $gt: 0 } }] });
  assert.equal(engine.compile(filter).test({ a: 1, b: 1 }), true);
  const clean = { a: [1, { b: 2 }] };
  assert.equal(withoutComments(clean), clean);
  assert.deepEqual(engine.aggregate([{ a: 1 }], [{ $match: { a: 1, $comment: 'x' } }]), [{ a: 1 }]);
});

test('_id stays first whatever a stage does', () => {
  assert.deepEqual(Object.keys(engine.project([{ _id: 1, a: 1, b: 1 }], { b: 1 }, {})[0] ?? {}), ['_id', 'b']);
  assert.deepEqual(Object.keys(engine.aggregate([{ _id: 1, a: 1 }], [{ $project: { a: 1 } }])[0] ?? {}), ['_id', 'a']);
});

test('filters of all kinds', () => {
  const id = new ObjectId();
  const document = { _id: id, n: 5, tags: ['a', 'b'], items: [{ sku: 1, qty: 2 }], at: new Date(5) };
  const matching: Doc[] = [
    { _id: new ObjectId(id.toHexString()) },
    { n: { $gt: 4, $lte: 5 } },
    { tags: 'a' },
    { tags: { $all: ['a', 'b'] } },
    { items: { $elemMatch: { sku: 1, qty: { $gt: 1 } } } },
    { 'items.sku': 1 },
    { at: { $lt: new Date(6) } },
    { missing: { $exists: false } },
    { tags: /^A/i },
    { $or: [{ n: 1 }, { n: 5 }] },
    { $expr: { $eq: ['$n', { $add: [2, 3] }] } },
    { n: { $not: { $gt: 5 } } },
  ];
  for (const filter of matching) assert.equal(engine.compile(filter).test(document), true, JSON.stringify(filter));
  for (const filter of [{ n: 4 }, { tags: 'c' }, { n: { $in: [1, 2] } }, { $nor: [{ n: 5 }] }]) {
    assert.equal(engine.compile(filter).test(document), false, JSON.stringify(filter));
  }
  assert.equal(engine.compile({ $expr: { $eq: ['$n', '$$five'] } }, { variables: { five: 5 } }).test(document), true);
});

test('what the language refuses has a code', () => {
  assert.throws(() => engine.compile({ n: { $foo: 1 } }), { code: 2 });
  assert.throws(() => engine.compile({ $where: 'true' }), { code: 2 });
  assert.throws(() => engine.aggregate([{}], [{ $nonsense: {} }]), { code: 40_324, message: /'\$nonsense'/ });
  assert.throws(() => engine.update({ _id: 1 }, { change: { $nonsense: { a: 1 } }, filter: {} }), { code: 9 });
  assert.throws(() => engine.sort([{}], { a: 2 }), { code: 15_975 });
  assert.throws(() => engine.sort([{}], { a: { $meta: 'textScore' } }), { code: 2 });
});

test('updates with array filters, positional operators and pipelines', () => {
  const document = { _id: 1, grades: [{ n: 1 }, { n: 5 }], q: 2 };
  const arrayFilters = [{ 'big.n': { $gt: 3 } }];
  assert.deepEqual(engine.update(document, { change: { $set: { 'grades.$[big].n': 0 } }, filter: {}, arrayFilters }), {
    ...document,
    grades: [{ n: 1 }, { n: 0 }],
  });
  assert.deepEqual(engine.update(document, { change: { $inc: { 'grades.$.n': 1 } }, filter: { 'grades.n': 5 } }), {
    ...document,
    grades: [{ n: 1 }, { n: 6 }],
  });
  assert.deepEqual(engine.update(document, { change: [{ $set: { q: { $multiply: ['$q', 3] } } }], filter: {} }), {
    ...document,
    q: 6,
  });
});

test('sorting is by type and by several keys', () => {
  const documents = [{ a: 2, b: 1 }, { a: 1, b: 1 }, { a: 1, b: 2 }, { b: 0 }];
  assert.deepEqual(engine.sort(documents, { a: 1, b: -1 }), [{ b: 0 }, { a: 1, b: 2 }, { a: 1, b: 1 }, { a: 2, b: 1 }]);
});
