// Compressed messages above 4 MB, and what waits behind an inflation: the budgets, and that everything comes back to them.
// Does not test collecting (skimmer.large.test.ts) or conversations (conversation-reader.large.test.ts).
// Invariant: whatever happens, the budget for large messages is whole at the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPRESSORS, deflate, Frame, OPCODE, SKIM_COMPRESSED_BYTES } from '../../../codecs/index.ts';
import { InflationBudget, type InflationBudgets } from '../../../src/sniff/inflation-budget.ts';
import {
  MAX_WAITING,
  MAX_WAITING_BYTES,
  MessageOrder,
  type OrderedSink,
  type PassedMessage,
} from '../../../src/sniff/message-order.ts';
import { ask, noise } from './sniff-rig.ts';

const packed = (bytes: Buffer): Frame => {
  const outer = deflate(Frame.of(bytes), COMPRESSORS.zlib);
  return Frame.of(Buffer.from(outer.bytes));
};

const insert = (id: number, bytes: number): Buffer => ask(id, { insert: 'items', documents: [{ data: noise(bytes) }] });
const PLAIN = insert(1, 4_500_000);
const LARGE = packed(PLAIN);
const SECOND = packed(insert(2, 4_500_000));
/** As it came, and what comes out, which has no header. */
const COST = LARGE.length + PLAIN.length - 16;
const MEDIUM = packed(insert(5, 100_000));
const PING = ask(9, { ping: 1 });

class Heard implements OrderedSink {
  readonly events: string[] = [];
  onEvent: () => void = () => undefined;

  onOrdered(_side: string, frame: Frame, counts: unknown): void {
    this.#note(`${frame.requestId} ${counts === null ? 'whole' : 'condensed'}`);
  }

  onPassed(_side: string, message: PassedMessage): void {
    this.#note(`${message.requestId} ${message.reason}`);
  }

  onFault(error: unknown): void {
    this.#note(String(error));
  }

  onIdle(): void {
    this.#note('idle');
  }

  #note(event: string): void {
    this.events.push(event);
    this.onEvent();
  }

  async until(event: string): Promise<void> {
    while (!this.events.includes(event)) {
      await new Promise<void>((resolve) => {
        this.onEvent = resolve;
      });
    }
  }
}

interface Made {
  readonly heard: Heard;
  readonly order: MessageOrder;
  readonly budgets: InflationBudgets;
}

function make(large: number, ordinary = 1e9): Made {
  const heard = new Heard();
  const budgets = { ordinary: new InflationBudget(ordinary), large: new InflationBudget(large) };
  return { heard, budgets, order: new MessageOrder(heard, budgets, false) };
}

test('a large one is inflated on the budget of the large, any other on that of the others', async () => {
  assert.ok(LARGE.length > SKIM_COMPRESSED_BYTES);
  for (const [large, ordinary] of [
    [COST, 0],
    [0, 1_000_000],
  ] as const) {
    const { heard, order, budgets } = make(large, ordinary);
    order.message('client', large > 0 ? LARGE : MEDIUM, null, 1);
    assert.equal(budgets.large.taken, large);
    await heard.until('idle');
    assert.deepEqual(heard.events, [large > 0 ? '1 condensed' : '5 condensed', 'idle']);
    assert.deepEqual([budgets.large.taken, budgets.ordinary.taken], [0, 0]);
  }
});

test('without room for what comes out it passes, and nothing stays taken', () => {
  const { heard, order, budgets } = make(COST - 1);
  order.message('client', LARGE, null, 1);
  assert.deepEqual([heard.events, budgets.large.taken, order.isBusy], [['1 sniff_overrun'], 0, false]);
});

test('large ones wait on the budget, and leave their place to the small', async () => {
  const { heard, order, budgets } = make(1e9);
  order.message('client', LARGE, null, 1);
  order.message('client', Frame.of(PING), null, 2);
  order.message('client', SECOND, null, 3);
  order.message('server', Frame.of(PING), null, 4);
  assert.equal(budgets.large.taken, COST + SECOND.length);
  assert.equal(order.heldBytes, SECOND.length + 2 * PING.length);
  await heard.until('idle');
  assert.deepEqual(heard.events, ['1 condensed', '9 whole', '2 condensed', '9 whole', 'idle']);
  assert.deepEqual([budgets.large.taken, order.heldBytes], [0, 0]);
});

