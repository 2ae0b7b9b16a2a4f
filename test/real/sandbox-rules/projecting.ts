// Projection: inclusion, exclusion, nested paths, $slice, $elemMatch, positional, computed, and what is refused.
// Invariant: the documents hold more fields than any rule names, in an order that is not the alphabet's.

import { type Doc, find, insert, type Rule, table } from './rule.ts';

const stock: readonly Doc[] = [
  {
    _id: 1,
    z: 1,
    a: { y: 1, x: { k: 1, j: 2 } },
    list: [1, 2, 3, 4, 5],
    subs: [{ n: 1, m: 'p' }, { n: 2, m: 'q' }, { n: 3 }],
  },
  { _id: 2, z: 'two', a: [{ x: 1, y: 2 }, 5, { y: 3 }, [{ x: 4 }]], list: 'none', subs: [] },
  { _id: 3, a: 7 },
];

const projected = (projection: Doc, filter: Doc = {}): Doc => find('shapes', filter, { projection });

export const projecting: readonly Rule[] = table('projection', [
  ['stock', insert('shapes', stock)],
  ['inclusion keeps the order of the document', projected({ list: 1, a: 1 })],
  ['inclusion without _id', projected({ z: 1, _id: 0 })],
  ['only _id', projected({ _id: 1 })],
  ['exclusion', projected({ a: 0, list: 0 })],
  ['exclusion of _id alone', projected({ _id: 0 })],
  ['_id in an exclusion', projected({ _id: 1, z: 0 })],
  ['true and other numbers include', projected({ z: true, list: 2.5 })],
  ['a nested path', projected({ 'a.x': 1 })],
  ['two nested paths', projected({ 'a.x.j': 1, 'a.y': 1 })],
  ['a nested document', projected({ a: { x: 1 } })],
  ['a nested path excluded', projected({ 'a.x': 0 })],
  ['a nested document excluded', projected({ a: { x: { k: 0 } } })],
  ['a path into arrays of documents', projected({ 'subs.n': 1 })],
  ['a path into arrays of documents excluded', projected({ 'subs.n': 0 })],
  ['a missing path', projected({ 'nothing.here': 1 })],
  ['an empty projection', projected({})],
  ['slice from the start', projected({ list: { $slice: 2 } })],
  ['slice from the end', projected({ list: { $slice: -2 } })],
  ['slice with skip', projected({ list: { $slice: [1, 2] } })],
  ['slice with a negative skip', projected({ list: { $slice: [-3, 2] } })],
  ['slice beside an inclusion', projected({ list: { $slice: 1 }, z: 1 })],
  ['slice beside an exclusion', projected({ list: { $slice: 1 }, z: 0 })],
  ['slice of a nested array', projected({ 'a.x': 1, subs: { $slice: 1 } })],
  ['slice with a limit of 0', projected({ list: { $slice: [0, 0] } })],
  ['elemMatch', projected({ subs: { $elemMatch: { n: { $gte: 2 } } } })],
  ['elemMatch of values', projected({ list: { $elemMatch: { $gt: 3 } } })],
  ['elemMatch beside an inclusion', projected({ subs: { $elemMatch: { n: 9 } }, z: 1 })],
  ['elemMatch beside an exclusion', projected({ subs: { $elemMatch: { n: 1 } }, z: 0 })],
  ['positional', projected({ 'subs.$': 1 }, { 'subs.n': { $gte: 2 } })],
  ['positional after elemMatch', projected({ 'list.$': 1 }, { list: { $elemMatch: { $gt: 2, $lt: 9 } } })],
  ['positional without its array in the filter', projected({ 'subs.$': 1 }, { z: 1 })],
  ['a field reference', projected({ copy: '$z' })],
  ['a computed field', projected({ z: 1, twice: { $multiply: ['$_id', 2] } })],
  ['a literal', projected({ z: { $literal: 1 } })],
  ['a string is a value', projected({ word: 'plain' })],
  ['an array is a value', projected({ pair: ['$_id', '$z'] })],
  ['a computed field in a nested document', projected({ a: { both: { $concat: ['x', 'y'] } } })],
  ['inclusion and exclusion mixed', projected({ z: 1, a: 0 })],
  ['two paths that collide', projected({ a: 1, 'a.x': 1 })],
  ['a name with a dollar', projected({ $z: 1 })],
  ['an empty nested document', projected({ a: {} })],
  ['an unknown operator', projected({ a: { $nothing: 1 } })],
  ['slice that is no number', projected({ list: { $slice: 'x' } })],
]);
