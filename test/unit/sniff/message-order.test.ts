// Compressed messages in a conversation: inflated in place or aside, always in the order of the wire, within bounds.
// Does not test the compressors. Invariant: nothing waits for ever, and nothing is read after a stop.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  type BsonDocument,
  COMPRESSORS,
  deflate,
  encodeMessage,
  Frame,
  loadCompressors,
  MAX_MESSAGE_BYTES,
  OPCODE,
  type SkimmedCounts,
} from '../../../codecs/index.ts';
import { InflationBudget, type InflationBudgets } from '../../../src/sniff/inflation-budget.ts';
import {
  MAX_WAITING_BYTES,
  MessageOrder,
  type OrderedSink,
  type PassedMessage,
} from '../../../src/sniff/message-order.ts';
import { answer, ask, makeRig } from './sniff-rig.ts';

const packed = (bytes: Buffer, compressor: number = COMPRESSORS.zlib): Buffer =>
  Buffer.from(deflate(Frame.of(Buffer.from(bytes)), compressor).bytes);

/** Large enough to be inflated aside; random enough to stay large. */
function large(id: number, more: BsonDocument = {}): Buffer {
  let seed = id;
  const text = Array.from({ length: 40_000 }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return String.fromCharCode(32 + ((seed >>> 16) % 90));
  }).join('');
  return ask(id, { insert: 'items', documents: [{ text }], ...more });
}

class Heard implements OrderedSink {
  readonly events: string[] = [];
  readonly faults: unknown[] = [];
  onEvent: () => void = () => undefined;

  onOrdered(side: string, frame: Frame, _counts: unknown, atMs: number): void {
    this.#note(`${side} ${frame.requestId} ${frame.opcode} at ${atMs}`);
  }

  onPassed(side: string, message: PassedMessage): void {
    this.#note(`${side} ${message.requestId} ${message.reason}`);
  }

  onFault(error: unknown): void {
    this.faults.push(error);
    this.#note('fault');
  }

  onIdle(): void {
    this.#note('idle');
  }

  #note(event: string): void {
    this.events.push(event);
    this.onEvent();
  }

  async until(count: number): Promise<void> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.onEvent = resolve;
      });
    }
  }
}

function makeBudgets(ordinary: number, large: number): InflationBudgets {
  return { ordinary: new InflationBudget(ordinary), large: new InflationBudget(large) };
}

function makeOrder(budgetBytes = 1e9, inflatesAtOnce = false): { heard: Heard; order: MessageOrder } {
  const heard = new Heard();
  return { heard, order: new MessageOrder(heard, makeBudgets(budgetBytes, 1e9), inflatesAtOnce) };
}

test('small ones are inflated in place, with every compressor that is there', () => {
  const { heard, order } = makeOrder();
  const request = ask(1, { find: 'items' });
  order.message('client', Frame.of(packed(request, COMPRESSORS.noop)), null, 1);
  order.message('client', Frame.of(packed(request)), null, 2);
  assert.deepEqual(heard.events, [`client 1 ${OPCODE.msg} at 1`, `client 1 ${OPCODE.msg} at 2`]);
  assert.equal(order.isBusy, false);
});

test('behind one that is inflated aside everything waits, in order, of both sides', async () => {
  const { heard, order } = makeOrder();
  order.message('client', Frame.of(packed(large(1))), null, 1);
  assert.deepEqual([heard.events, order.isBusy], [[], true]);
  order.message('server', Frame.of(answer(50, 1)), null, 2);
  order.message('client', Frame.of(packed(large(2))), null, 3);
  order.passed(
    'server',
    { requestId: 51, responseTo: 2, opcode: OPCODE.msg, wireBytes: 9, reason: 'unknown_opcode' },
    4,
  );
  order.message('client', Frame.of(ask(3, { ping: 1 })), null, 5);
  assert.ok(order.heldBytes > 30_000);
  await heard.until(6);
  assert.deepEqual(heard.events, [
    `client 1 ${OPCODE.msg} at 1`,
    `server 50 ${OPCODE.msg} at 2`,
    `client 2 ${OPCODE.msg} at 3`,
    'server 51 unknown_opcode',
    `client 3 ${OPCODE.msg} at 5`,
    'idle',
  ]);
  assert.deepEqual([order.isBusy, order.heldBytes], [false, 0]);
});

