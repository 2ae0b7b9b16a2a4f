// What every driver does in drivers.test.ts: the same steps for four major versions of the Node driver, and their kin for mongoose.
// Invariant: results hold no ids or times that differ between two runs, so that runs can be compared by deepEqual.

import type { Collection, MongoClient } from 'mongodb';
import type { Connection } from 'mongoose';

export interface Numbered {
  _id: number;
  n?: number;
  odd?: boolean;
  tags?: string[];
  list?: number[];
  big?: boolean;
  made?: boolean;
  whole?: boolean;
  mail?: string;
}

/** What one run saw, step by step. */
export type Results = Record<string, unknown>;

const documents = (count: number): Numbered[] =>
  Array.from({ length: count }, (_, _id) => ({
    _id,
    n: _id,
    odd: _id % 2 === 1,
    tags: [`t${_id % 3}`],
    list: [_id, _id + 5],
  }));

/** Runs the whole script with a driver of the `mongodb` package. */
export async function runDriverScript(client: MongoClient, database: string): Promise<Results> {
  const items = client.db(database).collection<Numbered>('items');
  return {
    ...(await runCrud(items)),
    ...(await runCursors(items)),
    ...(await runBulkWrites(items)),
    ...(await runArrays(items)),
    ...(await runIndexes(items)),
    ...(await runSessions(client, items)),
    ...(await runClientBulkWrite(client, `${database}.items`)),
    last: await items.find({}, { comment: 'last' }).sort({ _id: 1 }).toArray(),
    dropped: await items.drop(),
  };
}

async function runCrud(items: Collection<Numbered>): Promise<Results> {
  const comment = 'crud';
  const inserted = await items.insertMany(documents(7), { comment });
  const updated = await items.updateMany({ odd: true }, { $inc: { n: 100 } }, { comment });
  const upserted = await items.updateOne({ _id: 50 }, { $set: { made: true } }, { upsert: true, comment });
  const replaced = await items.replaceOne({ _id: 6 }, { whole: true }, { comment });
  const deleted = await items.deleteOne({ _id: 0 }, { comment });
  return {
    inserted: inserted.insertedCount,
    updated: [updated.matchedCount, updated.modifiedCount],
    upserted: [upserted.upsertedCount, upserted.upsertedId],
    replaced: replaced.modifiedCount,
    deleted: deleted.deletedCount,
    one: await items.findOne({ _id: 1 }, { comment, projection: { n: 1, list: { $slice: 1 } } }),
    counted: await items.countDocuments({ odd: true }, { comment }),
    estimated: await items.estimatedDocumentCount({ comment }),
    distinct: await items.distinct('tags', {}, { comment }),
    modified: documentOf(
      await items.findOneAndUpdate({ _id: 2 }, { $push: { tags: 'new' } }, { comment, returnDocument: 'after' }),
    ),
    none: documentOf(await items.findOneAndDelete({ _id: 999 }, { comment })),
  };
}

/** Drivers before 6 give the whole reply of findAndModify, later ones the document alone. */
function documentOf(reply: unknown): unknown {
  const isReply = typeof reply === 'object' && reply !== null && 'lastErrorObject' in reply && 'value' in reply;
  return isReply ? reply.value : reply;
}

async function runCursors(items: Collection<Numbered>): Promise<Results> {
  const all = await items.find({}, { batchSize: 2, comment: 'cursor' }).sort({ _id: 1 }).toArray();
  const early = items.find({}, { batchSize: 2, comment: 'cursor early' }).sort({ _id: -1 });
  const first = await early.next();
  await early.close();
  const grouped = await items
    .aggregate(
      [{ $match: { n: { $gt: 0 } } }, { $group: { _id: '$odd', sum: { $sum: '$n' } } }, { $sort: { _id: 1 } }],
      {
        comment: 'cursor aggregate',
      },
    )
    .toArray();
  const unwound = await items
    .aggregate([{ $unwind: '$list' }, { $sort: { list: 1, _id: 1 } }, { $project: { list: 1 } }], {
      batchSize: 2,
      comment: 'cursor unwind',
    })
    .toArray();
  return { all, first, grouped, unwound };
}

async function runBulkWrites(items: Collection<Numbered>): Promise<Results> {
  const ordered = await items.bulkWrite(
    [
      { insertOne: { document: { _id: 20, n: 20 } } },
      { updateMany: { filter: { n: { $gte: 20 } }, update: { $set: { big: true } } } },
      { updateOne: { filter: { _id: 21 }, update: { $set: { n: 21 } }, upsert: true } },
      { replaceOne: { filter: { _id: 20 }, replacement: { n: 22 } } },
      { deleteMany: { filter: { made: true } } },
    ],
    { comment: 'bulk' },
  );
  const twice = items.insertMany([{ _id: 30 }, { _id: 30 }, { _id: 31 }], { ordered: false, comment: 'bulk twice' });
  const error = (await twice.catch((thrown: unknown) => thrown)) as {
    code?: unknown;
    writeErrors?: { index: number }[];
  };
  const { insertedCount, matchedCount, modifiedCount, upsertedCount, deletedCount } = ordered;
  return {
    ordered: [insertedCount, matchedCount, modifiedCount, upsertedCount, deletedCount],
    twice: [error.code, [error.writeErrors ?? []].flat().map(({ index }) => index)],
  };
}

