// The catalogue of the demo: product pages, searches, stock, reviews. Some of its comments are key='value' lists, as web
// frameworks write them, others are BSON documents. Invariant: it changes documents and adds none.

import type { ApplicationPlan, Desk } from './application.ts';
import { document, keyValueList } from './comments.ts';
import { CATEGORIES, PRODUCTS } from './seed.ts';

const SEARCH_BATCH = 10;

async function showProduct(desk: Desk): Promise<void> {
  await desk
    .collection('catalogue', 'products')
    .findOne({ _id: desk.pick(PRODUCTS) }, { comment: desk.comment('product#show', keyValueList) });
}

async function searchProducts(desk: Desk): Promise<void> {
  await desk
    .collection('catalogue', 'products')
    .find(
      { category: desk.pick(CATEGORIES) },
      { batchSize: SEARCH_BATCH, comment: desk.comment('product#search', keyValueList) },
    )
    .toArray();
}

async function reserveStock(desk: Desk): Promise<void> {
  const quantity = desk.random() < 0.5 ? -1 : 1;
  await desk
    .collection('catalogue', 'stock')
    .findOneAndUpdate(
      { _id: desk.pick(PRODUCTS) },
      { $inc: { quantity } },
      { returnDocument: 'after', comment: desk.comment('Stock.reserve') },
    );
}

async function countViews(desk: Desk): Promise<void> {
  const updates = Array.from({ length: 5 }, () => ({
    updateOne: { filter: { _id: desk.pick(PRODUCTS) }, update: { $inc: { views: 1 } } },
  }));
  await desk.collection('catalogue', 'products').bulkWrite(updates, { comment: desk.comment('Views.flush') });
}

async function summariseReviews(desk: Desk): Promise<void> {
  await desk
    .collection('catalogue', 'reviews')
    .aggregate(
      [
        { $match: { product: desk.pick(PRODUCTS) } },
        { $group: { _id: '$product', stars: { $avg: '$stars' }, count: { $sum: 1 } } },
      ],
      { comment: desk.comment('Reviews.summary') },
    )
    .toArray();
}

/** `connections` in all. */
export function planCatalogue(connections: number): ApplicationPlan {
  return {
    name: 'catalogue',
    connections,
    pauseMs: 300,
    form: document,
    journeys: [
      { share: 14, run: showProduct },
      { share: 1, run: searchProducts },
      { share: 4, run: reserveStock },
      { share: 1, run: countViews },
      { share: 1, run: summariseReviews },
    ],
  };
}