test('what waits beyond the bound passes by its header', async () => {
  const { heard, order } = makeOrder();
  order.message('client', Frame.of(packed(large(1))), null, 1);
  const chunk = encodeMessage({ insert: 'items', documents: [{ a: 'x'.repeat(60_000) }], $db: 'shop' }, 7, 0);
  const fits = Math.floor(MAX_WAITING_BYTES / chunk.length);
  for (let n = 0; n < fits + 3; n++) order.message('client', Frame.of(chunk), null, n);
  assert.ok(order.heldBytes <= MAX_WAITING_BYTES);
  await heard.until(fits + 5);
  assert.equal(heard.events.filter((event) => event === 'client 7 sniff_overrun').length, 3);
  assert.equal(heard.events.at(-1), 'idle');
});

test('beyond the common budget a message passes at once; what was taken comes back', async () => {
  const { heard, order } = makeOrder(60_000);
  const frame = Frame.of(packed(large(1)));
  const cost = 60_000 - large(1).length;
  assert.ok(cost < frame.length, 'the budget is below what it needs');
  order.message('client', frame, null, 1);
  assert.deepEqual(heard.events, ['client 1 sniff_overrun']);
  const budgets = makeBudgets(200_000, 0);
  const second = new Heard();
  const shared = new MessageOrder(second, budgets, false);
  shared.message('client', frame, null, 1);
  assert.equal(budgets.ordinary.take(200_000), false);
  await second.until(2);
  assert.equal(budgets.ordinary.take(200_000), true);
});

test('the largest message is read with every compressor, in place only where nothing is to be inflated', async () => {
  await loadCompressors();
  const bytes = encodeMessage({ text: 'x'.repeat(MAX_MESSAGE_BYTES - 200) }, 1, 0);
  for (const [name, compressor] of Object.entries(COMPRESSORS)) {
    for (const inflatesAtOnce of [false, true]) {
      const { heard, order } = makeOrder(1e9, inflatesAtOnce);
      order.message('client', Frame.of(packed(bytes, compressor)), null, 1);
      const isAside = name !== 'noop' && !inflatesAtOnce;
      assert.equal(order.isBusy, isAside, name);
      await heard.until(isAside ? 2 : 1);
      const read = `client 1 ${OPCODE.msg} at 1`;
      assert.deepEqual(heard.events, isAside ? [read, 'idle'] : [read], name);
    }
  }
});

test('damage: one count with its reason, in place and aside, and the next one is read', async () => {
  const { heard, order } = makeOrder();
  const lie = packed(ask(1, { find: 'items' }));
  lie.writeInt32LE(10, 20);
  order.message('client', Frame.of(lie), null, 1);
  const broken = packed(large(2));
  broken.fill(0x55, 100, 400);
  order.message('client', Frame.of(broken), null, 2);
  order.message('client', Frame.of(ask(3, { ping: 1 })), null, 3);
  await heard.until(4);
  assert.deepEqual(heard.events, [
    'client 1 bad_compressed_size',
    'client 2 inflate_failed',
    `client 3 ${OPCODE.msg} at 3`,
    'idle',
  ]);
});

test('what is refused before it is inflated aside keeps its place behind what waited', async () => {
  await loadCompressors();
  const lie = packed(large(3), COMPRESSORS.snappy);
  lie.writeInt32LE(lie.readInt32LE(20) + 1, 20);
  for (const [first, others] of [
    [large(1), [ask(2, { ping: 1 }), lie, ask(4, { ping: 1 })]],
    [lie, [ask(4, { ping: 1 })]],
  ] as const) {
    const { heard, order } = makeOrder();
    order.message('client', Frame.of(first === lie ? lie : packed(first)), null, 1);
    for (const bytes of others) order.message('client', Frame.of(bytes), null, 1);
    await heard.until(2);
    const told = [`client 1 ${OPCODE.msg} at 1`, `client 2 ${OPCODE.msg} at 1`, 'client 3 bad_compressed_size'];
    const last = `client 4 ${OPCODE.msg} at 1`;
    assert.deepEqual(heard.events, first === lie ? [told[2], last] : [...told, last, 'idle']);
    assert.deepEqual([heard.faults, order.isBusy], [[], false]);
  }
});