test('of those that are not so large the first ones wait on the allowance', async () => {
  const { heard, order, budgets } = make(1e9);
  order.message('client', LARGE, null, 1);
  const fits = Math.floor(MAX_WAITING_BYTES / MEDIUM.length);
  for (let n = 0; n < fits; n++) order.message('client', MEDIUM, null, 1);
  assert.equal(budgets.large.taken, COST);
  order.message('client', MEDIUM, null, 1);
  assert.equal(budgets.large.taken, COST + MEDIUM.length);
  await heard.until('idle');
  assert.equal(heard.events.filter((event) => event === '5 condensed').length, fits + 1);
  assert.equal(budgets.large.taken, 0);
});

test('one that the budget has no room for passes in its place', async () => {
  const { heard, order, budgets } = make(COST);
  order.message('client', LARGE, null, 1);
  order.message('client', Frame.of(PING), null, 1);
  order.message('client', SECOND, null, 1);
  assert.equal(budgets.large.taken, COST);
  await heard.until('idle');
  assert.deepEqual(heard.events, ['1 condensed', '9 whole', '2 sniff_overrun', 'idle']);
  assert.equal(budgets.large.taken, 0);
});

test('what is refused, at once or aside, gives back what it took', async () => {
  const broken = Frame.of(Buffer.from(LARGE.bytes));
  broken.bytes.fill(0x55, 100, 400);
  const lie = Frame.of(Buffer.from(LARGE.bytes));
  lie.bytes.writeInt32LE(PLAIN.length - 17, 20);
  const unknown = Frame.of(Buffer.from(LARGE.bytes));
  unknown.bytes[24] = 99;
  const malformed = Buffer.from(PLAIN);
  malformed[25] = 0x7e;
  for (const [frame, event] of [
    [broken, '1 inflate_failed'],
    [lie, '1 bad_compressed_size'],
    [unknown, '1 unknown_compressor'],
    [packed(malformed), '1 invalid_bson'],
  ] as const) {
    const { heard, order, budgets } = make(1e9);
    order.message('client', frame, null, 1);
    await heard.until(event);
    assert.equal(budgets.large.taken, 0, event);
  }
});

test('a stop gives back what waits at once, and what is inflated when that ends', async () => {
  const { heard, order, budgets } = make(1e9);
  order.message('client', LARGE, null, 1);
  order.message('client', SECOND, null, 1);
  order.stop();
  assert.deepEqual([budgets.large.taken, order.heldBytes], [COST, 0]);
  order.stop();
  assert.equal(budgets.large.taken, COST, 'given back once');
  const other = make(1e9);
  while (budgets.large.taken > 0) {
    other.heard.events.length = 0;
    other.order.message('client', MEDIUM, null, 1);
    await other.heard.until('idle');
  }
  assert.deepEqual([budgets.large.taken, heard.events], [0, []]);
});

test('a fault in the middle of what waited, answered by a stop, gives back all the rest and nothing twice', async () => {
  const { heard, order, budgets } = make(1e9);
  heard.onOrdered = (_side, frame) => {
    if (frame.requestId === 9) throw new Error('planted');
  };
  const onFault = heard.onFault.bind(heard);
  heard.onFault = (error) => {
    order.stop();
    onFault(error);
  };
  order.message('client', LARGE, null, 1);
  order.message('client', SECOND, null, 1);
  order.message('client', Frame.of(PING), null, 1);
  order.message('client', SECOND, null, 1);
  await heard.until('Error: planted');
  assert.deepEqual([budgets.large.taken, order.heldBytes], [0, 0]);
});

test('more messages than can wait are told of at once, none is lost', async () => {
  const { heard, order } = make(1e9);
  order.message('client', LARGE, null, 1);
  for (let n = 0; n < MAX_WAITING; n++) order.message('client', Frame.of(PING), null, 1);
  assert.deepEqual(heard.events, []);
  order.message('client', Frame.of(PING), null, 1);
  const { requestId, responseTo, opcode, wireBytes } = LARGE;
  order.passed('server', { requestId, responseTo, opcode, wireBytes, reason: 'unknown_opcode' }, 1);
  assert.deepEqual(heard.events, ['9 sniff_overrun', '1 unknown_opcode']);
  await heard.until('idle');
  assert.equal(heard.events.length, MAX_WAITING + 4);
  assert.equal(OPCODE.compressed, opcode);
});
