// Compressed messages above 4 MB in conversations: read like any other, within one budget for all of them.
// Does not test the bounds of what waits: message-order.large.test.ts does.
// Invariant: the budget is whole again on every way out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPRESSORS, deflate, Frame, MAX_MESSAGE_BYTES, OPCODE } from '../../../codecs/index.ts';
import type { Conversation, SnifferParts } from '../../../src/sniff/conversation.ts';
import { LARGE_INFLATION_BYTES } from '../../../src/sniff/sniffer.ts';
import { answer, ask, lend, makeRig, noise, type SniffRig } from './sniff-rig.ts';

const packed = (bytes: Buffer, compressor: number = COMPRESSORS.zlib): Buffer =>
  Buffer.from(deflate(Frame.of(Buffer.from(bytes)), compressor).bytes);

const DOCUMENTS = Array.from({ length: 5 }, () => ({ data: noise(1_000_000) }));
const REQUEST = packed(ask(1, { insert: 'items', documents: DOCUMENTS, comment: 'bulk.ts:4' }));
const REPLY = packed(answer(2, 1, { cursor: { firstBatch: DOCUMENTS, id: 0n, ns: 'shop.items' } }));
const HALF = REQUEST.subarray(0, 2_500_000);

interface Rig {
  readonly rig: SniffRig;
  readonly conversation: Conversation;
  /** When so many operations are finished. */
  finished(count: number): Promise<void>;
}

function start(more: Partial<SnifferParts> = {}): Rig {
  let tell = (): void => undefined;
  const rig = makeRig({ ...more, events: { onFinished: () => tell(), ...more.events } });
  const finished = async (count: number): Promise<void> => {
    while (rig.finished.length < count) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
  };
  return { rig, conversation: rig.open(), finished };
}

function inPieces(bytes: Buffer, each: (chunk: Buffer) => void): void {
  for (let at = 0; at < bytes.length; at += 65_536) lend(bytes.subarray(at, at + 65_536), each);
}

test('a large request and a large reply are read, and cost only what has come of them', async () => {
  assert.ok(REQUEST.length > 4_900_000 && REPLY.length > 4_900_000);
  const { rig, conversation, finished } = start();
  let given = 0;
  inPieces(REQUEST, (chunk) => {
    conversation.clientBytes(chunk, 1);
    given += chunk.length;
    const isWhole = given === REQUEST.length;
    assert.ok(rig.sniffer.largeBytes <= (isWhole ? 12_000_000 : 2 * given));
  });
  assert.ok(rig.sniffer.largeBytes > REQUEST.length, 'it is being inflated');
  inPieces(REPLY, (chunk) => conversation.serverBytes(chunk, 5));
  await finished(1);
  assert.deepEqual(
    rig.finished.map((one) => [one.command, one.callSite, one.outcome, one.returned, one.requestBytes, one.replyBytes]),
    [['insert', 'bulk.ts:4', 'ok', 5, REQUEST.length, REPLY.length]],
  );
  assert.equal(rig.rows()[0]?.operations, 1);
  assert.deepEqual([rig.sniffer.largeBytes, conversation.heldBytes, [...rig.decodeErrors]], [0, 0, []]);
});

test('the largest that there can be fits the budget, in a capture as well', async () => {
  const bytes = Buffer.alloc(MAX_MESSAGE_BYTES);
  packed(ask(1, { find: 'items' }), COMPRESSORS.noop).copy(bytes);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(bytes.length - 25, 20);
  for (const inflatesAtOnce of [false, true]) {
    const { rig, conversation } = start({ inflatesAtOnce });
    inPieces(bytes, (chunk) => conversation.clientBytes(chunk, 1));
    // Found out behind the body, which is read with everything else.
    assert.deepEqual([...rig.decodeErrors], [['sniffed_client|two_bodies', 1]]);
    assert.equal(rig.sniffer.largeBytes, 0);
  }
  assert.ok(LARGE_INFLATION_BYTES >= 2 * MAX_MESSAGE_BYTES);
});

