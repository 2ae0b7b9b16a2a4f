// The sandbox as the official driver sees it: everything the demo and the other tests lean on.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type AnyBulkWriteOperation,
  Binary,
  type Collection,
  Decimal128,
  type Document,
  Long,
  MongoBulkWriteError,
  MongoClient,
  type MongoClientOptions,
  MongoServerError,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface Item extends Document {
  _id: string | number | ObjectId;
}

interface Scene {
  readonly sandbox: Sandbox;
  readonly client: MongoClient;
  readonly items: Collection<Item>;
}

async function open(t: TestContext, options: SandboxOptions = {}, driver: MongoClientOptions = {}): Promise<Scene> {
  const sandbox = await startSandbox(options);
  const client = new MongoClient(sandbox.uri, driver);
  t.after(async () => {
    await client.close();
    await sandbox.stop();
  });
  return { sandbox, client, items: client.db('shop').collection<Item>('items') };
}

const numbered = (count: number): Item[] =>
  Array.from({ length: count }, (_, _id) => ({ _id, n: _id, odd: _id % 2 === 1 }));

test('values of every type come back as they went in', async (t) => {
  const { items } = await open(t);
  const document: Item = {
    _id: new ObjectId(),
    text: 'grüße',
    whole: 5,
    half: 0.5,
    long: Long.fromString('9007199254740993'),
    exact: Decimal128.fromString('1.10'),
    yes: true,
    nothing: null,
    at: new Date(1_700_000_000_000),
    bytes: new Binary(Buffer.from([1, 2, 3])),
    uuid: new UUID(),
    stamp: new Timestamp({ t: 5, i: 6 }),
    pattern: /^a/i,
    nested: { list: [1, [2], { three: 3 }] },
  };
  await items.insertOne(document);
  assert.deepEqual(await items.findOne({ _id: document._id }, { promoteLongs: false }), { ...document, whole: 5 });
});

test('a cursor fetches 1 000 documents in batches and can be left early', async (t) => {
  const { items, sandbox } = await open(t);
  await items.insertMany(numbered(1000));
  const found = await items.find({}, { batchSize: 150 }).sort({ n: -1 }).toArray();
  assert.deepEqual(
    found.map((item) => item._id),
    Array.from({ length: 1000 }, (_, index) => 999 - index),
  );
  assert.equal(sandbox.stats().operations.get('getMore'), 6);
  const cursor = items.find({}, { batchSize: 10 });
  await cursor.next();
  assert.equal(sandbox.stats().openCursors, 1);
  await cursor.close();
  assert.equal(sandbox.stats().openCursors, 0);
});

test('counting, distinct, aggregates and joins', async (t) => {
  const { items, client } = await open(t);
  await items.insertMany(numbered(20));
  assert.deepEqual([await items.countDocuments({ odd: true }), await items.estimatedDocumentCount()], [10, 20]);
  assert.deepEqual(await items.distinct('odd'), [false, true]);
  const sums = await items
    .aggregate([{ $group: { _id: '$odd', sum: { $sum: '$n' } } }, { $sort: { _id: 1 } }])
    .toArray();
  assert.deepEqual(sums, [
    { _id: false, sum: 90 },
    { _id: true, sum: 100 },
  ]);
  await items.aggregate([{ $match: { n: { $lt: 3 } } }, { $out: 'few' }]).toArray();
  assert.equal(await client.db('shop').collection('few').countDocuments(), 3);
});

