// Readers that keep a state between chunks: the same stream is cut differently each time and must give the same.
// Invariant: what a reader says it holds is never more than it was given.

import assert from 'node:assert/strict';
import { DecodeError, Framer, MAX_MESSAGE_BYTES } from '../../../codecs/index.ts';
import { cut } from '../chunks.ts';
import type { Corpus } from '../corpus.ts';
import { STREAM_FAMILIES } from '../growth.ts';
import { Random } from '../random.ts';
import type { Target } from '../target.ts';

/** Longer ones in single bytes would take all the time. */
const LONGEST_STREAMED_BYTES = 4096;

/** Each message with two others behind it; the same ones for the same corpus. */
export function streamsOf(corpus: Corpus): readonly Buffer[] {
  const random = new Random(1);
  const messages = corpus.messages.filter(({ length }) => length <= LONGEST_STREAMED_BYTES);
  return messages.map((message) => Buffer.concat([message, random.pick(messages), random.pick(messages)]));
}

function readFramer(input: Buffer, random: Random): unknown {
  const seen: unknown[] = [];
  const framer = new Framer({
    onFrame: (frame) => seen.push([frame.length, frame.opcode, frame.requestId, frame.responseTo, frame.bytes]),
  });
  let given = 0;
  try {
    for (const chunk of cut(input, random)) {
      given += chunk.length;
      framer.push(chunk);
      assert.ok(framer.heldBytes <= Math.min(given, MAX_MESSAGE_BYTES), 'holds no more than it was given');
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) {
      throw error;
    }
    seen.push(`refused: ${error.reason}`);
    assert.equal(framer.heldBytes, 0, 'nothing is held after a refusal');
    framer.push(input);
  }
  return seen;
}

export const STREAM_TARGETS: readonly Target[] = [
  { name: 'framer', seeds: streamsOf, families: STREAM_FAMILIES, read: readFramer },
];
