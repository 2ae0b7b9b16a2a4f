// Edits of a whole message: flags, checksums. What the reader makes of a checksum is in op-msg.test.ts.
// Invariant: after an edit the message is read again without complaint.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  crc32c,
  encodeMessage,
  encodeReply,
  Frame,
  MSG_FLAG,
  readCommand,
  recomputeChecksum,
  stripChecksum,
} from '../../../codecs/index.ts';

/** A ping with a right checksum. */
function checksummed(): Frame {
  const bytes = Buffer.concat([encodeMessage({ ping: 1, $db: 'admin' }, 7, 0), Buffer.alloc(4)]);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(MSG_FLAG.checksumPresent, 16);
  bytes.writeUInt32LE(crc32c(bytes, 0, bytes.length - 4), bytes.length - 4);
  return Frame.of(bytes);
}

test('a changed id makes the checksum wrong, and recomputing makes it right again', () => {
  const frame = checksummed();
  assert.equal(readCommand(frame).name, 'ping');
  frame.setRequestId(8);
  assert.throws(() => readCommand(frame), { reason: 'bad_checksum' });
  recomputeChecksum(frame);
  assert.equal(readCommand(frame).name, 'ping');
  assert.equal(frame.requestId, 8);
});

test('a message in pieces is recomputed as a whole', () => {
  const { bytes } = checksummed();
  const frame = new Frame(bytes.length, [Buffer.from(bytes.subarray(0, 20)), Buffer.from(bytes.subarray(20))]);
  frame.setRequestId(9);
  recomputeChecksum(frame);
  assert.equal(readCommand(frame).name, 'ping');
});

test('without a checksum nothing is recomputed, and nothing is stripped', () => {
  const cut = checksummed().bytes.subarray(0, 22);
  for (const bytes of [encodeMessage({ ping: 1 }, 7, 0), encodeReply({ ok: 1 }, 7, 0), cut]) {
    const before = Buffer.from(bytes);
    recomputeChecksum(Frame.of(bytes));
    assert.ok(bytes.equals(before));
    assert.equal(stripChecksum(Frame.of(bytes)).length, bytes.length);
  }
});