test('bulk writes of all kinds report as a server does', async (t) => {
  const { items } = await open(t);
  const operations: AnyBulkWriteOperation<Item>[] = [
    { insertOne: { document: { _id: 1, n: 1 } } },
    { insertOne: { document: { _id: 2, n: 1 } } },
    { updateMany: { filter: { n: 1 }, update: { $inc: { n: 1 } } } },
    { updateOne: { filter: { _id: 3 }, update: { $set: { n: 9 } }, upsert: true } },
    { replaceOne: { filter: { _id: 2 }, replacement: { replaced: true } } },
    { deleteOne: { filter: { _id: 1 } } },
  ];
  const result = await items.bulkWrite(operations);
  const { insertedCount, matchedCount, modifiedCount, upsertedCount, deletedCount, upsertedIds } = result;
  assert.deepEqual([insertedCount, matchedCount, modifiedCount, upsertedCount, deletedCount], [2, 3, 3, 1, 1]);
  assert.deepEqual(upsertedIds, { 3: 3 });
  assert.deepEqual(await items.find().toArray(), [
    { _id: 2, replaced: true },
    { _id: 3, n: 9 },
  ]);
});

test('duplicate keys: ordered stops, unordered goes on, unique indexes hold', async (t) => {
  const { items } = await open(t);
  await items.insertOne({ _id: 1 });
  const isDuplicate = (inserted: number, at: readonly number[]) => (error: unknown) => {
    assert.ok(error instanceof MongoBulkWriteError);
    assert.equal(error.code, 11_000);
    assert.equal(error.insertedCount, inserted);
    assert.deepEqual(
      [error.writeErrors].flat().map((one) => one.index),
      at,
    );
    return true;
  };
  await assert.rejects(items.insertMany([{ _id: 0 }, { _id: 1 }, { _id: 2 }]), isDuplicate(1, [1]));
  await assert.rejects(
    items.insertMany([{ _id: 0 }, { _id: 1 }, { _id: 2 }], { ordered: false }),
    isDuplicate(1, [0, 1]),
  );
  await items.createIndex({ mail: 1 }, { unique: true, sparse: true });
  await items.insertOne({ _id: 'a', mail: 'x' });
  await assert.rejects(items.insertOne({ _id: 'b', mail: 'x' }), { code: 11_000, keyValue: { mail: 'x' } });
  assert.deepEqual(
    (await items.indexes()).map((index) => index.name),
    ['_id_', 'mail_1'],
  );
});

test('findOneAnd… and upserts', async (t) => {
  const { items } = await open(t);
  await items.insertMany(numbered(3));
  const after = { returnDocument: 'after' } as const;
  assert.deepEqual(await items.findOneAndUpdate({ n: 2 }, { $inc: { n: 5 } }, { ...after, projection: { n: 1 } }), {
    _id: 2,
    n: 7,
  });
  assert.deepEqual(await items.findOneAndReplace({ _id: 1 }, { r: 1 }), { _id: 1, n: 1, odd: true });
  assert.deepEqual(await items.findOneAndDelete({ _id: 0 }, { projection: { _id: 1 } }), { _id: 0 });
  assert.equal(await items.findOneAndDelete({ _id: 0 }), null);
  const upserted = await items.updateOne({ _id: 'u' }, { $setOnInsert: { a: 1 }, $set: { b: 2 } }, { upsert: true });
  assert.deepEqual([upserted.matchedCount, upserted.upsertedId], [0, 'u']);
  assert.deepEqual(await items.findOne({ _id: 'u' }), { _id: 'u', a: 1, b: 2 });
});

test('an unacknowledged write is done and leaves the connection usable', async (t) => {
  const { items } = await open(t, {}, { maxPoolSize: 1 });
  const result = await items.insertOne({ _id: 'w0' }, { writeConcern: { w: 0 } });
  assert.equal(result.acknowledged, false);
  assert.deepEqual(await items.findOne({ _id: 'w0' }), { _id: 'w0' });
});

test('unknown commands are 59, sessions are taken', async (t) => {
  const { client, items } = await open(t);
  await assert.rejects(client.db('shop').command({ nonsense: 1 }), { code: 59, codeName: 'CommandNotFound' });
  await client.withSession(async (session) => {
    await items.insertOne({ _id: 1 }, { session });
    assert.deepEqual(await items.findOne({ _id: 1 }, { session }), { _id: 1 });
  });
});

