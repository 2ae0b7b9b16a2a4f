// The framer and its frames: what is held, what is refused and when, what is shared and what is copied.
// Does not read bodies.
// Invariant: every case says how many bytes the framer may hold.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DecodeError,
  encodeMessage,
  Frame,
  type FrameHead,
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

describe('a frame that somebody takes as it comes', () => {
  const BODY = Buffer.from(Array.from({ length: 300 }, (_, index) => index % 251));
  const LARGE = Buffer.concat([header(16 + BODY.length), BODY]);
  LARGE.writeInt32LE(-9, 8);

  interface Taken {
    readonly heads: FrameHead[];
    readonly parts: Buffer[];
    readonly frames: Frame[];
    ends: number;
  }

  /** A framer with a sink for frames above 200 bytes, unless `isRefused`. */
  function makeTaker(isRefused = false): { framer: Framer; taken: Taken } {
    const taken: Taken = { heads: [], parts: [], frames: [], ends: 0 };
    const framer: Framer = new Framer({
      onFrame: (frame) => taken.frames.push(frame),
      large: {
        beyondBytes: 200,
        open: (head) => {
          taken.heads.push(head);
          if (isRefused) return null;
          return {
            write: (part) => void taken.parts.push(part),
            end: () => {
              assert.equal(framer.heldBytes, 0);
              taken.ends++;
            },
          };
        },
      },
    });
    return { framer, taken };
  }

  test('gets every byte once, wherever it is cut, and what follows is a frame again', () => {
    const stream = Buffer.concat([MESSAGE, LARGE, MESSAGE]);
    for (let cut = 1; cut < stream.length; cut++) {
      for (const second of [cut + 1, cut + 7, stream.length - 3]) {
        const { framer, taken } = makeTaker();
        const cuts = second > cut && second < stream.length ? [cut, second] : [cut];
        for (const chunk of cutAt(Buffer.from(stream), cuts)) framer.push(chunk);
        const whole = taken.ends === 0 ? taken.frames.splice(1, 1)[0]?.bytes : Buffer.concat(taken.parts);
        assert.ok(whole?.equals(LARGE), `cut at ${cuts.join()}`);
        assert.equal(taken.frames.length, 2);
        assert.equal(framer.heldBytes, 0);
        assert.ok(taken.ends === 0 || (taken.parts[0]?.length ?? 0) >= HEADER_BYTES + 4);
      }
    }
  });

  test('in single bytes: asked once, at the first moment, and counted to its end', () => {
    const { framer, taken } = makeTaker();
    for (const [at, byte] of LARGE.entries()) {
      assert.equal(framer.heldBytes, at);
      assert.equal(taken.heads.length, at < 20 ? 0 : 1, `${at} bytes`);
      framer.push(Buffer.from([byte]));
    }
    assert.deepEqual(taken.heads, [{ length: 316, responseTo: -9, opcode: OPCODE.msg, flagBits: BODY.readInt32LE(0) }]);
    assert.equal(taken.ends, 1);
    assert.equal(taken.frames.length, 0);
  });

  test('is collected when nobody wants it, and is not asked for again', () => {
    const { framer, taken } = makeTaker(true);
    for (const chunk of cutAt(LARGE, [18, 25, 100, 250])) framer.push(chunk);
    assert.equal(taken.heads.length, 1);
    assert.ok(taken.frames[0]?.bytes.equals(LARGE));
  });

  test('one that fits the chunk, or is small, is nobody\u2019s', () => {
    const { framer, taken } = makeTaker();
    framer.push(Buffer.concat([LARGE, LARGE]));
    for (const chunk of cutAt(MESSAGE, [20])) framer.push(chunk);
    assert.equal(taken.heads.length, 0);
    assert.equal(taken.frames.length, 3);
  });

  test('a sink that throws kills the framer, and one that stops it ends the delivery', () => {
    const throwing = new Framer({
      onFrame: () => assert.fail('no frame'),
      large: {
        beyondBytes: 200,
        open: () => ({
          write: () => {
            throw new RangeError('sink');
          },
          end: () => assert.fail('no end'),
        }),
      },
    });
    assert.throws(() => throwing.push(LARGE.subarray(0, 30)), RangeError);
    assert.equal(throwing.heldBytes, 0);
    let parts = 0;
    const stopping: Framer = new Framer({
      onFrame: () => assert.fail('no frame'),
      large: {
        beyondBytes: 200,
        open: () => ({
          write: () => {
            if (++parts === 2) stopping.stop();
          },
          end: () => assert.fail('no end'),
        }),
      },
    });
    for (const chunk of cutAt(Buffer.concat([LARGE, MESSAGE]), [30])) stopping.push(chunk);
    assert.equal(parts, 2);
    const refusing: Framer = new Framer({
      onFrame: () => assert.fail('no frame'),
      large: {
        beyondBytes: 200,
        open: () => {
          refusing.stop();
          return null;
        },
      },
    });
    for (const chunk of cutAt(Buffer.concat([LARGE, MESSAGE]), [30])) refusing.push(chunk);
    assert.equal(refusing.heldBytes, 0);
  });
});
