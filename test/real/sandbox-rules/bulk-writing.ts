// The bulkWrite command of MongoDB 8.0, and writes that are sent again with the same txnNumber.
// Invariant: a retry is the same command as the one before it, to the byte.

import { Binary, Long } from 'bson';
import { type Doc, find, insert, type Rule, table, update } from './rule.ts';

const bulk = (ops: readonly Doc[], extra: Doc = {}): Doc => ({
  bulkWrite: 1,
  ops,
  nsInfo: [{ ns: 'rules.bulk' }, { ns: 'rules.bulk2' }],
  ...extra,
});

const lsid = { id: new Binary(Buffer.alloc(16, 7), Binary.SUBTYPE_UUID) };
const retried = (command: Doc, number: number): Doc => ({ ...command, lsid, txnNumber: Long.fromNumber(number) });

const mixed: readonly Doc[] = [
  { insert: 0, document: { _id: 1, n: 1 } },
  { insert: 1, document: { _id: 1, n: 1 } },
  { update: 0, filter: { _id: 1 }, updateMods: { $inc: { n: 1 } } },
  { update: 0, filter: { _id: 5 }, updateMods: { $set: { n: 5 } }, upsert: true },
  { update: 0, filter: {}, updateMods: { $set: { m: 1 } }, multi: true },
  { delete: 1, filter: { _id: 1 } },
];

const broken: readonly Doc[] = [
  { insert: 0, document: { _id: 8 } },
  { insert: 0, document: { _id: 8 } },
  { insert: 0, document: { _id: 9 } },
];

const counting = update('again', { _id: 1 }, { $inc: { n: 1 } });
const twice = {
  update: 'again',
  updates: [
    { q: { _id: 1 }, u: { $inc: { n: 1 } } },
    { q: { _id: 2 }, u: { $inc: { n: 1 } } },
  ],
};
const modify = { findAndModify: 'again', query: { _id: 1 }, update: { $inc: { n: 1 } }, new: true };

export const bulkWriting: readonly Rule[] = [
  ...table('bulkWrite', [
    ['everything at once', bulk(mixed), 'admin'],
    ['ordered stops at an error', bulk(broken), 'admin'],
    ['unordered goes on', bulk(broken, { ordered: false }), 'admin'],
    [
      'errors only',
      bulk([{ update: 0, filter: { _id: 1 }, updateMods: { $inc: { n: 1 } } }, ...broken], {
        errorsOnly: true,
        ordered: false,
      }),
      'admin',
    ],
    ['errors only without errors', bulk([{ delete: 0, filter: { _id: 9 } }], { errorsOnly: true }), 'admin'],
    [
      'array filters',
      bulk([
        { insert: 0, document: { _id: 20, l: [1, 2, 3] } },
        { update: 0, filter: { _id: 20 }, updateMods: { $set: { 'l.$[e]': 0 } }, arrayFilters: [{ e: { $gt: 1 } }] },
      ]),
      'admin',
    ],
    [
      'a pipeline with let',
      bulk(
        [{ update: 0, filter: { $expr: { $eq: ['$_id', '$$wanted'] } }, updateMods: [{ $set: { by: '$$wanted' } }] }],
        { let: { wanted: 20 } },
      ),
      'admin',
    ],
    ['a replacement', bulk([{ update: 0, filter: { _id: 20 }, updateMods: { whole: 1 } }]), 'admin'],
    ['delete many', bulk([{ delete: 0, filter: { _id: { $lt: 9 } }, multi: true }]), 'admin'],
    ['a comment changes nothing', bulk([{ insert: 0, document: { _id: 40 } }], { comment: 'here' }), 'admin'],
    [
      'a cursor with a batch size',
      bulk(
        [
          { insert: 0, document: { _id: 41 } },
          { insert: 0, document: { _id: 42 } },
          { insert: 0, document: { _id: 43 } },
        ],
        { cursor: { batchSize: 2 } },
      ),
      'admin',
    ],
    ['no ops', bulk([]), 'admin'],
    ['an unknown namespace', bulk([{ insert: 7, document: { _id: 50 } }]), 'admin'],
    ['not on admin', bulk([{ insert: 0, document: { _id: 51 } }])],
    ['an op of no kind', bulk([{ nothing: 0, document: {} }]), 'admin'],
    [
      'a namespace without a collection',
      { bulkWrite: 1, ops: [{ insert: 0, document: {} }], nsInfo: [{ ns: 'rules' }] },
      'admin',
    ],
    ['the documents afterwards', find('bulk')],
  ]),
  ...table('retry', [
    [
      'stock',
      insert('again', [
        { _id: 1, n: 0 },
        { _id: 2, n: 0 },
      ]),
    ],
    ['an update', retried(counting, 1)],
    ['the same update', retried(counting, 1)],
    ['a new number', retried(counting, 2)],
    ['an older number', retried(counting, 1)],
    ['two statements', retried(twice, 3)],
    ['the same two statements', retried(twice, 3)],
    ['findAndModify', retried(modify, 4)],
    ['the same findAndModify', retried(modify, 4)],
    ['an insert', retried(insert('again', [{ _id: 3 }]), 5)],
    ['the same insert', retried(insert('again', [{ _id: 3 }]), 5)],
    ['a delete', retried({ delete: 'again', deletes: [{ q: { _id: 3 }, limit: 1 }] }, 6)],
    ['the same delete', retried({ delete: 'again', deletes: [{ q: { _id: 3 }, limit: 1 }] }, 6)],
    ['the documents afterwards', find('again')],
  ]),
];
