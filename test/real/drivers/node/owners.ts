// Twenty workers on one client with a short idle time: cursors and transactions move between connections all the time.
// Invariant: what a worker reads depends only on its own number, whatever connection its next step is sent on.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from 'mongodb';
import type { ProgramReport, ResultValue, StepResult } from '../../report.ts';
import { digestOf } from './canonical.ts';
import { comment } from './comment.ts';

const WORKERS = 20;
const THINKING_MS = 30;

export async function runOwners(databases: readonly Db[]): Promise<Partial<ProgramReport>> {
  const results = (await Promise.all(databases.map(async (db, index) => runClient(db, index))))[0] ?? [];
  return { results, digest: digestOf(results) };
}

async function runClient(db: Db, index: number): Promise<readonly StepResult[]> {
  const shared = db.collection<{ _id: number }>(`shared_${String(index)}`);
  await shared.drop();
  await shared.insertMany(Array.from({ length: 40 }, (_, id) => ({ _id: id })));
  const workers = Array.from({ length: WORKERS }, async (_, worker): Promise<StepResult> => {
    const value =
      worker % 2 === 0 ? await readSlowly(db, shared.collectionName, worker) : await transact(db, index, worker);
    return { step: `worker ${String(worker)}`, value };
  });
  return Promise.all(workers);
}

async function readSlowly(db: Db, name: string, worker: number): Promise<ResultValue> {
  const filter = { _id: { $gte: worker } };
  const cursor = db
    .collection<{ _id: number }>(name)
    .find(filter, { batchSize: 3, comment: comment('node.owners.read') })
    .sort({ _id: 1 });
  const ids: number[] = [];
  for await (const item of cursor) {
    ids.push(item._id);
    if (ids.length % 3 === 0) await sleep(THINKING_MS);
  }
  return ids;
}

async function transact(db: Db, index: number, worker: number): Promise<ResultValue> {
  const own = db.collection<{ _id: number }>(`own_${String(index)}_${String(worker)}`);
  await own.drop();
  await own.insertOne({ _id: 0 });
  const session = db.client.startSession();
  try {
    session.startTransaction();
    for (let id = 1; id <= 5; id++) {
      await own.insertOne({ _id: id }, { session, comment: comment('node.owners.write') });
      await sleep(THINKING_MS);
    }
    if (worker % 4 === 1) await session.commitTransaction();
    else await session.abortTransaction();
  } finally {
    await session.endSession();
  }
  return own.countDocuments({}, { comment: comment('node.owners.count') });
}