test('a fault while going on is told of, not thrown into the loop', async () => {
  const { heard, order } = makeOrder();
  const fault = new Error('planted');
  heard.onOrdered = () => {
    throw fault;
  };
  order.message('client', Frame.of(packed(large(1))), null, 1);
  await heard.until(1);
  assert.deepEqual(heard.faults, [fault]);
});

test('after stop() nothing is handed on, and the budget comes back', async () => {
  const budgets = makeBudgets(200_000, 0);
  const heard = new Heard();
  const order = new MessageOrder(heard, budgets, false);
  order.message('client', Frame.of(packed(large(1))), null, 1);
  order.message('client', Frame.of(ask(2, { ping: 1 })), null, 1);
  order.stop();
  assert.equal(order.heldBytes, 0);
  const other = makeOrder();
  other.order.message('client', Frame.of(packed(large(3))), null, 1);
  while (!budgets.ordinary.take(200_000)) {
    const { port1, port2 } = new MessageChannel();
    port2.postMessage(0);
    await once(port1, 'message');
    port1.close();
  }
  await other.heard.until(2);
  assert.deepEqual(heard.events, []);
});

test('in a conversation: compressed both ways, counted by what crossed the wire, ended while inflating', async () => {
  let tell = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const rig = makeRig({ events: { onFinished: () => tell() } });
  const conversation = rig.open();
  const request = packed(large(1, { comment: 'bulk.ts:4' }));
  conversation.clientBytes(request, 1);
  const reply = packed(answer(9, 1, { n: 1 }));
  conversation.serverBytes(reply, 4);
  conversation.end(5);
  conversation.end(6);
  assert.equal(rig.sniffer.conversations, 1, 'it waits for what is inflated');
  await finished;
  assert.deepEqual(
    rig.finished.map(({ callSite, outcome, serverMs, requestBytes, replyBytes, changed }) => [
      callSite,
      outcome,
      serverMs,
      requestBytes,
      replyBytes,
      changed,
    ]),
    [['bulk.ts:4', 'ok', 3, request.length, reply.length, 1]],
  );
});

test('in a conversation: a fault after its end, in what was being inflated, ends it all the same', async () => {
  const fault = new Error('planted');
  const blind = new Promise<unknown>((resolve) => {
    const rig = makeRig({
      events: {
        onFinished: () => {
          throw fault;
        },
        onBlind: (_conversation, _reason, error) => setImmediate(() => resolve([error, rig.sniffer.conversations])),
      },
    });
    const conversation = rig.open();
    conversation.clientBytes(packed(large(1)), 1);
    conversation.serverBytes(answer(9, 1), 2);
    conversation.end(3);
    assert.equal(rig.sniffer.conversations, 1);
  });
  assert.deepEqual(await blind, [fault, 0]);
});

test('captures inflate at once, large ones condensed', () => {
  const rig = makeRig({ inflatesAtOnce: true });
  const conversation = rig.open();
  const documents = Array.from({ length: 300 }, (_, n) => ({ n, text: 'x'.repeat(1000) }));
  conversation.clientBytes(packed(ask(1, { insert: 'items', documents })), 1);
  conversation.serverBytes(packed(answer(2, 1, { n: 300 })), 2);
  assert.deepEqual(
    rig.finished.map(({ command, changed }) => [command, changed]),
    [['insert', 300]],
  );
  const kill = Buffer.alloc(24 + 9000 * 8);
  kill.writeInt32LE(kill.length, 0);
  kill.writeInt32LE(OPCODE.killCursors, 12);
  kill.writeInt32LE(9000, 20);
  conversation.clientBytes(packed(kill), 3);
  assert.deepEqual(
    rig.finished.map(({ command }) => command),
    ['insert', 'OP_KILL_CURSORS'],
  );
  assert.deepEqual([...rig.decodeErrors], []);
});

