// The shop of the demo: carts, checkouts, order histories. Its comments are JSON texts.
// Invariant: it never holds more than MAX_ORDERS orders of its own; older ones are deleted as new ones come.

import type { PushOperator } from 'mongodb';
import type { ApplicationPlan, DemoDocument, Desk } from './application.ts';
import { jsonText } from './comments.ts';
import { CUSTOMERS, PRODUCTS, SEEDED_ORDERS } from './seed.ts';

const MAX_ORDERS = 600;
const HISTORY = 24;
const HISTORY_BATCH = 10;

/** The ids of placed orders, oldest first. */
interface Ledger {
  readonly placed: string[];
  next: number;
}

async function showCart(desk: Desk): Promise<void> {
  await desk.collection('shop', 'carts').findOne({ _id: desk.pick(CUSTOMERS) }, { comment: desk.comment('Cart.show') });
}

/** The driver's types know no $push into a document whose fields they do not know. */
function append(item: object): PushOperator<DemoDocument> {
  return { items: { $each: [item], $slice: -10 } } as unknown as PushOperator<DemoDocument>;
}

async function addToCart(desk: Desk): Promise<void> {
  const item = { product: desk.pick(PRODUCTS), quantity: 1 + desk.pick(3) };
  await desk
    .collection('shop', 'carts')
    .updateOne(
      { _id: desk.pick(CUSTOMERS) },
      { $push: append(item) },
      { upsert: true, comment: desk.comment('Cart.addItem') },
    );
}

async function placeOrder(desk: Desk, ledger: Ledger): Promise<void> {
  const customer = desk.pick(CUSTOMERS);
  const total = 5 + desk.pick(200);
  const orders = desk.collection('shop', 'orders');
  ledger.next += 1;
  const id = `order-${ledger.next}`;
  const order = { _id: id, customer, total, day: desk.pick(7), lines: [{ product: desk.pick(PRODUCTS), quantity: 1 }] };
  await orders.insertOne(order, { comment: desk.comment('Checkout.place') });
  ledger.placed.push(id);
  await desk
    .collection('shop', 'customers')
    .updateOne({ _id: customer }, { $inc: { orders: 1 } }, { comment: desk.comment('Checkout.count') });
  if (ledger.placed.length <= MAX_ORDERS) return;
  const oldest = ledger.placed.splice(0, 50);
  await orders.deleteMany({ _id: { $in: oldest } }, { comment: desk.comment('Orders.archive') });
}

async function showHistory(desk: Desk): Promise<void> {
  const first = desk.pick(SEEDED_ORDERS - HISTORY);
  const ids = Array.from({ length: HISTORY }, (_, index) => `seed-${first + index}`);
  await desk
    .collection('shop', 'orders')
    .find({ _id: { $in: ids } }, { batchSize: HISTORY_BATCH, comment: desk.comment('Orders.history') })
    .toArray();
}

/** `connections` in all. */
export function planShop(connections: number): ApplicationPlan {
  const ledger: Ledger = { placed: [], next: 0 };
  return {
    name: 'shop',
    connections,
    pauseMs: 300,
    form: jsonText,
    journeys: [
      { share: 5, run: showCart },
      { share: 3, run: addToCart },
      { share: 1, run: (desk) => placeOrder(desk, ledger) },
      { share: 1, run: showHistory },
    ],
  };
}
