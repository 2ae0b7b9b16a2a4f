// zlib by node:zlib. It always exists, and its output limit stops bombs while they inflate.
// It does not compare the declared size with the real one: compressed.ts does.
// Invariant: at most `size` bytes come out, and a stream must end where its payload ends.

import * as zlib from 'node:zlib';
import type { Compressor, CompressorDone } from './compressor.ts';
import { DecodeError } from './errors.ts';
import { COMPRESSED_PAYLOAD_AT } from './limits.ts';

const MIN_CHUNK_BYTES = 64;
const MAX_CHUNK_BYTES = 65_536;

/** What node:zlib gives with `info: true`: the engine knows how much of the input it used. */
export interface WithEngine {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

export const zlibCompressor: Compressor = {
  compress: (payload) => zlib.deflateSync(payload),
  decompress: (payload, size) => {
    return whole(zlib.inflateSync(payload, limits(size)) as unknown as WithEngine, payload);
  },
  async: {
    compress: (payload, done) => zlib.deflate(payload, (error, bytes) => done(error, error === null ? bytes : null)),
    decompress: (payload, size, done) => {
      zlib.inflate(payload, limits(size), (error, result) => {
        if (error !== null) done(error, null);
        else settle(() => whole(result as unknown as WithEngine, payload), done);
      });
    },
  },
};

function limits(size: number): zlib.ZlibOptions {
  const chunkSize = Math.min(Math.max(size, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES);
  // Node refuses a limit of 0; the one byte too many is found by the comparison of sizes.
  return { maxOutputLength: Math.max(size, 1), chunkSize, info: true };
}

/**
 * The bytes, unless something follows the stream: the sender meant something else than what was read.
 * @param known how many bytes must come out, where the format says so: Node takes a zstd stream that breaks off.
 */
export function whole({ buffer, engine }: WithEngine, payload: Buffer, known = 0): Buffer {
  if (engine.bytesWritten === payload.length && buffer.length >= known) return buffer;
  throw new DecodeError('inflate_failed', COMPRESSED_PAYLOAD_AT + engine.bytesWritten);
}

/** Runs what may throw, and hands over what it gives or throws. */
export function settle(read: () => Buffer, done: CompressorDone): void {
  let bytes: Buffer;
  try {
    bytes = read();
  } catch (error) {
    done(error, null);
    return;
  }
  done(null, bytes);
}
