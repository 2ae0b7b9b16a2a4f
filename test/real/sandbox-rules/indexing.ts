// Unique indexes: what they refuse, on which command, and how the refusal reads.
// Invariant: a refusal is compared with its keyPattern and keyValue.

import { change, type Doc, find, insert, type Rule, table, update } from './rule.ts';

const index = (key: Doc, options: Doc = {}): Doc => ({
  createIndexes: 'users',
  indexes: [{ key, name: Object.entries(key).flat().join('_'), ...options }],
});

export const indexing: readonly Rule[] = table('index', [
  [
    'stock',
    insert('users', [
      { _id: 1, mail: 'a', org: 1, nr: 1 },
      { _id: 2, mail: 'b', org: 1, nr: 2 },
      { _id: 3, mail: 'c', org: 2, nr: 1 },
    ]),
  ],
  ['unique on one field', index({ mail: 1 }, { unique: true })],
  ['the same again', index({ mail: 1 }, { unique: true })],
  ['the same key under another name', index({ mail: 1 }, { unique: true, name: 'other' })],
  ['the same name with another key', index({ org: 1 }, { name: 'mail_1' })],
  ['insert of a duplicate', insert('users', [{ _id: 4, mail: 'a' }])],
  [
    'ordered insert stops',
    insert('users', [
      { _id: 4, mail: 'd' },
      { _id: 5, mail: 'a' },
      { _id: 6, mail: 'f' },
    ]),
  ],
  [
    'unordered insert goes on',
    insert(
      'users',
      [
        { _id: 4, mail: 'g' },
        { _id: 5, mail: 'a' },
        { _id: 6, mail: 'f' },
      ],
      { ordered: false },
    ),
  ],
  ['update to a duplicate', update('users', { _id: 6 }, { $set: { mail: 'a' } })],
  ['update of many to a duplicate', update('users', { _id: { $gte: 4 } }, { $set: { mail: 'z' } }, { multi: true })],
  ['replacement by a duplicate', update('users', { _id: 2 }, { mail: 'c' })],
  ['upsert of a duplicate', update('users', { _id: 9 }, { $set: { mail: 'c' } }, { upsert: true })],
  ['findAndModify to a duplicate', change('users', { _id: 1 }, { $set: { mail: 'c' } })],
  ['upserting findAndModify of a duplicate', change('users', { _id: 9 }, { $set: { mail: 'c' } }, { upsert: true })],
  ['keeping its own value', update('users', { _id: 1 }, { $set: { mail: 'a', more: 1 } })],
  ['one document without the field', insert('users', [{ _id: 20 }])],
  ['a second document without the field', insert('users', [{ _id: 21 }])],
  ['unique over duplicates', index({ org: 1 }, { unique: true })],
  ['compound', { createIndexes: 'pairs', indexes: [{ key: { a: 1, b: -1 }, name: 'a_b', unique: true }] }],
  [
    'compound allows half',
    insert('pairs', [
      { _id: 1, a: 1, b: 1 },
      { _id: 2, a: 1, b: 2 },
      { _id: 3, a: 2, b: 1 },
    ]),
  ],
  ['compound refuses both', insert('pairs', [{ _id: 4, a: 1, b: 2 }])],
  ['compound refuses numbers of another type', insert('pairs', [{ _id: 4, a: 2.0, b: 1 }])],
  [
    'compound with null',
    insert('pairs', [
      { _id: 5, a: 9 },
      { _id: 6, a: 9, b: null },
    ]),
  ],
  ['sparse', { createIndexes: 'sparse', indexes: [{ key: { k: 1 }, name: 'k_1', unique: true, sparse: true }] }],
  ['sparse lets the missing pass', insert('sparse', [{ _id: 1 }, { _id: 2 }, { _id: 3, k: null }])],
  ['sparse counts null', insert('sparse', [{ _id: 4, k: null }])],
  [
    'partial',
    {
      createIndexes: 'partial',
      indexes: [{ key: { k: 1 }, name: 'k_1', unique: true, partialFilterExpression: { live: true } }],
    },
  ],
  [
    'partial lets outsiders pass',
    insert('partial', [
      { _id: 1, k: 1, live: true },
      { _id: 2, k: 1 },
      { _id: 3, k: 1, live: false },
    ]),
  ],
  ['partial refuses insiders', insert('partial', [{ _id: 4, k: 1, live: true }])],
  ['partial refuses who comes in', update('partial', { _id: 2 }, { $set: { live: true } })],
  [
    'an array gives several keys',
    { createIndexes: 'many', indexes: [{ key: { tags: 1 }, name: 'tags_1', unique: true }] },
  ],
  [
    'an array against an array',
    insert(
      'many',
      [
        { _id: 1, tags: ['a', 'b', 'a'] },
        { _id: 2, tags: ['c', 'b'] },
      ],
      { ordered: false },
    ),
  ],
  [
    'a path into documents',
    { createIndexes: 'many', indexes: [{ key: { 's.k': 1 }, name: 's.k_1', unique: true, sparse: true }] },
  ],
  [
    'a path into an array of documents',
    insert('many', [
      { _id: 3, tags: 'x', s: [{ k: 1 }, { k: 2 }] },
      { _id: 4, tags: 'y', s: { k: 2 } },
    ]),
  ],
  ['no key', { createIndexes: 'many', indexes: [{ key: {}, name: 'none' }] }],
  ['no index', { createIndexes: 'many', indexes: [] }],
  ['drop by name', { dropIndexes: 'users', index: 'mail_1' }],
  ['a duplicate afterwards', insert('users', [{ _id: 30, mail: 'a' }])],
  ['drop what is not there', { dropIndexes: 'users', index: 'mail_1' }],
  ['drop by key', { dropIndexes: 'pairs', index: { a: 1, b: -1 } }],
  ['drop by a key that is not there', { dropIndexes: 'pairs', index: { a: 1 } }],
  ['drop _id', { dropIndexes: 'pairs', index: '_id_' }],
  ['drop several', { dropIndexes: 'many', index: ['tags_1', 's.k_1'] }],
  ['deleteIndexes and all', { deleteIndexes: 'sparse', index: '*' }],
  ['drop where no collection is', { dropIndexes: 'nowhere', index: '*' }],
  ['list where no collection is', { listIndexes: 'nowhere' }],
  ['all of it afterwards', find('users')],
]);
