// A large reply that passes without ever being whole here: what it means, read while its parts go by.
// Does not hold, check or change what passes; the one edit is patchResponseTo.
// Invariant: finish() gives the view that readReply gives of the same reply, except for the large values that were left out.

import { writeInt32 } from './bytes.ts';
import { Condenser } from './condenser.ts';
import type { FrameHead } from './framer.ts';
import { HEADER_BYTES } from './limits.ts';
import { hasUnknownRequiredFlag, MSG_FLAG } from './op-msg.ts';
import { OPCODE } from './opcode.ts';
import type { ReplyView } from './reply-view.ts';
import { readSkimmedReply } from './skimmed-views.ts';

const RESPONSE_TO_AT = 8;

/** Whether a reply can pass as it is: a plain OP_MSG without a checksum, which would have to go, and the last of its kind. */
export function isPassable({ opcode, flagBits }: FrameHead): boolean {
  const unwanted = MSG_FLAG.checksumPresent | MSG_FLAG.moreToCome;
  return opcode === OPCODE.msg && (flagBits & unwanted) === 0 && !hasUnknownRequiredFlag(flagBits);
}

/** Writes responseTo into the first part of a message. */
export function patchResponseTo(head: Buffer, id: number): void {
  writeInt32(head, RESPONSE_TO_AT, id);
}

/** One per reply. */
export class PassingReply {
  #condenser: Condenser | null = null;

  /** The next bytes; the first part has the header. @throws DecodeError */
  write(part: Buffer): void {
    if (this.#condenser === null) {
      this.#condenser = new Condenser(part.subarray(0, HEADER_BYTES));
      this.#condenser.write(part, HEADER_BYTES, part.length);
    } else {
      this.#condenser.write(part, 0, part.length);
    }
  }

  /** After the last part. @throws DecodeError as readReply. */
  finish(): ReplyView {
    const condenser = this.#condenser;
    if (condenser === null) {
      throw new RangeError('a reply needs its header');
    }
    return readSkimmedReply(condenser.finish(), condenser.counts);
  }
}
