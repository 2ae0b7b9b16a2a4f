// A few stages and the writing ends of pipelines: only what drivers' users lean on most.
// Invariant: the last stage but one sorts.

import { aggregate, type Doc, find, insert, type Rule, table } from './rule.ts';

const stock: readonly Doc[] = [
  { _id: 1, sku: 'a', qty: 2, price: 3, at: new Date(0) },
  { _id: 2, sku: 'b', qty: 1, price: 5, at: new Date(86_400_000) },
  { _id: 3, sku: 'a', qty: 4, tags: ['x', 'y'] },
  { _id: 4, sku: null, qty: 0, tags: [] },
];

const piped = (...stages: Doc[]): Doc => aggregate('sales', stages);

export const aggregating: readonly Rule[] = table('aggregate', [
  ['stock', insert('sales', stock)],
  [
    'group',
    piped(
      { $group: { _id: '$sku', n: { $sum: 1 }, sum: { $sum: '$qty' }, avg: { $avg: '$price' } } },
      { $sort: { _id: 1 } },
    ),
  ],
  ['group of all', piped({ $group: { _id: null, max: { $max: '$price' }, all: { $push: '$sku' } } })],
  ['unwind', piped({ $unwind: '$tags' }, { $project: { tags: 1 } })],
  [
    'unwind that keeps',
    piped(
      { $unwind: { path: '$tags', preserveNullAndEmptyArrays: true, includeArrayIndex: 'i' } },
      { $project: { tags: 1, i: 1 } },
    ),
  ],
  ['project computes', piped({ $project: { total: { $multiply: ['$qty', { $ifNull: ['$price', 1] }] }, _id: 0 } })],
  [
    'lookup',
    piped(
      { $match: { _id: { $lt: 3 } } },
      { $lookup: { from: 'sales', localField: 'sku', foreignField: 'sku', as: 'same' } },
      { $project: { 'same._id': 1 } },
    ),
  ],
  ['facet', piped({ $facet: { n: [{ $count: 'n' }], first: [{ $limit: 1 }, { $project: { _id: 1 } }] } })],
  ['count', piped({ $match: { qty: { $gt: 0 } } }, { $count: 'n' })],
  ['count of nothing', piped({ $match: { qty: 99 } }, { $count: 'n' })],
  ['set and unset', piped({ $set: { big: { $gt: ['$qty', 1] } } }, { $unset: ['at', 'tags'] })],
  ['bucket', piped({ $bucket: { groupBy: '$qty', boundaries: [0, 2, 5], default: 'other' } })],
  ['sortByCount', piped({ $match: { sku: { $ne: null } } }, { $sortByCount: '$sku' })],
  ['out', piped({ $match: { sku: 'a' } }, { $out: 'picked' })],
  ['what out wrote', find('picked')],
  ['merge', piped({ $project: { qty: { $add: ['$qty', 1] } } }, { $merge: { into: 'picked', whenMatched: 'merge' } })],
  ['what merge wrote', find('picked')],
  ['documents', { aggregate: 1, pipeline: [{ $documents: [{ a: 1 }, { a: 2 }] }, { $match: { a: 2 } }], cursor: {} }],
  ['an unknown stage', piped({ $nothing: {} })],
  ['two stages in one', piped({ $match: {}, $limit: 1 })],
  ['a limit of 0', piped({ $limit: 0 })],
  ['without a cursor', { aggregate: 'sales', pipeline: [] }],
]);
