// zstd by node:zlib where Node has it (22.15 and newer), else by the optional package `@bokuweb/zstd-wasm`.
// Neither is chosen here: compressors.ts does. The wasm has no output limit of its own, reads an unknown content size as
// its default, and allocates what a frame claims; off the event loop it works in a thread of ours (zstd-thread.ts).
// Invariant: so the frame's header is read first, and a content size other than the declared one never reaches a library.

import type { Compressor } from './compressor.ts';
import { settle, type WithEngine, whole } from './compressors-zlib.ts';
import { DecodeError } from './errors.ts';
import { COMPRESSED_PAYLOAD_AT } from './limits.ts';
import { type ThreadTimers, ZstdThread } from './zstd-thread.ts';

/** The part of @bokuweb/zstd-wasm that is used. */
export interface ZstdWasm {
  init(): Promise<void>;
  compress(bytes: Uint8Array): Uint8Array;
  decompress(bytes: Uint8Array, options: { readonly defaultHeapSize: number }): Uint8Array;
}

interface NodeLimits {
  readonly maxOutputLength: number;
  readonly info: true;
}

/** The part of node:zlib that Node 20 does not have. */
export interface NodeZstd {
  zstdCompressSync(bytes: Buffer): Buffer;
  zstdDecompressSync(bytes: Buffer, options: NodeLimits): WithEngine;
  zstdCompress(bytes: Buffer, done: (error: Error | null, bytes: Buffer) => void): void;
  zstdDecompress(bytes: Buffer, options: NodeLimits, done: (error: Error | null, result: WithEngine) => void): void;
}

/** node:zlib's zstd, or null where this Node has none. */
export function nodeZstdOf(zlib: object): NodeZstd | null {
  return 'zstdCompressSync' in zlib && 'zstdDecompressSync' in zlib ? (zlib as NodeZstd) : null;
}

/** A compressor whose thread can be watched. */
export interface WasmZstd extends Compressor {
  /** From now on a hanging thread is ended; see ZstdThread.watch(). */
  watch(timers: ThreadTimers): void;
}

/**
 * After its init(). A megabyte takes it some milliseconds each way: large ones belong in the thread.
 * @param url where the library is: the thread loads one of its own.
 */
export function createWasmZstd(library: ZstdWasm, url: string): WasmZstd {
  const compress = (payload: Buffer): Buffer => asBuffer(library.compress(payload));
  const decompress = (payload: Buffer, size: number): Buffer =>
    asBuffer(library.decompress(payload, { defaultHeapSize: size }));
  const thread = new ZstdThread({
    library: url,
    workHere: (payload, size) => (size === null ? compress(payload) : decompress(payload, size)),
  });
  return {
    watch: (timers) => thread.watch(timers),
    compress,
    decompress: (payload, size) => {
      checkContentSize(payload, size);
      return decompress(payload, size);
    },
    async: {
      compress: (payload, done) => thread.work(payload, null, done),
      decompress: (payload, size, done) => {
        try {
          checkContentSize(payload, size);
        } catch (error) {
          done(error, null);
          return;
        }
        thread.work(payload, size, done);
      },
    },
  };
}

export function createNodeZstd(zlib: NodeZstd): Compressor {
  // Node refuses a limit of 0; the one byte too many is found by the comparison of sizes.
  const limits = (size: number): NodeLimits => ({ maxOutputLength: Math.max(size, 1), info: true });
  return {
    compress: (payload) => zlib.zstdCompressSync(payload),
    decompress: (payload, size) => {
      const known = checkContentSize(payload, size);
      return whole(zlib.zstdDecompressSync(payload, limits(size)), payload, known);
    },
    async: {
      compress: (payload, done) =>
        zlib.zstdCompress(payload, (error, bytes) => done(error, error === null ? bytes : null)),
      decompress: (payload, size, done) => {
        let known: number;
        try {
          known = checkContentSize(payload, size);
        } catch (error) {
          done(error, null);
          return;
        }
        zlib.zstdDecompress(payload, limits(size), (error, result) => {
          if (error === null) settle(() => whole(result, payload, known), done);
          else done(error, null);
        });
      },
    },
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// --- The header of a zstd frame (RFC 8878, 3.1.1.1) ----------------------------------------------------------------

const MAGIC = 0xfd2fb528;
const SINGLE_SEGMENT = 0x20;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;

/** The size that the frame says, 0 for none. @throws DecodeError unless this is a zstd frame that says `size` or nothing. */
function checkContentSize(payload: Buffer, size: number): number {
  // The longest header is magic, descriptor, window, dictionary id and an 8-byte size: 18 bytes; the shortest frame has 9.
  if (payload.length < 9 || payload.readUInt32LE(0) !== MAGIC) {
    throw new DecodeError('inflate_failed', COMPRESSED_PAYLOAD_AT);
  }
  const descriptor = payload.readUInt8(4);
  const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] as number);
  const contentSize = readContentSize(payload, at, descriptor >>> 6, isSingleSegment);
  if (contentSize !== null && contentSize !== size) {
    throw new DecodeError('bad_compressed_size', COMPRESSED_PAYLOAD_AT + at);
  }
  return contentSize ?? 0;
}

/** The size field, whose width is in the descriptor's two highest bits; null where the frame has none. */
function readContentSize(payload: Buffer, at: number, flag: number, isSingleSegment: boolean): number | null {
  const width = flag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** flag;
  if (at + width > payload.length) throw new DecodeError('inflate_failed', COMPRESSED_PAYLOAD_AT);
  if (width === 0) return null;
  if (width === 1) return payload.readUInt8(at);
  if (width === 2) return payload.readUInt16LE(at) + 256;
  if (width === 4) return payload.readUInt32LE(at);
  return Number(payload.readBigUInt64LE(at));
}
