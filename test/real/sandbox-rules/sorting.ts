// Sort: several keys, arrays, nested paths, missing fields, and what is refused.
// Invariant: every sort ends in `_id`, so that only the rule decides.

import { aggregate, type Doc, find, insert, type Rule, table } from './rule.ts';

const stock: readonly Doc[] = [
  { _id: 1, a: 3, b: 'x', list: [5, 1], sub: [{ n: 4 }, { n: 9 }] },
  { _id: 2, a: 1, b: 'y', list: [2, 8], sub: [{ n: 6 }] },
  { _id: 3, a: 2, b: 'x', list: [], sub: [] },
  { _id: 4, a: 1, b: 'x', list: 3, sub: { n: 5 } },
  { _id: 5, b: 'y', list: null, sub: [{ m: 1 }] },
  { _id: 6, a: null, b: 'X', list: [[0]], sub: 7 },
];

const sorted = (sort: Doc, extra: Doc = {}): Doc => find('sorts', {}, { sort, projection: { _id: 1 }, ...extra });

export const sorting: readonly Rule[] = table('sort', [
  ['stock', insert('sorts', stock)],
  ['two keys', sorted({ b: 1, a: -1, _id: 1 })],
  ['null and missing are equal', sorted({ a: 1, _id: -1 })],
  ['descending puts null last', sorted({ a: -1, _id: 1 })],
  ['an array counts by its smallest', sorted({ list: 1, _id: 1 })],
  ['an array counts by its greatest when descending', sorted({ list: -1, _id: 1 })],
  ['a path into an array of documents', sorted({ 'sub.n': 1, _id: 1 })],
  ['a path into an array of documents, descending', sorted({ 'sub.n': -1, _id: 1 })],
  ['a place in an array', sorted({ 'list.0': 1, _id: 1 })],
  ['a place in an array of documents', sorted({ 'sub.0.n': 1, _id: 1 })],
  ['skip and limit apply afterwards', sorted({ b: -1, _id: 1 }, { skip: 1, limit: 3 })],
  ['natural order', sorted({ $natural: 1 })],
  ['natural order backwards', sorted({ $natural: -1 })],
  ['a boolean is no direction', sorted({ a: true })],
  ['2 is no direction', sorted({ a: 2 })],
  ['0 is no direction', sorted({ a: 0 })],
  ['a path with an empty part', sorted({ 'a..b': 1 })],
  ['a pipeline sorts alike', aggregate('sorts', [{ $sort: { list: -1, _id: 1 } }, { $project: { _id: 1 } }])],
  ['negative limit', sorted({ _id: 1 }, { limit: -2 })],
  ['negative skip', sorted({ _id: 1 }, { skip: -1 })],
]);
