// The framer and its frames: what is held, what is refused and when, what is shared and what is copied.
// Does not read bodies.
// Invariant: every case says how many bytes the framer may hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DecodeError,
  encodeMessage,
  Frame,
  Framer,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  OPCODE,
} from '../../../codecs/index.ts';
import { cutAt, frameAll } from './check.ts';

const MESSAGE = encodeMessage({ ping: 1, $db: 'admin' }, 7, 3);

function header(length: number, opcode: number = OPCODE.msg): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeInt32LE(length, 0);
  bytes.writeInt32LE(opcode, 12);
  return bytes;
}

function reasonOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof DecodeError);
    return error.reason;
  }
  return '';
}

test('a header is judged at its 16th byte, however it comes, and nothing is held afterwards', () => {
  for (const [bytes, reason] of [
    [header(15), 'length_too_small'],
    [header(0), 'length_too_small'],
    [header(-2147483648), 'length_too_small'],
    [header(MAX_MESSAGE_BYTES + 1), 'length_too_large'],
    [header(100, 2009), 'unknown_opcode'],
  ] as const) {
    for (let cut = 1; cut < HEADER_BYTES; cut++) {
      const framer = new Framer({ onFrame: () => assert.fail('no frame') });
      framer.push(Buffer.from(bytes.subarray(0, cut)));
      assert.equal(framer.heldBytes, cut);
      assert.equal(
        reasonOf(() => framer.push(Buffer.from(bytes.subarray(cut)))),
        reason,
      );
      assert.equal(framer.heldBytes, 0);
      framer.push(MESSAGE);
      assert.equal(framer.heldBytes, 0, 'dead after a throw');
    }
  }
});

test('the largest and the smallest message pass, the limit can only be lowered', () => {
  assert.equal(frameAll([header(16)]).length, 1);
  const framer = new Framer({ onFrame: () => undefined });
  framer.push(header(MAX_MESSAGE_BYTES));
  assert.equal(framer.heldBytes, 16);
  const lower = new Framer({ onFrame: () => undefined, maxMessageBytes: 1000 });
  assert.equal(
    reasonOf(() => lower.push(header(1001))),
    'length_too_large',
  );
  const higher = new Framer({ onFrame: () => undefined, maxMessageBytes: MAX_MESSAGE_BYTES * 2 });
  assert.equal(
    reasonOf(() => higher.push(header(MAX_MESSAGE_BYTES + 1))),
    'length_too_large',
  );
});

test('accepts narrows the opcodes', () => {
  const framer = new Framer({ onFrame: () => undefined, accepts: (opcode) => opcode === OPCODE.query });
  assert.equal(
    reasonOf(() => framer.push(MESSAGE)),
    'unknown_opcode',
  );
});

test('frames before a bad header are delivered first', () => {
  const seen: number[] = [];
  const framer = new Framer({ onFrame: (frame) => seen.push(frame.requestId) });
  assert.equal(
    reasonOf(() => framer.push(Buffer.concat([MESSAGE, MESSAGE, header(3)]))),
    'length_too_small',
  );
  assert.deepEqual(seen, [7, 7]);
});

test('stop ends the delivery inside a chunk', () => {
  let frames = 0;
  const framer: Framer = new Framer({
    onFrame: () => {
      frames++;
      framer.stop();
    },
  });
  framer.push(Buffer.concat([MESSAGE, MESSAGE]));
  framer.push(MESSAGE);
  assert.equal(frames, 1);
  assert.equal(framer.heldBytes, 0);
});

test('stop drops a half frame', () => {
  const framer = new Framer({ onFrame: () => assert.fail('no frame') });
  framer.push(Buffer.from(MESSAGE.subarray(0, 20)));
  framer.stop();
  assert.equal(framer.heldBytes, 0);
});

test('an error of the receiver passes through and kills the framer', () => {
  const framer = new Framer({
    onFrame: () => {
      throw new RangeError('receiver');
    },
  });
  assert.throws(() => framer.push(MESSAGE), RangeError);
  framer.push(MESSAGE);
  assert.equal(framer.heldBytes, 0);
});

test('a frame shares the bytes of the chunk that held it whole', () => {
  const chunk = Buffer.concat([MESSAGE, MESSAGE]);
  const [first, second] = frameAll([chunk]);
  assert.ok(first && second);
  assert.equal(first.bytes.buffer, chunk.buffer);
  assert.equal(second.bytes.byteOffset, chunk.byteOffset + MESSAGE.length);
});

test('chunks are kept apart until somebody reads bytes', () => {
  const body = Buffer.alloc(100_000, 1);
  const message = Buffer.concat([header(16 + body.length), body]);
  const [frame] = frameAll(cutAt(message, [30_000, 60_000]));
  assert.ok(frame);
  assert.deepEqual(
    frame.chunks.map((chunk) => chunk.length),
    [30_000, 30_000, 40_016],
  );
  frame.setRequestId(-5);
  frame.setResponseTo(6);
  const joined = frame.bytes;
  assert.equal(frame.chunks.length, 1);
  assert.equal(frame.bytes, joined);
  assert.equal(joined.readInt32LE(4), -5);
  assert.equal(joined.readInt32LE(8), 6);
  frame.setRequestId(2_000_000_000);
  assert.equal(frame.chunks[0]?.readInt32LE(4), 2_000_000_000);
  assert.equal(frame.requestId, 2_000_000_000);
});

test('a header across chunks becomes the first chunk, so that ids can be patched', () => {
  for (let cut = 1; cut < HEADER_BYTES; cut++) {
    const [frame] = frameAll(cutAt(MESSAGE, [cut]));
    assert.ok(frame);
    assert.equal(frame.chunks[0]?.length, HEADER_BYTES);
    frame.setRequestId(41);
    assert.equal(frame.bytes.readInt32LE(4), 41);
  }
});

test('very many tiny chunks are gathered', () => {
  const body = Buffer.alloc(50_000, 7);
  const message = Buffer.concat([header(16 + body.length), body]);
  const [frame] = frameAll(Array.from(message, (byte) => Buffer.from([byte])));
  assert.ok(frame);
  assert.ok(frame.chunks.length < 20, `${frame.chunks.length} chunks`);
  assert.ok(frame.bytes.equals(message));
});

test('tiny and large chunks in turn keep their order', () => {
  const body = Buffer.from(Array.from({ length: 60_000 }, (_, index) => index % 251));
  const message = Buffer.concat([header(16 + body.length), body]);
  const cuts: number[] = [];
  for (let at = 20; at < message.length; at += cuts.length % 3 === 0 ? 2500 : 3) {
    cuts.push(at);
  }
  const [frame] = frameAll(cutAt(message, cuts));
  assert.ok(frame?.bytes.equals(message));
});

test('empty chunks mean nothing', () => {
  assert.equal(frameAll([Buffer.alloc(0), MESSAGE, Buffer.alloc(0)]).length, 1);
});

test('a frame without its header is a mistake of the caller', () => {
  assert.throws(() => Frame.of(Buffer.alloc(15)), RangeError);
});
