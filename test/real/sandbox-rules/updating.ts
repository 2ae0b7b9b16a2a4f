// Updates: operators, array filters, positional paths, pipelines, upserts.
// Invariant: a change is followed by its document, by findAndModify's `new` or by a find.

import { change, type Doc, find, insert, type Rule, table, update } from './rule.ts';

const stock: readonly Doc[] = [
  {
    _id: 1,
    n: 1,
    list: [1, 5, 9],
    grades: [
      { s: 1, t: ['a'] },
      { s: 5, t: ['b'] },
      { s: 9, t: [] },
    ],
  },
  {
    _id: 2,
    n: 2,
    text: 'two',
    grid: [
      [1, 2],
      [3, 4],
    ],
  },
  { _id: 3, n: 3, a: { b: { c: 1 } }, word: 'w' },
];

const on = (id: number, modifier: unknown, extra: Doc = {}): Doc => change('changes', { _id: id }, modifier, extra);

export const updating: readonly Rule[] = table('update', [
  ['stock', insert('changes', stock)],
  ['every element', on(1, { $inc: { 'list.$[]': 1 } })],
  ['a field of every element', on(1, { $set: { 'grades.$[].seen': true } })],
  ['filtered elements', on(1, { $set: { 'list.$[big]': 0 } }, { arrayFilters: [{ big: { $gt: 5 } }] })],
  [
    'a field of filtered elements',
    on(1, { $inc: { 'grades.$[g].s': 10 } }, { arrayFilters: [{ 'g.s': { $gte: 5 } }] }),
  ],
  ['two filters', on(1, { $set: { 'grades.$[x].t.$[y]': 'B' } }, { arrayFilters: [{ 'x.s': 15 }, { y: 'b' }] })],
  [
    'one filter with two conditions',
    on(1, { $set: { 'grades.$[g].mid': 1 } }, { arrayFilters: [{ 'g.s': { $gt: 1 }, 'g.t': 'B' }] }),
  ],
  [
    'a filter with or',
    on(1, { $set: { 'grades.$[g].or': 1 } }, { arrayFilters: [{ $or: [{ 'g.s': 1 }, { 'g.s': 19 }] }] }),
  ],
  ['arrays in arrays', on(2, { $mul: { 'grid.$[].$[]': 2 } })],
  ['a filter that is not used', on(1, { $set: { n: 1 } }, { arrayFilters: [{ unused: 1 }] })],
  ['an identifier without a filter', on(1, { $set: { 'list.$[none]': 1 } })],
  ['two filters of one name', on(1, { $set: { 'list.$[e]': 1 } }, { arrayFilters: [{ e: 1 }, { e: 2 }] })],
  ['every element of what is no array', on(2, { $set: { 'text.$[]': 1 } })],
  ['the element that was found', change('changes', { _id: 1, 'grades.s': 19 }, { $set: { 'grades.$.found': true } })],
  ['the value that was found', change('changes', { _id: 1, list: { $gte: 6 } }, { $set: { 'list.$': 60 } })],
  [
    'positional with elemMatch',
    change('changes', { _id: 1, grades: { $elemMatch: { s: 15, mid: 1 } } }, { $unset: { 'grades.$.mid': '' } }),
  ],
  ['positional without its array', change('changes', { _id: 1 }, { $set: { 'list.$': 1 } })],
  ['set makes the way', on(3, { $set: { 'x.y.z': 1 } })],
  ['set a place in an array', on(1, { $set: { 'list.1': 'one' } })],
  ['set beyond the end of an array', on(1, { $set: { 'list.5': 'five' } })],
  ['set through a value', on(3, { $set: { 'word.x': 1 } })],
  ['new fields come in the order of their names', on(3, { $set: { q2: 1, q1: 2, q10: 3 } })],
  ['unset', on(3, { $unset: { q2: '', 'a.b.c': '' } })],
  ['unset in an array leaves null', on(1, { $unset: { 'list.0': '' } })],
  ['inc of a missing field', on(3, { $inc: { made: 2 } })],
  ['inc of a string', on(3, { $inc: { word: 1 } })],
  ['inc by a string', on(3, { $inc: { n: 'x' } })],
  ['mul of a missing field', on(3, { $mul: { zero: 5 } })],
  ['min and max', on(3, { $min: { n: 2 }, $max: { made: 9 } })],
  ['max of another type', on(3, { $max: { word: 5 } })],
  ['rename', on(3, { $rename: { word: 'term' } })],
  ['rename of a missing field', on(3, { $rename: { nothing: 'x9' } })],
  ['push', on(2, { $push: { p: 1 } })],
  ['push many with place, sort and slice', on(2, { $push: { p: { $each: [5, 3, 4], $sort: 1, $slice: -3 } } })],
  ['push at a place', on(2, { $push: { p: { $each: ['x'], $position: 1 } } })],
  ['push to what is no array', on(2, { $push: { text: 1 } })],
  ['addToSet', on(2, { $addToSet: { p: { $each: [5, 6, 6] } } })],
  ['addToSet of a document', on(2, { $addToSet: { d: { a: 1 } } })],
  ['pop', on(2, { $pop: { p: -1 } })],
  ['pull by value', on(2, { $pull: { p: 6 } })],
  ['pull by condition', on(2, { $pull: { p: { $gte: 5 } } })],
  ['pull documents', on(1, { $pull: { grades: { s: { $gt: 18 } } } })],
  ['pullAll', on(2, { $pullAll: { p: ['x', 4] } })],
  ['bit', on(2, { $bit: { n: { or: 5 } } })],
  ['two operators on one path', on(2, { $set: { n: 1 }, $inc: { n: 1 } })],
  ['a path and its parent', on(3, { $set: { a: 1, 'a.b': 2 } })],
  ['an unknown operator', on(2, { $nothing: { n: 1 } })],
  ['an empty operator', on(2, { $set: {} })],
  ['a pipeline', on(2, [{ $set: { sum: { $add: ['$n', 1] } } }, { $unset: 'd' }])],
  ['a pipeline that replaces', on(3, [{ $replaceWith: { n: '$n', fresh: true } }])],
  ['a stage that a pipeline may not have', on(3, [{ $match: { n: 1 } }])],
  ['set _id to another', on(3, { $set: { _id: 9 } })],
  ['replace', on(3, { replaced: true })],
  ['replace with another _id', on(3, { _id: 4, replaced: true })],
  ['multi with a replacement', update('changes', {}, { a: 1 }, { multi: true })],
  ['multi counts what changed', update('changes', {}, { $set: { n: 7 } }, { multi: true })],
  ['multi that changes nothing', update('changes', {}, { $set: { n: 7 } }, { multi: true })],
  [
    'upsert from equalities',
    change('changes', { _id: 10, k: 1, r: { $gt: 5 }, 'o.p': 2 }, { $set: { v: 1 } }, { upsert: true }),
  ],
  [
    'upsert with $in of one value',
    change('changes', { _id: 11, k: { $in: [4] } }, { $set: { v: 1 } }, { upsert: true }),
  ],
  [
    'upsert with $setOnInsert',
    change('changes', { _id: 12 }, { $setOnInsert: { made: 1 }, $inc: { c: 1 } }, { upsert: true }),
  ],
  ['upsert again', change('changes', { _id: 12 }, { $setOnInsert: { made: 2 }, $inc: { c: 1 } }, { upsert: true })],
  ['upsert by replacement', update('changes', { _id: 13, k: 1 }, { whole: true }, { upsert: true })],
  [
    'upsert with array filters',
    change(
      'changes',
      { _id: 14, list: [1, 2] },
      { $inc: { 'list.$[e]': 5 } },
      { upsert: true, arrayFilters: [{ e: 2 }] },
    ),
  ],
  ['upsert with a conflict', change('changes', { _id: 15, k: 1 }, { $set: { 'k.l': 1 } }, { upsert: true })],
  [
    'a sorted findAndModify',
    { findAndModify: 'changes', query: {}, sort: { _id: -1 }, update: { $set: { last: true } }, fields: { last: 1 } },
  ],
  ['a findAndModify that removes', { findAndModify: 'changes', query: { _id: 14 }, remove: true, fields: { list: 1 } }],
  ['all of it afterwards', find('changes')],
]);
