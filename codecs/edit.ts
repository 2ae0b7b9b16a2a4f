// Named edits on a whole message, each of the same width or a cut at the end.
// Does not re-encode documents: that is decode, change, encode, and counted by whoever does it.
// Invariant: after an edit the frame is still a well-formed message.

import { readInt32, writeInt32 } from './bytes.ts';
import { crc32c } from './crc32c.ts';
import { Frame } from './frame.ts';
import { HEADER_BYTES } from './limits.ts';
import { MSG_FLAG } from './op-msg.ts';
import { OPCODE } from './opcode.ts';

const FLAGS_AT = HEADER_BYTES;
const CHECKSUM_BYTES = 4;

/** flagBits of an OP_MSG, 0 for any other opcode or a message too short to have them. Never throws. */
export function readFlagBits(frame: Frame): number {
  return frame.opcode === OPCODE.msg && frame.length >= FLAGS_AT + 4 ? readInt32(frame.bytes, FLAGS_AT) : 0;
}

/** Whether the sender expects no answer; readable even on a frame that the command reader refused. */
export function isMoreToCome(frame: Frame): boolean {
  return (readFlagBits(frame) & MSG_FLAG.moreToCome) !== 0;
}

/** Clears exhaustAllowed in place, so that the server answers once instead of streaming. */
export function clearExhaustAllowed(frame: Frame): void {
  const flagBits = readFlagBits(frame);
  if ((flagBits & MSG_FLAG.exhaustAllowed) !== 0) {
    writeInt32(frame.bytes, FLAGS_AT, flagBits & ~MSG_FLAG.exhaustAllowed);
  }
}

/**
 * The same message without its checksum, sharing the bytes; the frame itself if it has none. Offsets of a view on the
 * old frame stay right for the new one: only the last four bytes go.
 */
export function stripChecksum(frame: Frame): Frame {
  const flagBits = readFlagBits(frame);
  if ((flagBits & MSG_FLAG.checksumPresent) === 0 || frame.length < FLAGS_AT + 4 + CHECKSUM_BYTES) {
    return frame;
  }
  const bytes = frame.bytes.subarray(0, frame.length - CHECKSUM_BYTES);
  writeInt32(bytes, 0, bytes.length);
  writeInt32(bytes, FLAGS_AT, flagBits & ~MSG_FLAG.checksumPresent);
  return Frame.of(bytes);
}

/**
 * Makes the checksum of an OP_MSG right again, in place, after an edit (an id, a flag). Never throws; without the
 * checksum flag nothing is done.
 */
export function recomputeChecksum(frame: Frame): void {
  if ((readFlagBits(frame) & MSG_FLAG.checksumPresent) === 0 || frame.length < FLAGS_AT + 4 + CHECKSUM_BYTES) return;
  const { bytes } = frame;
  const at = bytes.length - CHECKSUM_BYTES;
  writeInt32(bytes, at, crc32c(bytes, 0, at));
}
