// Filters: arrays, nested paths, logic, and what is refused.
// Invariant: every rule shows only `_id`, so that only matching decides.

import { type Doc, find, idsOf, insert, type Rule, table } from './rule.ts';

const stock: readonly Doc[] = [
  {
    _id: 1,
    n: 5,
    s: 'alpha',
    tags: ['a', 'b'],
    items: [
      { k: 1, v: 2 },
      { k: 3, v: 4 },
    ],
    o: { x: 1, y: 2 },
  },
  { _id: 2, n: 10, s: 'Beta', tags: ['b'], items: [{ k: 1, v: 4 }], o: { y: 2, x: 1 } },
  { _id: 3, n: [1, 20], s: 'beta\ngamma', tags: [], items: [], o: null },
  { _id: 4, s: null, tags: [['a', 'b']], items: [[{ k: 1 }]], o: {} },
  { _id: 5, n: -7, tags: 'a', items: { k: 1 } },
  { _id: 6, n: 2.5, tags: [1, null], big: 12 },
];

const matched = (filter: Doc): Doc => idsOf('stock', filter);

export const querying: readonly Rule[] = table('filter', [
  ['stock', insert('stock', stock)],
  ['a value in an array', matched({ tags: 'a' })],
  ['a whole array', matched({ tags: ['a', 'b'] })],
  ['a whole document in its order', matched({ o: { x: 1, y: 2 } })],
  ['an empty document', matched({ o: {} })],
  ['a nested path', matched({ 'o.x': 1 })],
  ['a nested path that is missing', matched({ 'o.x': null })],
  ['a path through an array', matched({ 'items.k': 1 })],
  ['a path through an array with a place', matched({ 'items.0.v': { $gt: 3 } })],
  ['a place in an array', matched({ 'tags.1': 'b' })],
  ['conditions met by different elements', matched({ n: { $gt: 5, $lt: 2 } })],
  ['conditions met by one element', matched({ n: { $elemMatch: { $gt: 5, $lt: 30 } } })],
  ['elemMatch on documents', matched({ items: { $elemMatch: { k: 1, v: 2 } } })],
  ['all', matched({ tags: { $all: ['b', 'a'] } })],
  ['all of one value that is no array', matched({ tags: { $all: ['a'] } })],
  ['all of an array', matched({ tags: { $all: [['a', 'b']] } })],
  ['size', matched({ tags: { $size: 2 } })],
  ['not equal looks at every element', matched({ tags: { $ne: 'a' } })],
  ['not in', matched({ tags: { $nin: ['a', 1] } })],
  ['in with a pattern', matched({ s: { $in: [/^b/i, null] } })],
  ['exists', matched({ n: { $exists: false } })],
  ['not', matched({ n: { $not: { $gt: 5 } } })],
  ['not with a pattern', matched({ s: { $not: /^a/ } })],
  ['nor', matched({ $nor: [{ n: { $gt: 5 } }, { tags: 'a' }] })],
  ['or and and', matched({ $or: [{ n: 5 }, { $and: [{ tags: 'b' }, { 'o.y': 2 }] }] })],
  ['regex with options', matched({ s: { $regex: '^beta', $options: 'i' } })],
  ['regex over lines', matched({ s: { $regex: '^gamma', $options: 'm' } })],
  ['modulo', matched({ n: { $mod: [5, 0] } })],
  ['modulo of a negative number', matched({ n: { $mod: [4, -3] } })],
  ['all bits set', matched({ big: { $bitsAllSet: 12 } })],
  ['expr', matched({ $expr: { $gt: ['$big', 10] } })],
  ['comment is no condition', matched({ n: 5, $comment: 'here' })],
  [
    'let',
    { find: 'stock', filter: { $expr: { $eq: ['$n', '$$wanted'] } }, let: { wanted: 5 }, projection: { _id: 1 } },
  ],
  ['count', { count: 'stock', query: { tags: 'b' } }],
  ['count with a limit', { count: 'stock', query: {}, skip: 1, limit: 3 }],
  ['distinct of a path through arrays', { distinct: 'stock', key: 'items.k', query: {} }],
  ['an unknown operator', matched({ n: { $nothing: 1 } })],
  ['an unknown operator at the top', matched({ $nothing: 1 })],
  ['in that is no array', matched({ n: { $in: 5 } })],
  ['and that is empty', matched({ $and: [] })],
  ['size that is negative', matched({ tags: { $size: -1 } })],
  ['modulo by zero', matched({ n: { $mod: [0, 1] } })],
  ['a batch and what stays open', find('stock', {}, { batchSize: 2, projection: { _id: 1 } })],
]);
