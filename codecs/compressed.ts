// OP_COMPRESSED: another message whose payload is compressed. Layout declared once (reference reader), scanner beside it,
// and the way in and out of it. It negotiates nothing: who may send which compressor is the connections' business.
// Invariants: the declared size is judged before anything is inflated, nothing larger ever comes out, and what comes out
// has exactly that size.

import type { Parser } from 'binary-parser/dist/binary_parser.js';
import { byteAt, readInt32, writeInt32 } from './bytes.ts';
import { type CompressorName, compressorName, compressorOf } from './compressors.ts';
import { DecodeError, refuse } from './errors.ts';
import { Frame } from './frame.ts';
import { headerLayout, type MessageHeader } from './header.ts';
import { COMPRESSED_PAYLOAD_AT, COMPRESSOR_ID_AT, HEADER_BYTES, MAX_MESSAGE_BYTES } from './limits.ts';
import { isKnownOpcode, OPCODE } from './opcode.ts';

const ORIGINAL_OPCODE_AT = HEADER_BYTES;
const UNCOMPRESSED_SIZE_AT = HEADER_BYTES + 4;

/** From this payload size on the work is worth a thread; below it the way to the thread costs more (measured). */
export const ASYNC_FROM_BYTES = 16_384;

/** Commands whose messages go plain both ways, for the secrets in them or because nothing is agreed yet (specification). */
const NEVER_COMPRESSED: ReadonlySet<string> = new Set([
  'hello',
  'isMaster',
  'ismaster',
  'saslStart',
  'saslContinue',
  'getnonce',
  'authenticate',
  'createUser',
  'updateUser',
  'copydbSaslStart',
  'copydbgetnonce',
  'copydb',
]);

/** Whether the request and the reply of this command must go plain. */
export function isNeverCompressed(command: string): boolean {
  return NEVER_COMPRESSED.has(command);
}

/** What stands in front of the compressed bytes, judged. */
export interface CompressedHeader {
  readonly originalOpcode: number;
  /** Payload without a header, bytes: from 0 to 48 000 000 - 16. */
  readonly uncompressedSize: number;
  readonly compressorId: number;
  readonly name: CompressorName;
}

/**
 * Reads the 9 bytes behind the header; inflates nothing.
 * @throws DecodeError bad_layout, nested_compression, unknown_opcode, bad_compressed_size, unknown_compressor.
 */
export function readCompressedHeader(frame: Frame): CompressedHeader {
  const first = frame.chunks[0] as Buffer;
  return scanCompressed(first.length >= COMPRESSED_PAYLOAD_AT ? first : frame.bytes);
}

/** The same on the first 25 bytes of a message, or more. */
export function scanCompressed(bytes: Buffer): CompressedHeader {
  if (bytes.length < COMPRESSED_PAYLOAD_AT) return refuse('bad_layout', bytes.length);
  const originalOpcode = readInt32(bytes, ORIGINAL_OPCODE_AT);
  if (originalOpcode === OPCODE.compressed) return refuse('nested_compression', ORIGINAL_OPCODE_AT);
  if (!isKnownOpcode(originalOpcode)) return refuse('unknown_opcode', ORIGINAL_OPCODE_AT);
  const uncompressedSize = readInt32(bytes, UNCOMPRESSED_SIZE_AT);
  if (uncompressedSize < 0 || uncompressedSize > MAX_MESSAGE_BYTES - HEADER_BYTES) {
    return refuse('bad_compressed_size', UNCOMPRESSED_SIZE_AT);
  }
  const compressorId = byteAt(bytes, COMPRESSOR_ID_AT);
  const name = compressorName(compressorId) ?? refuse('unknown_compressor', COMPRESSOR_ID_AT);
  return { originalOpcode, uncompressedSize, compressorId, name };
}

/** The whole message as the declared layout reads it. */
export interface CompressedReference extends MessageHeader {
  readonly originalOpcode: number;
  readonly uncompressedSize: number;
  readonly compressorId: number;
  readonly payload: Buffer;
}

const LAYOUT: Parser = headerLayout()
  .int32('originalOpcode')
  .int32('uncompressedSize')
  .uint8('compressorId')
  .buffer('payload', { readUntil: 'eof' });

/** Reference reader by the declared layout, for tools and tests. @throws RangeError where the message is too short. */
export function readCompressedReference(bytes: Buffer): CompressedReference {
  return LAYOUT.parse(bytes) as CompressedReference;
}

// --- The way out ---------------------------------------------------------------------------------------------------

/** Whether inflateAsync() leaves the event loop for this message; where not, inflate() costs less. */
export function inflatesAsync(frame: Frame, header: CompressedHeader): boolean {
  const isBig = header.uncompressedSize >= ASYNC_FROM_BYTES || frame.length >= ASYNC_FROM_BYTES;
  return isBig && compressorOf(header.compressorId).async !== null;
}

/**
 * The message inside, with the same ids, its original opcode and the compressed length as `wireBytes`.
 * @throws DecodeError as {@link readCompressedHeader}, and bad_compressed_size, inflate_failed, compressor_unavailable.
 */