test('a large one that is malformed inside costs one count with its reason', () => {
  const rig = makeRig({ inflatesAtOnce: true });
  const conversation = rig.open();
  const broken = ask(1, { insert: 'items', documents: Array.from({ length: 100 }, () => ({ a: 'x'.repeat(1000) })) });
  broken[25] = 0x7e;
  conversation.clientBytes(packed(broken), 1);
  assert.deepEqual([...rig.decodeErrors], [['sniffed_client|invalid_bson', 1]]);
});

test('a condensed message waits as it is, and a stop while going on ends it', async () => {
  const { heard, order } = makeOrder();
  order.message('client', Frame.of(packed(large(1))), null, 1);
  const own = Frame.of(ask(2, { ping: 1 }));
  const counts = { of: () => -1, heldBytes: 0 } as unknown as SkimmedCounts;
  order.message('client', own, counts, 2);
  order.message('client', Frame.of(ask(3, { ping: 1 })), null, 3);
  heard.onOrdered = (_side, frame) => {
    heard.events.push(String(frame.requestId));
    if (frame === own) order.stop();
    heard.onEvent();
  };
  await heard.until(2);
  assert.deepEqual(heard.events, ['1', '2']);
});

/** A megabyte of small values: many pieces. */
function manyValues(id: number): Buffer {
  return ask(id, {
    insert: 'items',
    documents: Array.from({ length: 30_000 }, (_, index) => ({ _id: index, a: 1, b: 2 })),
  });
}

interface InPieces {
  readonly heard: Heard;
  readonly order: MessageOrder;
  readonly budgets: InflationBudgets;
  /** What is to go on later. */
  readonly pieces: (() => void)[];
}

/** A large message was inflated, and the first piece of it was read. */
async function startInPieces(bytes: Buffer): Promise<InPieces> {
  const heard = new Heard();
  const budgets = makeBudgets(5_000_000, 1e9);
  const pieces: (() => void)[] = [];
  const order = new MessageOrder(heard, budgets, false, (run) => pieces.push(run));
  order.message('client', Frame.of(packed(bytes)), null, 1);
  while (pieces.length === 0 && heard.events.length === 0) {
    const { port1, port2 } = new MessageChannel();
    port2.postMessage(0);
    await once(port1, 'message');
    port1.close();
  }
  return { heard, order, budgets, pieces };
}

test('a large one is read in pieces, what follows waits, and nothing is owed afterwards', async () => {
  const { heard, order, budgets, pieces } = await startInPieces(manyValues(1));
  order.message('server', Frame.of(answer(9, 1)), null, 2);
  let count = 0;
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    assert.deepEqual(heard.events, [], 'nothing is told before all of it was read');
    assert.equal(budgets.ordinary.take(5_000_000), false);
    piece();
    count++;
  }
  assert.ok(count >= 3, `${count} pieces`);
  assert.deepEqual(heard.events, [`client 1 ${OPCODE.msg} at 1`, `server 9 ${OPCODE.msg} at 2`, 'idle']);
  assert.equal(budgets.ordinary.take(5_000_000), true);
});

test('one that is malformed further on is refused where it is read', async () => {
  const bytes = manyValues(1);
  bytes.writeInt32LE(3, bytes.indexOf('\u000329000\0', 0, 'latin1') + 7);
  const { heard, budgets, pieces } = await startInPieces(bytes);
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) piece();
  assert.deepEqual(heard.faults, []);
  assert.equal(heard.events.length, 2);
  assert.match(heard.events[0] ?? '', /^client 1 (invalid_bson|bad_sequence)/);
  assert.equal(budgets.ordinary.take(5_000_000), true);
});

test('a stop between two pieces ends it, and the budget comes back', async () => {
  const { heard, order, budgets, pieces } = await startInPieces(manyValues(1));
  order.stop();
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) piece();
  assert.deepEqual(heard.events, []);
  assert.equal(budgets.ordinary.take(5_000_000), true);
});