async function runArrays(items: Collection<Numbered>): Promise<Results> {
  const comment = 'arrays';
  await items.updateOne({ _id: 1 }, { $set: { 'list.$[e]': 0 } }, { arrayFilters: [{ e: { $gt: 3 } }], comment });
  await items.updateOne({ _id: 2, list: 7 }, { $inc: { 'list.$': 1 } }, { comment });
  await items.updateMany({ odd: true }, { $mul: { 'list.$[]': 2 } }, { comment });
  const lists = await items
    .find({ list: { $exists: true } }, { projection: { list: 1 }, comment })
    .sort({ _id: 1 })
    .toArray();
  return { lists };
}

async function runIndexes(items: Collection<Numbered>): Promise<Results> {
  const name = await items.createIndex({ mail: 1 }, { unique: true, sparse: true, comment: 'index' });
  await items.updateOne({ _id: 1 }, { $set: { mail: 'a' } }, { comment: 'index' });
  const second = items.updateOne({ _id: 2 }, { $set: { mail: 'a' } }, { comment: 'index' });
  const error = (await second.catch((thrown: unknown) => thrown)) as { code?: unknown; keyValue?: unknown };
  const names = (await items.indexes({ comment: 'index' })).map((index) => index.name);
  await items.dropIndex(name, { comment: 'index' });
  return { name, duplicate: [error.code, error.keyValue], names };
}

async function runSessions(client: MongoClient, items: Collection<Numbered>): Promise<Results> {
  const session = client.startSession({ causalConsistency: true });
  try {
    await items.insertOne({ _id: 40, n: 0 }, { session, comment: 'session' });
    await items.updateOne({ _id: 40 }, { $inc: { n: 1 } }, { session, comment: 'session' });
    return { inSession: await items.findOne({ _id: 40 }, { session, comment: 'session' }) };
  } finally {
    await session.endSession();
  }
}

/** The bulkWrite command of MongoDB 8.0, where the driver has it. */
async function runClientBulkWrite(client: MongoClient, namespace: string): Promise<Results> {
  if (typeof (client as Partial<MongoClient>).bulkWrite !== 'function') return {};
  const result = await client.bulkWrite<Record<string, Numbered>>(
    [
      { name: 'insertOne', namespace, document: { _id: 60, n: 1 } },
      { name: 'updateOne', namespace, filter: { _id: 60 }, update: { $inc: { n: 1 } } },
      { name: 'deleteOne', namespace, filter: { _id: 40 } },
    ],
    { comment: 'client bulk', verboseResults: true },
  );
  const { insertedCount, matchedCount, modifiedCount, deletedCount } = result;
  return {
    clientBulk: [insertedCount, matchedCount, modifiedCount, deletedCount, result.insertResults?.get(0)?.insertedId],
  };
}

/** mongoose: models, queries with comments, cursors, bulk writes, aggregates. */
export async function runMongooseScript(connection: Connection): Promise<Results> {
  const { Schema } = await import('mongoose');
  const schema = new Schema<{ _id: number; name?: string; n: number; tags: string[] }>(
    { _id: Number, name: { type: String }, n: { type: Number, default: 0 }, tags: [String] },
    { versionKey: '__v', autoIndex: false, autoCreate: false },
  );
  const Item = connection.model('Item', schema, 'items');
  await Item.insertMany(documents(5), { comment: 'insert' } as object);
  const item = await Item.findById(3).comment('find');
  item?.tags.push('saved');
  await item?.save();
  const seen: number[] = [];
  for await (const each of Item.find().sort('_id').batchSize(2).comment('cursor').cursor({ batchSize: 2 }))
    seen.push(each._id);
  const bulk = await Item.bulkWrite([
    { insertOne: { document: { _id: 9, n: 1, tags: [] } } },
    { updateOne: { filter: { _id: 1 }, update: { $set: { name: 'one' } } } },
    { deleteOne: { filter: { _id: 0 } } },
  ]);
  const grouped = await Item.aggregate([{ $group: { _id: null, sum: { $sum: '$n' } } }], { comment: 'group' });
  const modified = await Item.findOneAndUpdate({ _id: 2 }, { $inc: { n: 5 } }, { returnDocument: 'after' })
    .comment('modify')
    .lean();
  const session = await connection.startSession();
  const inSession = await Item.findById(2).session(session).comment('session').lean();
  await session.endSession();
  return {
    saved: item?.tags,
    seen,
    bulk: [bulk.insertedCount, bulk.modifiedCount, bulk.deletedCount],
    grouped,
    modified,
    inSession,
    last: await Item.find().sort('_id').comment('last').lean(),
  };
}
