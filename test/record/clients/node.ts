// What each Node driver and mongoose are recorded doing. argv: package name, connection string, scenario (script, login).
// Plain calls that drivers 4 to 7 share. Invariant: it ends with exit code 0 only if every step did what it should.
import assert from 'node:assert/strict';
import type { MongoClient as Client, ClientSession, Collection } from 'mongodb';

interface Driver {
  readonly MongoClient: typeof Client;
}

const [packageName = '', uri = '', scenario = 'script'] = process.argv.slice(2);

interface Order {
  _id: number;
  customer: number;
  item: string;
  qty: number;
}

/** Drivers before 5 type the comment otherwise; all send it. */
const comment = (place: string): { comment: string } => ({ comment: place });

function orders(first: number, count: number): Order[] {
  return Array.from({ length: count }, (_, index) => ({
    _id: first + index,
    customer: index % 3,
    item: `item ${index}`,
    qty: index,
  }));
}

async function write(collection: Collection<Order>): Promise<void> {
  await collection.insertOne({ _id: 1, customer: 1, item: 'lamp', qty: 1 }, comment('shop.ts:10 addOne'));
  await collection.insertMany(orders(10, 8), comment('{"callingFunction":"shop.addMany","user":"u-17"}'));
  await collection.updateOne(
    { _id: 1 },
    { $set: { qty: 2 } },
    comment("touch /*route='/orders',traceparent='00-1f'*/"),
  );
  await collection.updateMany({ customer: 2 }, { $inc: { qty: 1 } });
  await collection.deleteOne({ _id: 17 });
  await collection.bulkWrite([
    { insertOne: { document: { _id: 40, customer: 4, item: 'desk', qty: 1 } } },
    { updateOne: { filter: { _id: 40 }, update: { $set: { qty: 9 } } } },
    { deleteOne: { filter: { _id: 16 } } },
  ]);
  await collection.findOneAndUpdate({ _id: 10 }, { $set: { qty: 5 } });
  await assert.rejects(collection.insertOne({ _id: 1, customer: 1, item: 'again', qty: 1 }), /E11000|duplicate/i);
}

async function read(client: Client, collection: Collection<Order>): Promise<void> {
  const all = await collection.find({}, comment('shop.ts:31 listAll')).batchSize(3).toArray();
  assert.equal(all.length, 8);
  const early = collection.find({ customer: { $in: [0, 1] } }).batchSize(2);
  await early.next();
  await early.close();
  const lookup = { $lookup: { from: 'customers', localField: 'customer', foreignField: '_id', as: 'who' } };
  await collection.aggregate([{ $match: { qty: { $gte: 1 }, $comment: 'shop.ts:40 join' } }, lookup]).toArray();
  assert.equal(await collection.countDocuments({}), 8);
  await collection.distinct('item', { customer: 1 });
  await assert.rejects(client.db('fixtures').command({ find: 'orders', filter: { $nope: 1 } }));
}

async function transact(client: Client, collection: Collection<Order>): Promise<void> {
  const session: ClientSession = client.startSession();
  session.startTransaction();
  await collection.insertOne({ _id: 50, customer: 5, item: 'bed', qty: 1 }, { session });
  await session.commitTransaction();
  session.startTransaction();
  await collection.insertOne({ _id: 51, customer: 5, item: 'sofa', qty: 1 }, { session });
  await session.abortTransaction();
  await session.endSession();
}

async function watch(collection: Collection<Order>): Promise<void> {
  const stream = collection.watch([{ $match: { operationType: 'insert' } }], { maxAwaitTimeMS: 50 });
  assert.equal(await stream.tryNext(), null);
  await stream.close();
}

async function runDriver(): Promise<void> {
  const { MongoClient } = (await import(packageName)) as Driver;
  const client = new MongoClient(uri);
  await client.connect();
  const database = client.db('fixtures');
  const collection = database.collection<Order>('orders');
  if (scenario === 'login') {
    await collection.findOne({ _id: 1 }, comment('login.ts:1 first'));
  } else {
    await database.dropDatabase();
    await database.collection<{ _id: number; name: string }>('customers').insertOne({ _id: 1, name: 'Ada' });
    await write(collection);
    await read(client, collection);
    await transact(client, collection);
    await watch(collection);
    // Answered by nobody: the command behind it shows that it arrived.
    const silent = database.collection<Order>('orders', { writeConcern: { w: 0 } });
    await silent.insertOne({ _id: 60, customer: 6, item: 'rug', qty: 1 });
    await database.command({ ping: 1 });
  }
  await client.close();
}

async function runMongoose(): Promise<void> {
  const { default: mongoose } = await import('mongoose');
  const schema = new mongoose.Schema({ name: { type: String, index: true }, visits: Number, tags: [String] });
  const Customer = mongoose.model('Customer', schema);
  await mongoose.connect(uri, { dbName: 'fixtures' });
  await Customer.deleteMany({});
  await Customer.init();
  const ada = await Customer.create({ name: 'Ada', visits: 1, tags: ['a', 'b'] });
  await Customer.insertMany([{ name: 'Bo' }, { name: 'Cy' }, { name: 'Di' }]);
  ada.visits = 2;
  await ada.save();
  await Customer.find({ name: /^[A-C]/ })
    .comment('customers.ts:7 find')
    .sort('name')
    .lean();
  await Customer.findById(ada._id);
  await Customer.updateMany({ visits: null }, { $set: { visits: 0 } });
  await Customer.aggregate([{ $group: { _id: null, total: { $sum: '$visits' } } }]);
  for await (const customer of Customer.find().cursor({ batchSize: 2 })) assert.ok(customer.name);
  await mongoose.connection.transaction(async (session) => {
    await Customer.create([{ name: 'Eve' }], { session });
  });
  await assert.rejects(Customer.create({ _id: ada._id, name: 'twice' }));
  await Customer.deleteOne({ name: 'Bo' });
  await mongoose.disconnect();
}

await (packageName === 'mongoose' ? runMongoose() : runDriver());
