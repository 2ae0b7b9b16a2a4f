// The documents of one namespace: ids, copies, the budget and unique indexes.
// No query language here. Invariant under test: a refused write leaves nothing behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, Collection } from '../../../src/sandbox/collection.ts';
import { type Doc, ObjectId } from '../../../src/sandbox/documents.ts';
import type { IndexSpec } from '../../../src/sandbox/unique-index.ts';

const make = (limitBytes = 1_000_000): { collection: Collection; budget: ByteBudget } => {
  const budget = new ByteBudget(limitBytes);
  return { budget, collection: new Collection('shop', 'items', {}, budget) };
};

const unique = (key: Doc, extra: Partial<IndexSpec> = {}): IndexSpec => ({
  name: Object.keys(key).join('_'),
  key,
  unique: true,
  sparse: false,
  description: { key },
  partial: null,
  ...extra,
});

test('_id is made up if missing and comes first', () => {
  const { collection } = make();
  assert.ok(collection.insert({ a: 1 })['_id'] instanceof ObjectId);
  assert.deepEqual(Object.keys(collection.insert({ a: 1, _id: 2 })), ['_id', 'a']);
  assert.throws(() => collection.insert({ _id: [1] }), { code: 53 });
  assert.throws(() => collection.insert({ _id: /a/ }), { code: 53 });
  assert.throws(() => collection.insert({ _id: { $a: 1 } }), { code: 52 });
});

test('a stored document is a copy', () => {
  const { collection } = make();
  const mine = { _id: 1, inner: { a: 1 } };
  collection.insert(mine);
  mine.inner.a = 2;
  assert.deepEqual(collection.byId(1), { _id: 1, inner: { a: 1 } });
});

test('a second document of the same _id is refused, of whatever number type', () => {
  const { collection } = make();
  collection.insert({ _id: 1 });
  assert.throws(() => collection.insert({ _id: 1 }), {
    code: 11_000,
    message: 'E11000 duplicate key error collection: shop.items index: _id_ dup key: { _id: 1 }',
    extra: { keyPattern: { _id: 1 }, keyValue: { _id: 1 } },
  });
  assert.equal(collection.count, 1);
});

test('replacing keeps the place and refuses another _id', () => {
  const { collection } = make();
  const first = collection.insert({ _id: 1 });
  collection.insert({ _id: 2 });
  collection.replace(first, { _id: 1, a: 1 });
  assert.deepEqual([...collection.all()], [{ _id: 1, a: 1 }, { _id: 2 }]);
  assert.throws(() => collection.replace(first, { _id: 3 }), { code: 66 });
});

test('the budget is charged and given back to the byte', () => {
  const { collection, budget } = make(400);
  const document = collection.insert({ _id: 1, text: 'x'.repeat(100) });
  const used = budget.usedBytes;
  assert.throws(() => collection.insert({ _id: 2, text: 'x'.repeat(100) }), { code: 14_031 });
  assert.equal(budget.usedBytes, used);
  assert.throws(() => collection.replace(document, { _id: 1, text: 'x'.repeat(300) }), { code: 14_031 });
  const smaller = collection.replace(document, { _id: 1 });
  assert.equal(budget.usedBytes, used - 100 - 'text'.length - 7);
  collection.remove(smaller);
  collection.remove(smaller);
  assert.equal(budget.usedBytes, 0);
});

test('documents over 16 MiB are refused', () => {
  const { collection } = make(100_000_000);
  assert.throws(() => collection.insert({ text: 'x'.repeat(16_777_216) }), { code: 10_334 });
});

test('a unique index refuses equal values and lets go of removed ones', () => {
  const { collection } = make();
  collection.addIndex(unique({ 'user.mail': 1 }));
  const first = collection.insert({ _id: 1, user: { mail: 'a' } });
  assert.throws(() => collection.insert({ _id: 2, user: { mail: 'a' } }), { code: 11_000 });
  collection.insert({ _id: 3 });
  assert.throws(() => collection.insert({ _id: 4 }), { code: 11_000 }, 'missing counts as null');
  const same = collection.replace(first, { _id: 1, user: { mail: 'a' }, more: true });
  collection.replace(same, { _id: 1, user: { mail: 'b' } });
  const second = collection.insert({ _id: 2, user: { mail: 'a' } });
  assert.throws(() => collection.replace(second, { _id: 2, user: { mail: 'b' } }), { code: 11_000 });
  collection.remove(second);
  collection.insert({ _id: 5, user: { mail: 'a' } });
});

test('compound, multikey, sparse and partial uniqueness', () => {
  const { collection } = make();
  collection.addIndex(unique({ a: 1, b: 1 }));
  collection.insert({ _id: 1, a: 1, b: [1, 2] });
  collection.insert({ _id: 2, a: 1, b: 3 });
  assert.throws(() => collection.insert({ _id: 3, a: 1, b: 2 }), { code: 11_000 });
  assert.throws(() => collection.insert({ _id: 3, a: [1, 2], b: [1, 2] }), { code: 171 });
  const { collection: sparse } = make();
  sparse.addIndex(unique({ a: 1 }, { sparse: true }));
  sparse.insert({});
  sparse.insert({});
  const { collection: partial } = make();
  partial.addIndex(unique({ a: 1 }, { partial: { test: (document) => document['live'] === true } }));
  partial.insert({ a: 1, live: true });
  partial.insert({ a: 1 });
  assert.throws(() => partial.insert({ a: 1, live: true }), { code: 11_000 });
});

test('an index over documents that break it is not added', () => {
  const { collection } = make();
  collection.insert({ a: 1 });
  collection.insert({ a: 1 });
  assert.throws(() => collection.addIndex(unique({ a: 1 })), { code: 11_000 });
  assert.deepEqual(collection.indexes(), []);
  assert.equal(collection.addIndex({ ...unique({ a: 1 }), unique: false }), true);
  assert.equal(collection.addIndex({ ...unique({ a: 1 }), unique: false }), false);
  assert.throws(() => collection.addIndex(unique({ b: 1 }, { name: 'a' })), { code: 86 });
  for (let index = 1; index < 63; index += 1) collection.addIndex({ ...unique({ [`f${index}`]: 1 }), unique: false });
  assert.throws(() => collection.addIndex(unique({ z: 1 })), { code: 67 });
});

test('clearing empties the indexes too', () => {
  const { collection, budget } = make();
  collection.addIndex(unique({ a: 1 }));
  collection.insert({ _id: 1, a: 1 });
  collection.clear();
  assert.equal(budget.usedBytes, 0);
  collection.insert({ _id: 1, a: 1 });
});
