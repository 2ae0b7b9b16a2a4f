// The time limit of a command, changed in the message: the one named exception to verbatim forwarding.
// It decides no limits. Invariant: after it the frame is still a well-formed message with one maxTimeMS; nothing else moved
// but what an insertion must move: two lengths, and the bytes behind the body.

import { writeInt32 } from './bytes.ts';
import type { CommandView } from './command-view.ts';
import { stripChecksum } from './edit.ts';
import { BSON_TYPE } from './element-cursor.ts';
import { Frame } from './frame.ts';
import { MAX_DOCUMENT_BYTES } from './limits.ts';
import { OPCODE } from './opcode.ts';

const NAME: Buffer = Buffer.from('maxTimeMS\0', 'latin1');
/** Type byte, name, int32. */
const ELEMENT_BYTES = 1 + NAME.length + 4;
const LONGEST_MS = 2_147_483_647;

/** Where a maxTimeMS stands in a frame and what type it has, as a command view says. */
export interface MaxTimePlace {
  readonly offset: number;
  readonly type: number;
}

/**
 * Where the command's maxTimeMS can be patched: a number that a server takes for a limit. Null: it has none, or one that is
 * the server's to judge. The place is right for `command.frame` and for that frame without its checksum, for no other.
 */
export function maxTimePlace(command: CommandView): MaxTimePlace | null {
  return command.maxTimeOffset < 0 ? null : { offset: command.maxTimeOffset, type: command.maxTimeType };
}

/** Writes a limit over the one that stands there, in its own type. @param ms whole, 1 to 2^31 - 1; what is beyond is cut. */
export function patchMaxTime(frame: Frame, place: MaxTimePlace, ms: number): void {
  const { bytes } = frame;
  const value = Math.min(Math.max(Math.trunc(ms), 1), LONGEST_MS);
  switch (place.type) {
    case BSON_TYPE.int32:
      writeInt32(bytes, place.offset, value);
      return;
    case BSON_TYPE.int64:
      writeInt32(bytes, place.offset, value);
      writeInt32(bytes, place.offset + 4, 0);
      return;
    case BSON_TYPE.double:
      bytes.writeDoubleLE(value, place.offset);
      return;
    default:
      throw new RangeError(`no number of BSON type ${place.type} can be patched`);
  }
}

/** Whether a maxTimeMS may be added: an OP_MSG without one, and with room for it. */
export function mayInsertMaxTime(command: CommandView): boolean {
  const hasRoom = command.bodyEnd - command.bodyStart + ELEMENT_BYTES <= MAX_DOCUMENT_BYTES;
  return command.opcode === OPCODE.msg && command.maxTimeType === 0 && hasRoom;
}

/**
 * A copy of the command with `maxTimeMS: 1` (int32) as the body's last field, its checksum stripped, and where to patch it.
 * The command's own frame is left alone. @throws RangeError unless mayInsertMaxTime().
 */
export function insertMaxTime(command: CommandView): { frame: Frame; place: MaxTimePlace } {
  if (!mayInsertMaxTime(command)) throw new RangeError('maxTimeMS cannot be inserted here');
  const source = stripChecksum(command.frame).bytes;
  const end = command.bodyEnd - 1;
  const bytes = Buffer.allocUnsafe(source.length + ELEMENT_BYTES);
  source.copy(bytes, 0, 0, end);
  bytes[end] = BSON_TYPE.int32;
  NAME.copy(bytes, end + 1);
  const offset = end + 1 + NAME.length;
  writeInt32(bytes, offset, 1);
  source.copy(bytes, offset + 4, end);
  writeInt32(bytes, 0, bytes.length);
  writeInt32(bytes, command.bodyStart, command.bodyEnd - command.bodyStart + ELEMENT_BYTES);
  return { frame: Frame.of(bytes), place: { offset, type: BSON_TYPE.int32 } };
}
