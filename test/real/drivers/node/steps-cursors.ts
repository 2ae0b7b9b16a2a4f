// Cursors of several batches: read to the end, read crossed, given up early; aggregates the same.
// Invariant: every cursor here needs at least two getMores, else it would prove nothing.
import type { FindCursor } from 'mongodb';
import { comment } from './comment.ts';
import type { Item, Step } from './step.ts';

async function idsOf(cursor: AsyncIterable<Item>): Promise<number[]> {
  const ids: number[] = [];
  for await (const item of cursor) ids.push(item._id);
  return ids;
}

async function next(cursor: FindCursor<Item>, ids: number[]): Promise<boolean> {
  const item = await cursor.next();
  if (item !== null) ids.push(item._id);
  return item !== null;
}

export const CURSOR_STEPS: readonly Step[] = [
  [
    'findInBatches',
    async ({ items }) =>
      idsOf(items.find({}, { batchSize: 4, comment: comment('node.findInBatches') }).sort({ _id: 1 })),
  ],
  [
    'aggregateInBatches',
    async ({ items }) => {
      const pipeline = [{ $match: { _id: { $lte: 20 } } }, { $sort: { _id: -1 } }, { $project: { _id: 1 } }];
      const options = { batchSize: 3, comment: comment('node.aggregateInBatches') };
      return idsOf(items.aggregate<Item>(pipeline, options));
    },
  ],
  [
    'aggregateGroup',
    async ({ items }) => {
      const pipeline = [{ $group: { _id: '$tag', sum: { $sum: '$n' } } }, { $sort: { _id: 1 } }];
      const rows = await items
        .aggregate<{ _id: string; sum: number }>(pipeline, { comment: comment('node.aggregateGroup') })
        .toArray();
      return rows.map(({ _id, sum }) => [_id, sum]);
    },
  ],
  [
    'crossedCursors',
    async ({ items }) => {
      const cursors = [0, 1, 2, 3, 4].map((low) =>
        items
          .find({ _id: { $gt: low } }, { batchSize: 3, limit: 12, comment: comment('node.crossedCursors') })
          .sort({ _id: 1 }),
      );
      const ids: number[][] = cursors.map(() => []);
      for (let open = true; open; ) {
        open = false;
        for (const [position, cursor] of cursors.entries()) open = (await next(cursor, ids[position] ?? [])) || open;
      }
      return ids;
    },
  ],
  [
    'cursorGivenUp',
    async ({ items }) => {
      const cursor = items.find({}, { batchSize: 2, comment: comment('node.cursorGivenUp') }).sort({ _id: 1 });
      const ids: number[] = [];
      for (let read = 0; read < 3; read++) await next(cursor, ids);
      await cursor.close();
      return ids;
    },
  ],
];
