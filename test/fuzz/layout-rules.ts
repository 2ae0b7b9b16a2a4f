// Each message once more: by its declared layout, with the protocol's rules written again beside it, slowly and plainly.
// Shares no code with the scanners. Invariant: null means that some rule refuses the message, whichever it is.

import {
  crc32c,
  DecodeError,
  type OpMsgReference,
  readCompressedReference,
  readLegacyReference,
  readOpMsgReference,
  readOpQueryReference,
  readOpReplyReference,
} from '../../codecs/index.ts';

type LegacyReference = ReturnType<typeof readLegacyReference>;

const KNOWN_OPCODES: readonly number[] = [1, 1000, 2001, 2002, 2004, 2005, 2006, 2007, 2010, 2011, 2013];
const MOST_UNCOMPRESSED_BYTES = 48_000_000 - 16;
const LAST_COMPRESSOR_ID = 3;

/** What a declared layout reads if the rules hold; null where the layout itself does not fit. */
function readBy<T>(read: () => T, follows: (message: T) => boolean): T | null {
  try {
    const message = read();
    return follows(message) ? message : null;
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) {
      return null;
    }
    throw error;
  }
}

/** Whether the bytes are documents back to back, each as long as it says and ended by a zero; their number, else -1. */
export function countDocuments(bytes: Buffer | undefined): number {
  let rest = bytes ?? Buffer.alloc(0);
  let count = 0;
  while (rest.length > 0) {
    if (rest.length < 5) {
      return -1;
    }
    const length = rest.readInt32LE(0);
    if (length < 5 || length > rest.length || rest.readUInt8(length - 1) !== 0) {
      return -1;
    }
    rest = rest.subarray(length);
    count++;
  }
  return count;
}

/** OP_MSG: one body, at most two sequences of different names, no unknown required flag, the right checksum. */
export function opMsgByRules(bytes: Buffer): OpMsgReference | null {
  return readBy(
    () => readOpMsgReference(bytes),
    ({ flagBits, sections, checksum }) => {
      const bodies = sections.filter(({ kind }) => kind === 0);
      const sequences = sections.filter(({ kind }) => kind === 1);
      const names = new Set(sequences.map(({ identifier }) => identifier?.toString('hex')));
      const checked = (flagBits & 1) === 1;
      return (
        (flagBits & 0xfffc) === 0 &&
        checked === (checksum !== undefined) &&
        (!checked || checksum === crc32c(bytes, 0, bytes.length - 4)) &&
        bodies.length === 1 &&
        bodies.length + sequences.length === sections.length &&
        sequences.length <= 2 &&
        names.size === sequences.length &&
        countDocuments(bodies[0]?.body) === 1 &&
        sequences.every(({ documents }) => countDocuments(documents) >= 0)
      );
    },
  );
}

/** OP_QUERY: the query and perhaps a projection, nothing behind them. */
export function opQueryByRules(bytes: Buffer): ReturnType<typeof readOpQueryReference> | null {
  return readBy(
    () => readOpQueryReference(bytes),
    ({ documents }) => [1, 2].includes(countDocuments(documents)),
  );
}

/** OP_REPLY as pool mode takes it: exactly one document. */
export function opReplyByRules(bytes: Buffer): ReturnType<typeof readOpReplyReference> | null {
  return readBy(
    () => readOpReplyReference(bytes),
    ({ numberReturned, documents }) => numberReturned === 1 && countDocuments(documents) === 1,
  );
}

/** OP_COMPRESSED: a known opcode inside that is not itself, a size that a message can have, an id that is not reserved. */
export function compressedByRules(bytes: Buffer): ReturnType<typeof readCompressedReference> | null {
  return readBy(
    () => readCompressedReference(bytes),
    ({ originalOpcode, uncompressedSize, compressorId }) =>
      KNOWN_OPCODES.includes(originalOpcode) &&
      uncompressedSize >= 0 &&
      uncompressedSize <= MOST_UNCOMPRESSED_BYTES &&
      compressorId <= LAST_COMPRESSOR_ID,
  );
}

/** What has to hold for each removed opcode beside its layout; `length` is the message's. */
const LEGACY_RULES: ReadonlyMap<number, (message: LegacyReference, length: number) => boolean> = new Map([
  [2001, ({ documents }: LegacyReference) => countDocuments(documents) === 2],
  [2002, ({ documents }: LegacyReference) => countDocuments(documents) >= 1],
  [2005, ({ namespace }: LegacyReference, length: number) => length === 33 + (namespace ?? '').length],
  [2006, ({ documents }: LegacyReference) => countDocuments(documents) === 1],
  [
    2007,
    ({ count, cursorIds }: LegacyReference, length: number) =>
      count === cursorIds?.length && length === 24 + 8 * (cursorIds?.length ?? 0),
  ],
  [2010, ({ documents }: LegacyReference) => countDocuments(documents) >= 2],
  [2011, ({ documents }: LegacyReference) => countDocuments(documents) >= 2],
  [1000, ({ text }: LegacyReference, length: number) => length === 17 + (text ?? '').length],
]);

/** The removed opcodes: so many documents as they need, nothing behind them. */
export function legacyByRules(bytes: Buffer): LegacyReference | null {
  const follows = LEGACY_RULES.get(bytes.readInt32LE(12));
  return readBy(
    () => readLegacyReference(bytes),
    (message) => follows?.(message, bytes.length) === true,
  );
}