export function inflate(frame: Frame, header: CompressedHeader = readCompressedHeader(frame)): Frame {
  const compressor = compressorOf(header.compressorId);
  let payload: Buffer;
  try {
    payload = compressor.decompress(payloadOf(frame), header.uncompressedSize);
  } catch (error) {
    throw asDecodeError(error);
  }
  return restore(frame, header, payload);
}

/** Gets the inflated message, or the DecodeError and null. Must not throw. */
export type InflateDone = (error: DecodeError | null, inner: Frame | null) => void;

/**
 * Like {@link inflate}, off the event loop where the compressor can (see {@link inflatesAsync}), else before it returns.
 * The frame's bytes must stay unchanged until `done`, which is called exactly once. Throws nothing.
 */
export function inflateAsync(frame: Frame, done: InflateDone): void {
  let header: CompressedHeader;
  let compressor: ReturnType<typeof compressorOf>;
  let inner: Frame | null = null;
  try {
    header = readCompressedHeader(frame);
    compressor = compressorOf(header.compressorId);
    if (compressor.async === null) inner = inflate(frame, header);
  } catch (error) {
    done(asDecodeError(error), null);
    return;
  }
  if (compressor.async === null) {
    done(null, inner);
    return;
  }
  compressor.async.decompress(payloadOf(frame), header.uncompressedSize, (error, payload) => {
    const failure = payload === null ? asDecodeError(error) : sizeProblem(header, payload);
    if (failure !== null || payload === null) done(failure, null);
    else done(null, build(frame, header, payload));
  });
}

function payloadOf(frame: Frame): Buffer {
  return frame.bytes.subarray(COMPRESSED_PAYLOAD_AT);
}

function restore(frame: Frame, header: CompressedHeader, payload: Buffer): Frame {
  const problem = sizeProblem(header, payload);
  if (problem !== null) throw problem;
  return build(frame, header, payload);
}

function sizeProblem(header: CompressedHeader, payload: Buffer): DecodeError | null {
  return payload.length === header.uncompressedSize
    ? null
    : new DecodeError('bad_compressed_size', UNCOMPRESSED_SIZE_AT);
}

function build(frame: Frame, header: CompressedHeader, payload: Buffer): Frame {
  const length = HEADER_BYTES + payload.length;
  return new Frame(length, [makeHeader(frame, length, header.originalOpcode), payload], frame.length);
}

/** A library's own error says nothing that is fit for a peer or a label. */
function asDecodeError(error: unknown): DecodeError {
  if (error instanceof DecodeError) return error;
  // Node's refusal to go beyond maxOutputLength: a lie about the size.
  const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
  return new DecodeError(isTooLarge ? 'bad_compressed_size' : 'inflate_failed', COMPRESSED_PAYLOAD_AT);
}

// --- The way in ----------------------------------------------------------------------------------------------------

/** Whether deflateAsync() leaves the event loop for this message. */
export function deflatesAsync(frame: Frame, compressorId: number): boolean {
  return frame.length >= ASYNC_FROM_BYTES && compressorOf(compressorId).async !== null;
}

/**
 * The message as OP_COMPRESSED with the same ids; the frame itself if that would be larger than a message may be.
 * @throws DecodeError unknown_compressor, compressor_unavailable; nested_compression if it is compressed already.
 */
export function deflate(frame: Frame, compressorId: number): Frame {
  const compressor = compressorOf(compressorId);
  if (frame.opcode === OPCODE.compressed) return refuse('nested_compression', ORIGINAL_OPCODE_AT);
  return wrap(frame, compressorId, compressor.compress(frame.bytes.subarray(HEADER_BYTES)));
}

/**
 * Like {@link deflate}, off the event loop where the compressor can, else before it returns. `done` gets the frame itself
 * where compressing failed: a peer takes any mix. The frame's bytes must stay unchanged until then.
 * @throws DecodeError like deflate, at once and without calling `done`, which must not throw.
 */
export function deflateAsync(frame: Frame, compressorId: number, done: (outer: Frame) => void): void {
  const compressor = compressorOf(compressorId);
  if (compressor.async === null || frame.opcode === OPCODE.compressed) {
    done(deflate(frame, compressorId));
    return;
  }
  compressor.async.compress(frame.bytes.subarray(HEADER_BYTES), (_error, payload) => {
    done(payload === null ? frame : wrap(frame, compressorId, payload));
  });
}

function wrap(frame: Frame, compressorId: number, payload: Buffer): Frame {
  const length = COMPRESSED_PAYLOAD_AT + payload.length;
  if (length > MAX_MESSAGE_BYTES) return frame;
  const head = makeHeader(frame, length, OPCODE.compressed, COMPRESSED_PAYLOAD_AT);
  writeInt32(head, ORIGINAL_OPCODE_AT, frame.opcode);
  writeInt32(head, UNCOMPRESSED_SIZE_AT, frame.length - HEADER_BYTES);
  head[COMPRESSOR_ID_AT] = compressorId;
  return new Frame(length, [head, payload]);
}

function makeHeader(frame: Frame, length: number, opcode: number, bytes: number = HEADER_BYTES): Buffer {
  const head = Buffer.allocUnsafe(bytes);
  writeInt32(head, 0, length);
  writeInt32(head, 4, frame.requestId);
  writeInt32(head, 8, frame.responseTo);
  writeInt32(head, 12, opcode);
  return head;
}
