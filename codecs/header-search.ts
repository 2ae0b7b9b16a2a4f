// Finds the next message in a stream whose place was lost: a capture with a gap, or one that starts in mid-stream.
// Does not cut messages: it says where the skimmer goes on.
// Invariant: holds less than one look-ahead of bytes between two chunks; the work per byte is constant.

import { byteAt, readInt32 } from './bytes.ts';
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from './limits.ts';
import { hasUnknownRequiredFlag, MSG_FLAG } from './op-msg.ts';
import { isKnownOpcode, OPCODE } from './opcode.ts';

/** Where to go on; `bytes` is the chunk, perhaps with what was kept of the one before. */
export interface FoundHeader {
  readonly bytes: Buffer;
  readonly at: number;
  readonly skippedBytes: number;
}

/** Bytes behind a header's start that are looked at: header, flags, section kind, length of the body. */
const LOOK_BYTES = HEADER_BYTES + 4 + 1 + 4;
const FLAGS_AT = HEADER_BYTES;
const KIND_AT = HEADER_BYTES + 4;
const SIZE_AT = KIND_AT + 1;
const CHECKSUM_BYTES = 4;
/** What some drivers give as responseTo of a request instead of 0. */
const NO_ANSWER = -1;
const SMALLEST_DOCUMENT_BYTES = 5;
const LAST_COMPRESSOR = 3;
/** header, flags, cursorID, startingFrom, numberReturned */
const SMALLEST_REPLY_BYTES = HEADER_BYTES + 20;
/** header, a reserved 0, the number of ids */
const KILL_CURSORS_IDS_AT = HEADER_BYTES + 8;
const REPLY_FLAGS = 0b1111;

type Verdict = 'yes' | 'no' | 'more';

export class HeaderSearch {
  readonly #isClient: boolean;
  #tail: Buffer | null = null;
  #skipped = 0;

  constructor(side: 'client' | 'server') {
    this.#isClient = side === 'client';
  }

  get heldBytes(): number {
    return this.#tail?.length ?? 0;
  }

  /** Forgets what was seen: the next bytes do not follow on it. */
  restart(): void {
    this.#tail = null;
    this.#skipped = 0;
  }

  /** The first plausible message at or after `from`, else null with everything of the chunk used up. */
  find(chunk: Buffer, from: number): FoundHeader | null {
    const fresh = from === 0 ? chunk : chunk.subarray(from);
    const bytes = this.#tail === null ? fresh : Buffer.concat([this.#tail, fresh]);
    this.#tail = null;
    // Ends at the latest where less than a header is left.
    for (let at = 0; ; at++) {
      const verdict = this.#judge(bytes, at);
      if (verdict === 'more') {
        this.#tail = Buffer.from(bytes.subarray(at));
        this.#skipped += at;
        return null;
      }
      if (verdict === 'yes') {
        const skippedBytes = this.#skipped + at;
        this.#skipped = 0;
        return { bytes, at, skippedBytes };
      }
    }
  }

  /** Whether a message starts at `at`. `more` only while less than a look-ahead is there. */
  #judge(bytes: Buffer, at: number): Verdict {
    const visible = bytes.length - at;
    if (visible < HEADER_BYTES) {
      return 'more';
    }
    const length = readInt32(bytes, at);
    if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES || !this.#hasSaneIds(bytes, at)) {
      return 'no';
    }
    const opcode = readInt32(bytes, at + 12);
    if (!this.#mayCome(opcode)) {
      return 'no';
    }
    if (visible < Math.min(length, LOOK_BYTES)) {
      return 'more';
    }
    return STARTS.get(opcode)?.(bytes, at, length) !== false && this.#isFollowed(bytes, at + length) ? 'yes' : 'no';
  }

  #hasSaneIds(bytes: Buffer, at: number): boolean {
    const responseTo = readInt32(bytes, at + 8);
    return this.#isClient ? responseTo === 0 || responseTo === NO_ANSWER : responseTo !== 0;
  }

  #mayCome(opcode: number): boolean {
    if (opcode === OPCODE.reply || opcode === OPCODE.commandReply) {
      return !this.#isClient;
    }
    return isKnownOpcode(opcode) && (this.#isClient || opcode === OPCODE.msg || opcode === OPCODE.compressed);
  }

  /** What is visible behind the message must be the start of another one, or nothing. */
  #isFollowed(bytes: Buffer, at: number): boolean {
    if (bytes.length - at < HEADER_BYTES) {
      return true;
    }
    const length = readInt32(bytes, at);
    return length >= HEADER_BYTES && length <= MAX_MESSAGE_BYTES && isKnownOpcode(readInt32(bytes, at + 12));
  }
}

type StartRule = (bytes: Buffer, at: number, length: number) => boolean;

/** What the fields right behind the header must be like, by opcode. */
const STARTS: ReadonlyMap<number, StartRule> = new Map<number, StartRule>([
  [OPCODE.msg, startsLikeMessage],
  [OPCODE.reply, startsLikeReply],
  [OPCODE.compressed, startsLikeCompressed],
  [OPCODE.query, startsLikeNamespace],
  [OPCODE.insert, startsLikeNamespace],
  [OPCODE.update, startsLikeNamespace],
  [OPCODE.delete, startsLikeNamespace],
  [OPCODE.getMore, startsLikeNamespace],
  [OPCODE.killCursors, startsLikeIds],
]);

/** Known flags, a kind, and a section that fits into the message. */
function startsLikeMessage(bytes: Buffer, at: number, length: number): boolean {
  if (length <= LOOK_BYTES) {
    return false;
  }
  const flagBits = readInt32(bytes, at + FLAGS_AT);
  if (hasUnknownRequiredFlag(flagBits)) {
    return false;
  }
  const kind = byteAt(bytes, at + KIND_AT);
  const size = readInt32(bytes, at + SIZE_AT);
  const room = length - SIZE_AT - ((flagBits & MSG_FLAG.checksumPresent) === 0 ? 0 : CHECKSUM_BYTES);
  return kind <= 1 && size >= SMALLEST_DOCUMENT_BYTES && size <= room;
}

function startsLikeReply(bytes: Buffer, at: number, length: number): boolean {
  return length >= SMALLEST_REPLY_BYTES && (readInt32(bytes, at + FLAGS_AT) & ~REPLY_FLAGS) === 0;
}

/** Flags or a reserved 0, then `<db>.<collection>`: no control character and no space. */
function startsLikeNamespace(bytes: Buffer, at: number, length: number): boolean {
  return length > SIZE_AT && readInt32(bytes, at + FLAGS_AT) >>> 8 === 0 && byteAt(bytes, at + KIND_AT) > 0x20;
}

/** A reserved 0, and as many cursor ids as it says. */
function startsLikeIds(bytes: Buffer, at: number, length: number): boolean {
  return length >= LOOK_BYTES && length === KILL_CURSORS_IDS_AT + 8 * readInt32(bytes, at + KIND_AT);
}

function startsLikeCompressed(bytes: Buffer, at: number, length: number): boolean {
  if (length < LOOK_BYTES) {
    return false;
  }
  const original = readInt32(bytes, at + HEADER_BYTES);
  const size = readInt32(bytes, at + HEADER_BYTES + 4);
  const isKnown = isKnownOpcode(original) && original !== OPCODE.compressed;
  return isKnown && size >= 0 && size <= MAX_MESSAGE_BYTES && byteAt(bytes, at + HEADER_BYTES + 8) <= LAST_COMPRESSOR;
}
