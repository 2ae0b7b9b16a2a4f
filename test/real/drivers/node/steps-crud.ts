// Reads and writes of single documents and of many, bulk writes, indexes, and the errors they must end in.
// Invariant: the collection starts empty (dropped first), so that every value is known.
import { MongoBulkWriteError } from 'mongodb';
import { comment } from './comment.ts';
import { codeOf } from './error-ledger.ts';
import type { Item, Step } from './step.ts';

const many = (from: number, to: number): Item[] =>
  Array.from({ length: to - from + 1 }, (_, offset) => ({ _id: from + offset, n: from + offset, tag: 'new' }));

export const CRUD_STEPS: readonly Step[] = [
  ['dropFirst', async ({ items }) => (await items.drop({ comment: comment('node.drop') })) !== null],
  [
    'insertOne',
    async ({ items }) =>
      (await items.insertOne({ _id: 1, n: 1, tag: 'one' }, { comment: comment('node.insert') })).insertedId,
  ],
  [
    'insertMany',
    async ({ items }) => (await items.insertMany(many(2, 30), { comment: comment('node.insert') })).insertedCount,
  ],
  [
    'duplicateKey',
    async ({ items }) => {
      try {
        await items.insertOne({ _id: 1 }, { comment: comment('node.insert') });
        return 'inserted';
      } catch (error) {
        return codeOf(error);
      }
    },
  ],
  [
    'findOne',
    async ({ items }) => {
      const found = await items.findOne({ _id: 7 }, { comment: comment('node.findOne') });
      return [found?._id ?? null, found?.n ?? null, found?.tag ?? null];
    },
  ],
  [
    'findCommentInFilter',
    async ({ items }) => {
      const filter = { n: { $gt: 27 }, $comment: 'node.findCommentInFilter' };
      return (await items.find(filter).sort({ _id: 1 }).toArray()).map((item) => item._id);
    },
  ],
  [
    'updateOne',
    async ({ items }) => {
      const done = await items.updateOne({ _id: 2 }, { $inc: { n: 100 } }, { comment: comment('node.update') });
      return [done.matchedCount, done.modifiedCount];
    },
  ],
  [
    'updateMany',
    async ({ items }) => {
      const done = await items.updateMany(
        { n: { $lte: 10 } },
        { $set: { tag: 'small' } },
        { comment: comment('node.update') },
      );
      return [done.matchedCount, done.modifiedCount];
    },
  ],
  [
    'upsert',
    async ({ items }) => {
      const options = { upsert: true, comment: comment('node.update') };
      const done = await items.updateOne({ _id: 31 }, { $set: { n: 31, tag: 'upserted' } }, options);
      return [done.matchedCount, done.upsertedCount];
    },
  ],
  [
    'replaceOne',
    async ({ items }) => {
      const done = await items.replaceOne({ _id: 3 }, { n: 3, tag: 'replaced' }, { comment: comment('node.update') });
      return [done.matchedCount, done.modifiedCount];
    },
  ],
  [
    'findOneAndUpdate',
    async ({ items }) => {
      const options = { returnDocument: 'after', comment: comment('node.findAndModify') } as const;
      const after = await items.findOneAndUpdate({ _id: 4 }, { $set: { tag: 'taken' } }, options);
      return [after?._id ?? null, after?.tag ?? null];
    },
  ],
  [
    'findOneAndDelete',
    async ({ items }) =>
      (await items.findOneAndDelete({ _id: 30 }, { comment: comment('node.findAndModify') }))?._id ?? null,
  ],
  [
    'deleteOne',
    async ({ items }) => (await items.deleteOne({ _id: 29 }, { comment: comment('node.delete') })).deletedCount,
  ],
  [
    'deleteMany',
    async ({ items }) =>
      (await items.deleteMany({ _id: { $in: [27, 28] } }, { comment: comment('node.delete') })).deletedCount,
  ],
  ['countDocuments', async ({ items }) => items.countDocuments({}, { comment: comment('node.count') })],
  ['estimatedCount', async ({ items }) => items.estimatedDocumentCount({ comment: comment('node.estimatedCount') })],
  [
    'distinct',
    async ({ items }) => (await items.distinct('tag', {}, { comment: comment('node.distinct') })).map(String).sort(),
  ],
  [
    'bulkOrdered',
    async ({ items }) => {
      const done = await items.bulkWrite(
        [
          { insertOne: { document: { _id: 40, n: 40, tag: 'bulk' } } },
          { insertOne: { document: { _id: 41, n: 41, tag: 'bulk' } } },
          { updateOne: { filter: { _id: 40 }, update: { $inc: { n: 1 } } } },
          { replaceOne: { filter: { _id: 41 }, replacement: { n: 0, tag: 'bulk' } } },
          { deleteOne: { filter: { _id: 5 } } },
        ],
        { ordered: true, comment: comment('node.bulkOrdered') },
      );
      return [done.insertedCount, done.matchedCount, done.modifiedCount, done.deletedCount];
    },
  ],
  [
    'bulkUnordered',
    async ({ items }) => {
      try {
        await items.bulkWrite(
          [
            { insertOne: { document: { _id: 50, tag: 'bulk' } } },
            { insertOne: { document: { _id: 1, tag: 'bulk' } } },
            { insertOne: { document: { _id: 51, tag: 'bulk' } } },
            { deleteOne: { filter: { _id: 40 } } },
          ],
          { ordered: false, comment: comment('node.bulkUnordered') },
        );
        return 'no error';
      } catch (error) {
        if (!(error instanceof MongoBulkWriteError)) throw error;
        return [codeOf(error), error.result.insertedCount, error.result.deletedCount];
      }
    },
  ],
  [
    'createIndex',
    async ({ items }) => items.createIndex({ n: 1 }, { name: 'by_n', comment: comment('node.createIndex') }),
  ],
  [
    'listIndexes',
    async ({ items }) => {
      const names: string[] = [];
      for await (const index of items.listIndexes({ batchSize: 1, comment: comment('node.listIndexes') })) {
        names.push(String((index as { name: string }).name));
      }
      return names.sort();
    },
  ],
  [
    'listCollections',
    async ({ db, items, index }) => {
      const found = await db
        .listCollections({ name: items.collectionName }, { comment: comment('node.listCollections') })
        .toArray();
      return found.map(({ name }) => name.replace(String(index), '#'));
    },
  ],
  [
    'unknownCommand',
    async ({ db }) => {
      try {
        await db.command({ noSuchCommandAtAll: 1, comment: comment('node.unknownCommand') });
        return 'known';
      } catch (error) {
        return codeOf(error);
      }
    },
  ],
];