test('the budget is one for all conversations; beyond it a message passes unread, counted, and the next one is read', async () => {
  const { rig, conversation, finished } = start({ largeInflationBytes: 6_000_000 });
  const others = [rig.open(), rig.open()] as const;
  others[0].clientBytes(Buffer.from(REQUEST.subarray(0, 4_000_000)), 1);
  const taken = rig.sniffer.largeBytes;
  assert.ok(taken > 3_000_000 && taken <= 6_000_000);
  inPieces(REQUEST, (chunk) => conversation.clientBytes(chunk, 1));
  assert.deepEqual([...rig.decodeErrors], [['sniffed_client|too_large_to_read_OP_MSG', 1]]);
  assert.equal(rig.sniffer.largeBytes, taken);
  conversation.clientBytes(ask(7, { ping: 1 }), 2);
  conversation.serverBytes(answer(8, 7), 3);
  await finished(1);
  assert.equal(rig.finished[0]?.command, 'ping');
  others[0].end(4);
  assert.equal(rig.sniffer.largeBytes, 0);
});

test('collected, but without room for what comes out: counted, nothing stays taken', () => {
  const { rig, conversation } = start({ largeInflationBytes: REQUEST.length + 1_000_000 });
  inPieces(REQUEST, (chunk) => conversation.clientBytes(chunk, 1));
  assert.deepEqual([...rig.decodeErrors], [['sniffed_client|sniff_overrun', 1]]);
  assert.equal(rig.sniffer.largeBytes, 0);
});

const WAYS_OUT: readonly (readonly [string, (conversation: Conversation) => void])[] = [
  ['an end', (conversation) => conversation.end(2)],
  ['an end of the server', (conversation) => conversation.end(2, 'server')],
  ['a gap', (conversation) => conversation.clientGap(2)],
  ['framing lost in the other direction', (conversation) => conversation.serverBytes(Buffer.alloc(16, 0xff), 2)],
];

for (const [name, leave] of WAYS_OUT) {
  test(`${name} in the middle of a large message gives back what it took`, () => {
    const { rig, conversation } = start();
    conversation.clientBytes(Buffer.from(HALF), 1);
    assert.ok(rig.sniffer.largeBytes > 2_000_000);
    leave(conversation);
    assert.deepEqual([rig.sniffer.largeBytes, conversation.heldBytes], [0, 0]);
  });
}

test('a mistake of ours in the middle of a large message gives back what it took', () => {
  const { rig, conversation } = start({
    events: {
      onFinished: () => {
        throw new Error('planted');
      },
    },
  });
  conversation.clientBytes(ask(7, { ping: 1 }), 1);
  conversation.clientBytes(Buffer.from(HALF), 1);
  assert.ok(rig.sniffer.largeBytes > 2_000_000);
  conversation.serverBytes(answer(8, 7), 2);
  assert.deepEqual([rig.sniffer.largeBytes, conversation.endReason], [0, 'internal_error']);
});

test('an end while it is inflated waits for it, and gives all back', async () => {
  const { rig, conversation, finished } = start();
  inPieces(REQUEST, (chunk) => conversation.clientBytes(chunk, 1));
  conversation.end(2);
  assert.equal(rig.sniffer.conversations, 1);
  await finished(1);
  assert.deepEqual([rig.finished[0]?.outcome, rig.sniffer.largeBytes], ['client_gone', 0]);
});

test('one that was damaged is counted with its reason, and gives all back', async () => {
  const damaged = Buffer.from(REQUEST);
  damaged.fill(0x55, 1000, 2000);
  const { rig, conversation, finished } = start();
  inPieces(damaged, (chunk) => conversation.clientBytes(chunk, 1));
  conversation.clientBytes(ask(7, { ping: 1 }), 2);
  conversation.serverBytes(answer(8, 7), 3);
  await finished(1);
  assert.deepEqual([...rig.decodeErrors], [['sniffed_client|inflate_failed', 1]]);
  assert.equal(rig.sniffer.largeBytes, 0);
  const nested = Buffer.from(REQUEST);
  nested.writeInt32LE(OPCODE.compressed, 16);
  const second = start();
  inPieces(nested, (chunk) => {
    second.conversation.clientBytes(chunk, 1);
    assert.equal(second.rig.sniffer.largeBytes, 0);
  });
  assert.deepEqual([...second.rig.decodeErrors], [['sniffed_client|nested_compression', 1]]);
});
