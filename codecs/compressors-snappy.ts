// snappy (raw blocks, not its framed format) by the optional package `snappy`, a native binary.
// It is not loaded here: compressors.ts imports the package and hands it over, if it is there.
// Invariant: the block's own length header is compared with the declared size before the library allocates anything.

import type { Compressor, CompressorDone } from './compressor.ts';
import { DecodeError } from './errors.ts';
import { COMPRESSED_PAYLOAD_AT } from './limits.ts';

/** The part of the package that is used. */
export interface SnappyLibrary {
  compressSync(input: Buffer): Buffer;
  uncompressSync(input: Buffer): string | Buffer;
  compress(input: Buffer): Promise<Buffer>;
  uncompress(input: Buffer): Promise<string | Buffer>;
}

/** A block yields at most 64 bytes of output for 3 of input (a copy element), so more than this is a lie. */
const MAX_GROWTH = 22;
const MAX_VARINT_BYTES = 5;

export function createSnappy(library: SnappyLibrary): Compressor {
  return {
    compress: (payload) => library.compressSync(payload),
    decompress: (payload, size) => {
      checkLength(payload, size);
      return library.uncompressSync(payload) as Buffer;
    },
    async: {
      compress: (payload, done) => settle(library.compress(payload), done),
      decompress: (payload, size, done) => {
        try {
          checkLength(payload, size);
        } catch (error) {
          done(error, null);
          return;
        }
        settle(library.uncompress(payload), done);
      },
    },
  };
}

function settle(promise: Promise<string | Buffer>, done: CompressorDone): void {
  promise.then(
    (bytes) => done(null, bytes as Buffer),
    (error: unknown) => done(error, null),
  );
}

/** @throws DecodeError unless the block says the same size as the message, and could reach it. */
function checkLength(payload: Buffer, size: number): void {
  if (readLength(payload) !== size || size > payload.length * MAX_GROWTH) {
    throw new DecodeError('bad_compressed_size', COMPRESSED_PAYLOAD_AT);
  }
}

/** The varint that a block starts with. */
function readLength(payload: Buffer): number {
  let length = 0;
  for (let at = 0; at < MAX_VARINT_BYTES && at < payload.length; at++) {
    const byte = payload.readUInt8(at);
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return length;
  }
  throw new DecodeError('inflate_failed', COMPRESSED_PAYLOAD_AT);
}