test('a transaction is refused by the server in a plain sentence', async (t) => {
  const { client, items } = await open(t, { replicaSet: 'rs0' });
  const isRefusal = (error: unknown): boolean =>
    error instanceof MongoServerError && error.code === 20 && /no transactions/.test(error.message);
  await client.withSession(async (session) => {
    session.startTransaction();
    await assert.rejects(items.findOne({}, { session }), isRefusal);
    await session.abortTransaction();
    session.startTransaction();
    // For writes the driver puts a sentence of its own about retryWrites before every 20.
    await assert.rejects(items.insertOne({ _id: 2 }, { session }), (error: unknown) =>
      isRefusal((error as { originalError: unknown }).originalError),
    );
    await session.abortTransaction();
  });
  assert.equal(await items.countDocuments(), 0);
});

test('as a replica set the driver writes with retries, and a cut write runs once', async (t) => {
  const { items, sandbox, client } = await open(t, { replicaSet: 'rs0' }, { replicaSet: 'rs0' });
  await items.insertOne({ _id: 1, n: 0 });
  let isCut = false;
  sandbox.knobs.onCommand = (command) => {
    if (isCut || !('update' in command)) return undefined;
    isCut = true;
    return 'close';
  };
  assert.equal((await items.updateOne({ _id: 1 }, { $inc: { n: 1 } })).modifiedCount, 1);
  assert.deepEqual(await items.findOne({ _id: 1 }), { _id: 1, n: 1 });
  assert.equal(sandbox.stats().operations.get('update'), 2);
  assert.equal((await client.db('admin').command({ hello: 1 }))['setName'], 'rs0');
});

test('collections and databases are listed and dropped', async (t) => {
  const { client, items } = await open(t);
  await items.insertOne({ _id: 1 });
  await client.db('shop').createCollection('empty');
  const listed = await client.db('shop').listCollections({}, { nameOnly: true }).toArray();
  assert.deepEqual(listed.map((entry) => entry.name).sort(), ['empty', 'items']);
  assert.deepEqual(
    (await client.db().admin().listDatabases()).databases.map((entry) => entry.name),
    ['shop'],
  );
  assert.equal(await items.drop(), true);
  await client.db('shop').dropDatabase();
  assert.deepEqual((await client.db().admin().listDatabases()).databases, []);
});

test('the monitor streams hello and the pool is never cleared', async (t) => {
  const sandbox = await startSandbox();
  const client = new MongoClient(sandbox.uri, { heartbeatFrequencyMS: 500 });
  t.after(async () => {
    await client.close();
    await sandbox.stop();
  });
  const failures: unknown[] = [];
  client.on('serverHeartbeatFailed', (event) => failures.push(event.failure));
  client.on('connectionPoolCleared', (event) => failures.push(event));
  const beats = new Promise<void>((resolve) => {
    let awaited = 0;
    client.on('serverHeartbeatSucceeded', (event) => {
      awaited += event.awaited ? 1 : 0;
      if (awaited === 3) resolve();
    });
  });
  await client.connect();
  await beats;
  assert.deepEqual(failures, []);
});

test('a hundred connections at once', async (t) => {
  const clock = new FakeClock();
  const latencyMs = (command: Readonly<Record<string, unknown>>): number => ('find' in command ? 20 : 0);
  const { items, sandbox } = await open(
    t,
    { clock, knobs: { latencyMs } },
    { maxPoolSize: 100, serverMonitoringMode: 'poll' },
  );
  await items.insertMany(numbered(100));
  const found = Promise.all(numbered(100).map(async ({ _id }) => await items.findOne({ _id })));
  while (clock.timers < 100) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(20);
  assert.deepEqual(
    (await found).map((item) => item?._id),
    numbered(100).map(({ _id }) => _id),
  );
  assert.ok(sandbox.stats().peakConnections >= 100, String(sandbox.stats().peakConnections));
});
