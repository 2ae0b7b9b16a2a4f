// OP_COMPRESSED both ways, with every compressor that works in this process.
// Invariant: what comes out has exactly the declared size, and what was put in comes out again.

import assert from 'node:assert/strict';
import { COMPRESSORS, deflate, Frame, hasCompressor, inflate, loadCompressors } from '../../../codecs/index.ts';
import type { Corpus } from '../corpus.ts';
import type { Family } from '../growth.ts';
import type { Target } from '../target.ts';
import { frameTarget } from './messages.ts';

await loadCompressors();

const OP_COMPRESSED = 2012;
const OP_MSG = 2013;
const NAMES = Object.keys(COMPRESSORS) as (keyof typeof COMPRESSORS)[];
const IDS: readonly number[] = NAMES.filter(hasCompressor).map((name) => COMPRESSORS[name]);

/** A third of the corpus, with each compressor, and the compressed frames that are malformed on purpose. */
export function compressedMessages({ messages }: Corpus): readonly Buffer[] {
  const isCompressed = (bytes: Buffer): boolean => bytes.readInt32LE(12) === OP_COMPRESSED;
  const plain = messages.filter((bytes, index) => index % 3 === 0 && !isCompressed(bytes));
  const made = plain.flatMap((bytes) => IDS.map((id) => Buffer.from(deflate(Frame.of(bytes), id).bytes)));
  return [...made, ...messages.filter(isCompressed)];
}

const BOMB_BYTES = 1000;

/** Payloads that inflate to far more than they are: zeroes, with each compressor. */
const BOMBS: readonly Family[] = IDS.map((id) => ({
  name: `zeroes with compressor ${String(id)}`,
  make: (count) => deflate(Frame.of(withHeader(Buffer.alloc(count * BOMB_BYTES))), id).bytes,
  inside: BOMB_BYTES,
}));

/** An OP_MSG header in front of any payload. */
function withHeader(payload: Buffer): Buffer {
  const message = Buffer.concat([Buffer.alloc(16), payload]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(OP_MSG, 12);
  return message;
}

function readInflated(frame: Frame): unknown {
  const declared = frame.length >= 24 ? frame.bytes.readInt32LE(20) : -1;
  const inner = inflate(frame);
  assert.equal(inner.length - 16, declared, 'the real size is the declared one');
  assert.equal(inner.bytes.length, inner.length);
  assert.equal(inner.bytes.readInt32LE(0), inner.length);
  return [inner.opcode, inner.requestId, inner.responseTo, inner.wireBytes, inner.bytes];
}

function readRoundTrip(frame: Frame): unknown {
  return IDS.map((id) => {
    const outer = deflate(frame, id);
    const inner = inflate(Frame.of(Buffer.from(outer.bytes)));
    assert.deepEqual(inner.bytes.subarray(4), frame.bytes.subarray(4));
    return outer.length;
  });
}

/** A message with any payload but an opcode that may be compressed. */
function repairPlain(message: Buffer): void {
  if (message.length >= 16) {
    message.writeInt32LE(message.length, 0);
    message.writeInt32LE(OP_MSG, 12);
  }
}

function repairCompressed(message: Buffer): void {
  if (message.length >= 16) {
    message.writeInt32LE(message.length, 0);
    message.writeInt32LE(OP_COMPRESSED, 12);
  }
}

export const COMPRESSED_TARGETS: readonly Target[] = [
  frameTarget('inflate', readInflated, { seeds: compressedMessages, families: BOMBS, repair: repairCompressed }),
  frameTarget('deflate', readRoundTrip, { repair: repairPlain }),
];
