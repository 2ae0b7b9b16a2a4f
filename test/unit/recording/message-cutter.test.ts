// How one direction is cut into messages for the recorder: from its start, from its middle, too large, not MongoDB.
// Does not redact. Invariant: what the cutter holds is given back to the budget.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeMessage } from '../../../codecs/index.ts';
import { type HeldBudget, MAX_HELD_BYTES, MessageCutter } from '../../../src/recording/message-cutter.ts';

const messages = [1, 2, 3].map((id) => encodeMessage({ ping: id, $db: 'admin', pad: 'p'.repeat(id * 40) }, id, 0));
const stream = Buffer.concat(messages);

interface Seen {
  readonly events: string[];
  readonly budget: HeldBudget;
  readonly cutter: MessageCutter;
}

function open(isFresh: boolean, left = 10_000_000): Seen {
  const events: string[] = [];
  const budget = { left };
  const cutter = new MessageCutter(
    {
      onMessage: (frame) => {
        assert.ok(frame.bytes.equals(messages[frame.requestId - 1] ?? Buffer.alloc(0)));
        events.push(`message ${frame.requestId}`);
      },
      onTooLarge: (header, length) => {
        events.push(`too large ${header.readInt32LE(4)} ${length}`);
        assert.ok(header.buffer.byteLength <= Buffer.poolSize, 'what was let go is still held by its header');
      },
      onLost: (reason) => events.push(`lost ${reason}`),
    },
    budget,
    isFresh,
  );
  return { events, budget, cutter };
}

const ALL = ['message 1', 'message 2', 'message 3'];

test('whole, byte by byte and in two parts it gives the same messages and holds nothing at the end', () => {
  for (let cut = 0; cut < stream.length; cut++) {
    const { events, budget, cutter } = open(true);
    cutter.push(stream.subarray(0, cut));
    cutter.push(stream.subarray(cut));
    assert.deepEqual(events, ALL, `cut at ${cut}`);
    assert.equal(budget.left, 10_000_000);
  }
  const { events, cutter } = open(true);
  for (const byte of stream) cutter.push(Buffer.from([byte]));
  assert.deepEqual(events, ALL);
});

test('what is held is a copy', () => {
  const { events, cutter } = open(true);
  const chunk = Buffer.from(stream.subarray(0, 50));
  cutter.push(chunk);
  chunk.fill(0xff);
  cutter.push(stream.subarray(50));
  assert.deepEqual(events, ALL);
});

describe('begun in mid-connection', () => {
  test('it waits for a chunk that begins with a header', () => {
    const { events, cutter } = open(false);
    const [first = stream] = messages;
    cutter.push(first.subarray(20));
    cutter.push(Buffer.from('nothing that looks like a header at all'));
    cutter.push(Buffer.alloc(3));
    cutter.push(stream.subarray(first.length));
    assert.deepEqual(events, ['message 2', 'message 3']);
  });

  test('a header behind which no header follows is none', () => {
    const { events, cutter } = open(false);
    const [first = stream] = messages;
    const fake = Buffer.from(first.subarray(0, 40));
    fake.writeInt32LE(20, 0);
    cutter.push(fake);
    cutter.push(stream);
    assert.deepEqual(events, ALL);
  });
});

describe('a message that is not held', () => {
  test('because it is too large: its header is, and the next message is read', () => {
    const { events, budget, cutter } = open(true);
    const large = Buffer.alloc(MAX_HELD_BYTES + 1);
    large.writeInt32LE(large.length, 0);
    large.writeInt32LE(77, 4);
    large.writeInt32LE(2013, 12);
    for (let at = 0; at < large.length; at += 60_000) {
      cutter.push(large.subarray(at, at + 60_000));
      assert.ok(budget.left >= 10_000_000 - 16);
    }
    cutter.push(stream);
    assert.deepEqual(events, [`too large 77 ${large.length}`, ...ALL]);
    assert.equal(budget.left, 10_000_000);
  });

  test('because the budget is used up', () => {
    const { events, budget, cutter } = open(true, 120);
    for (let at = 0; at < stream.length; at += 10) cutter.push(stream.subarray(at, at + 10));
    assert.deepEqual(events, ['message 1', `too large 2 ${messages[1]?.length}`, `too large 3 ${messages[2]?.length}`]);
    assert.equal(budget.left, 120);
  });
});

test('a message that was held in part when the budget ran out is held no longer', () => {
  const { events, budget, cutter } = open(true, 600_000);
  const large = Buffer.alloc(1_000_000);
  large.writeInt32LE(large.length, 0);
  large.writeInt32LE(78, 4);
  large.writeInt32LE(2013, 12);
  for (let at = 0; at < large.length; at += 60_000) cutter.push(large.subarray(at, at + 60_000));
  assert.deepEqual(events, [`too large 78 ${large.length}`]);
  assert.equal(budget.left, 600_000);
});

describe('not MongoDB', () => {
  const cases: readonly (readonly [string, Buffer])[] = [
    ['lost tls', Buffer.from('16030100f8010000f40303aabbccddeeff00112233', 'hex')],
    ['lost http', Buffer.from('GET /metrics HTTP/1.1\r\n\r\n')],
    ['lost lost_framing', Buffer.alloc(64)],
  ];
  for (const [event, bytes] of cases) {
    test(event, () => {
      const { events, budget, cutter } = open(true);
      cutter.push(bytes);
      cutter.push(stream);
      assert.deepEqual(events, [event]);
      assert.equal(budget.left, 10_000_000);
    });
  }
});
