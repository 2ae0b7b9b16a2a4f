// The job of the demo that misbehaves: every worker computes reports over and over, with hardly a pause, on the database
// that the shop needs. The limit is for its `Reports.*`; what else it does goes through. Its comments are plain texts.

import type { ApplicationPlan, Desk } from './application.ts';
import { plainText } from './comments.ts';
import { CATEGORIES } from './seed.ts';

async function computeRevenue(desk: Desk): Promise<void> {
  await desk
    .collection('shop', 'orders')
    .aggregate(
      [{ $group: { _id: '$day', revenue: { $sum: '$total' }, orders: { $sum: 1 } } }, { $sort: { revenue: -1 } }],
      { comment: desk.comment('Reports.revenue') },
    )
    .toArray();
}

async function exportProducts(desk: Desk): Promise<void> {
  await desk
    .collection('catalogue', 'products')
    .find({ category: { $lt: CATEGORIES / 5 } }, { comment: desk.comment('Reports.products') })
    .toArray();
}

async function noteProgress(desk: Desk): Promise<void> {
  await desk
    .collection('shop', 'jobs')
    .updateOne({ _id: 'report' }, { $inc: { steps: 1 } }, { upsert: true, comment: desk.comment('Job.noteProgress') });
}

/** `connections` in all. */
export function planReportJob(connections: number): ApplicationPlan {
  return {
    name: 'report-job',
    connections,
    pauseMs: 100,
    form: plainText,
    journeys: [
      { share: 6, run: computeRevenue },
      { share: 3, run: exportProducts },
      { share: 1, run: noteProgress },
    ],
  };
}
