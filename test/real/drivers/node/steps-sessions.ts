// Transactions, a change stream, unacknowledged writes, and the drop at the end.
// Invariant: each client's transactions touch its own collection: concurrent ones on one collection may conflict.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeStreamInsertDocument, Document } from 'mongodb';
import { comment } from './comment.ts';
import type { Item, Step } from './step.ts';

const DEADLINE_MS = 60_000;
/** Narrow on purpose: under load the server may show a new stream inserts that were committed just before it was opened. */
const WATCHED_INSERTS = [{ $match: { operationType: 'insert', 'fullDocument.tag': 'watched' } }];

export const SESSION_STEPS: readonly Step[] = [
  [
    'transactionCommit',
    async ({ db, items }) => {
      const session = db.client.startSession();
      try {
        session.startTransaction();
        await items.insertMany(
          [
            { _id: 60, tag: 'txn' },
            { _id: 61, tag: 'txn' },
          ],
          { session, comment: comment('node.transactionCommit') },
        );
        await items.updateOne({ _id: 60 }, { $set: { n: 1 } }, { session, comment: comment('node.transactionCommit') });
        const options = { session, batchSize: 1, comment: comment('node.transactionCommit') };
        const inside = await items.find({ tag: 'txn' }, options).sort({ _id: 1 }).toArray();
        await session.commitTransaction();
        const after = await items.countDocuments({ tag: 'txn' }, { comment: comment('node.transactionCommit') });
        return [inside.map((item) => item._id), after];
      } finally {
        await session.endSession();
      }
    },
  ],
  [
    'transactionAbort',
    async ({ db, items }) => {
      const session = db.client.startSession();
      try {
        session.startTransaction();
        await items.insertOne({ _id: 70, tag: 'aborted' }, { session, comment: comment('node.transactionAbort') });
        await session.abortTransaction();
        return await items.countDocuments({ tag: 'aborted' }, { comment: comment('node.transactionAbort') });
      } finally {
        await session.endSession();
      }
    },
  ],
  [
    'changeStream',
    async ({ items }) => {
      const stream = items.watch<Item, ChangeStreamInsertDocument<Item>>(WATCHED_INSERTS, {
        maxAwaitTimeMS: 200,
        comment: comment('node.changeStream'),
      });
      const seen: number[] = [];
      try {
        // The first tryNext opens the stream at the server, so that no insert below can come before it.
        await stream.tryNext();
        for (let id = 80; id < 85; id++)
          await items.insertOne({ _id: id, tag: 'watched' }, { comment: comment('node.watchedInsert') });
        const deadline = Date.now() + DEADLINE_MS;
        while (seen.length < 5 && Date.now() < deadline) {
          const change: Document | null = await stream.tryNext();
          if (change !== null) seen.push(Number((change['documentKey'] as Document)['_id']));
        }
      } finally {
        await stream.close();
      }
      return seen;
    },
  ],
  [
    'unacknowledged',
    async ({ items }) => {
      const options = { writeConcern: { w: 0 }, comment: 'node.unacknowledged' } as const;
      for (let id = 90; id < 95; id++) await items.insertOne({ _id: id, tag: 'w0' }, options);
      const deadline = Date.now() + DEADLINE_MS;
      for (;;) {
        const found = await items.countDocuments({ tag: 'w0' }, { comment: comment('node.count') });
        if (found === 5 || Date.now() > deadline) return found;
        await sleep(50);
      }
    },
  ],
  ['dropLast', async ({ items }) => items.drop({ comment: comment('node.drop') })],
];
