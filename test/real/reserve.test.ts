// Eight connections, one open transaction, twenty plain writes on its document: whether they wait at the server for the
// transaction's lock or are told to try again, the commit must get through at once (design.md decision 5).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { withServer } from './harness/server.ts';
import { withWeir } from './harness/weir.ts';

const WRITERS = 20;
const COMMIT_WITHIN_MS = 1000;
/** Long enough for every write to have been sent or to wait in weir. */
const WRITES_GATHER_MS = 500;

test('a commit passes twenty plain writes on its document', async (context) => {
  await withServer(async ({ uri }) => {
    await withWeir(uri, async (weir) => checkCommit(weir.uri, context));
  });
});

async function checkCommit(uri: string, context: TestContext): Promise<void> {
  const clients = await Promise.all(Array.from({ length: WRITERS + 1 }, async () => new MongoClient(uri).connect()));
  try {
    const [owner, ...writers] = clients as [MongoClient, ...MongoClient[]];
    const stock = (client: MongoClient) => client.db('hot_reserve').collection<{ _id: number; n: number }>('stock');
    await stock(owner).deleteMany({});
    await stock(owner).insertOne({ _id: 1, n: 0 });
    const session = owner.startSession();
    session.startTransaction();
    await stock(owner).updateOne({ _id: 1 }, { $inc: { n: 100 } }, { session });
    const writes = writers.map(async (writer) => stock(writer).updateOne({ _id: 1 }, { $inc: { n: 1 } }));
    const settled = Promise.allSettled(writes);
    await new Promise((done) => setTimeout(done, WRITES_GATHER_MS));
    const startMs = performance.now();
    await session.commitTransaction();
    const commitMs = performance.now() - startMs;
    await session.endSession();
    const applied = (await settled).filter(({ status }) => status === 'fulfilled').length;
    const found = await stock(owner).findOne({ _id: 1 });
    context.diagnostic(
      `commit in ${commitMs.toFixed(0)} ms, ${String(applied)} of ${String(WRITERS)} plain writes applied`,
    );
    assert.ok(commitMs < COMMIT_WITHIN_MS, `the commit took ${commitMs.toFixed(0)} ms`);
    assert.equal(found?.n, 100 + applied);
  } finally {
    await Promise.all(clients.map(async (client) => client.close()));
  }
}
