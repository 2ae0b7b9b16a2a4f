// The data that the sample applications start from, and how it is taken away again.
// It runs no load. Invariant: it touches the two databases it is given the names of, and nothing beside them.

import { MongoClient } from 'mongodb';
import type { Random } from '../core/clock.ts';
import type { DatabaseNames, DemoDocument } from './application.ts';
import { plainText } from './comments.ts';

export const CUSTOMERS = 200;
export const PRODUCTS = 300;
/** Products are spread over them evenly. */
export const CATEGORIES = 10;
export const SEEDED_ORDERS = 200;
const REVIEWS = 300;

/** Every collection with its documents, made anew each time. */
function seedDocuments(random: Random): Readonly<Record<keyof DatabaseNames, Record<string, readonly DemoDocument[]>>> {
  const pick = (below: number): number => Math.floor(random() * below);
  const many = (count: number, make: (index: number) => DemoDocument): readonly DemoDocument[] =>
    Array.from({ length: count }, (_, index) => make(index));
  return {
    shop: {
      customers: many(CUSTOMERS, (index) => ({ _id: index, name: `customer ${index}`, orders: 0 })),
      carts: many(CUSTOMERS, (index) => ({ _id: index, items: [] })),
      orders: many(SEEDED_ORDERS, (index) => ({
        _id: `seed-${index}`,
        customer: pick(CUSTOMERS),
        total: 5 + pick(200),
        day: pick(7),
        lines: [{ product: pick(PRODUCTS), quantity: 1 }],
      })),
    },
    catalogue: {
      products: many(PRODUCTS, (index) => ({
        _id: index,
        name: `product ${index}`,
        category: index % CATEGORIES,
        price: 1 + pick(99),
        views: 0,
      })),
      stock: many(PRODUCTS, (index) => ({ _id: index, quantity: 100 })),
      reviews: many(REVIEWS, (index) => ({ _id: index, product: pick(PRODUCTS), stars: 1 + pick(5) })),
    },
  };
}

async function withClient(uri: string, work: (client: MongoClient) => Promise<void>): Promise<void> {
  const client = new MongoClient(uri, { appName: 'demo-data', maxPoolSize: 2 });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

/** Replaces both databases by the demo's data. */
export async function seed(uri: string, names: DatabaseNames, random: Random): Promise<void> {
  await withClient(uri, async (client) => {
    for (const [database, collections] of Object.entries(seedDocuments(random))) {
      const db = client.db(names[database as keyof DatabaseNames]);
      await db.dropDatabase({ comment: plainText('Data.clear', random) });
      for (const [name, documents] of Object.entries(collections)) {
        await db.collection<DemoDocument>(name).insertMany([...documents], { comment: plainText('Data.fill', random) });
      }
    }
  });
}

/** Drops both databases. */
export async function unseed(uri: string, names: DatabaseNames, random: Random): Promise<void> {
  await withClient(uri, async (client) => {
    for (const name of [names.shop, names.catalogue]) {
      await client.db(name).dropDatabase({ comment: plainText('Data.drop', random) });
    }
  });
}
