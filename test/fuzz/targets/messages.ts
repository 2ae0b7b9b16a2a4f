// Readers of one whole message, each given the damaged message as a frame.
// Invariant: what a target returns holds every lazy value too, so that none of them escapes.

import assert from 'node:assert/strict';
import {
  clearExhaustAllowed,
  crc32c,
  Frame,
  isMoreToCome,
  readAnyReply,
  readAnyRequest,
  readCommand,
  readFlagBits,
  readReply,
  recomputeChecksum,
  redactMessage,
  stripChecksum,
} from '../../../codecs/index.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';
import { describeCommand, describeReply } from '../../unit/codecs/check.ts';
import type { Corpus } from '../corpus.ts';
import { FAMILIES } from '../growth.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';

const OP_MSG = 2013;
const OP_COMPRESSED = 2012;
const CHECKSUM_PRESENT = 1;

/** Right length, right checksum: nearly always, because a framer lets nothing else pass. */
export function repairMessage(message: Buffer, random: Random): void {
  if (message.length < 16 || random.oneIn(16)) {
    return;
  }
  message.writeInt32LE(message.length, 0);
  const isMessage = message.length >= 24 && message.readInt32LE(12) === OP_MSG;
  if (isMessage && (message.readInt32LE(16) & CHECKSUM_PRESENT) !== 0 && !random.oneIn(4)) {
    message.writeUInt32LE(crc32c(message, 0, message.length - 4), message.length - 4);
  }
}

/** A target over one frame; an input below 16 bytes can be no frame, because the framer holds it. */
export function frameTarget(name: string, read: (frame: Frame) => unknown, more: Partial<Target> = {}): Target {
  return {
    name,
    seeds: ({ messages }: Corpus) => messages,
    families: FAMILIES,
    read: (input) => (input.length < 16 ? null : read(Frame.of(input))),
    repair: repairMessage,
    ...more,
  };
}

function editAll(frame: Frame): unknown {
  const before = [readFlagBits(frame), isMoreToCome(frame)];
  clearExhaustAllowed(frame);
  const stripped = stripChecksum(frame);
  frame.setRequestId(7);
  stripped.setResponseTo(9);
  recomputeChecksum(frame);
  return [before, stripped.bytes, frame.length, stripped.length, stripped.requestId];
}

const MOST_INFLATED_BYTES = 100_000;

/** Redaction keeps header and size of what is not compressed, and what it leaves is redacted already. */
function redactAll(frame: Frame): unknown {
  return (['client', 'server'] as const).map((from) => {
    const options = { from, keepsValues: false, maxInflatedBytes: MOST_INFLATED_BYTES };
    const { bytes, isSecret } = redactMessage(frame, options);
    if (frame.opcode !== OP_COMPRESSED) {
      assert.equal(bytes.length, frame.length, 'the size is kept');
      assert.deepEqual(bytes.subarray(0, 16), frame.bytes.subarray(0, 16), 'the header is kept');
    }
    const again = redactMessage(Frame.of(Buffer.from(bytes)), options);
    assert.deepEqual(again.bytes, bytes, 'redacting twice changes nothing more');
    return [bytes, isSecret, redactMessage(frame, { ...options, keepsValues: true }).bytes];
  });
}

export const MESSAGE_TARGETS: readonly Target[] = [
  frameTarget('command', (frame) => describeCommand(readCommand(frame))),
  frameTarget('reply', (frame) => describeReply(readReply(frame))),
  frameTarget('any-request', (frame) => describeCommand(readAnyRequest(frame))),
  frameTarget('any-reply', (frame) => describeReply(readAnyReply(frame))),
  frameTarget('redact', redactAll),
  frameTarget('edit', editAll, { changesInput: true }),
  frameTarget('call-site', (frame) => new CallSites().of(readCommand(frame))),
];
