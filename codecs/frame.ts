// One whole message: header fields plus the chunks that hold its bytes.
// Does not interpret the body and never checks the length: the framer did.
// Invariant: the first chunk holds at least the whole header, and the chunks together are exactly `length` bytes.

import { readInt32, writeInt32 } from './bytes.ts';
import { HEADER_BYTES } from './limits.ts';

const REQUEST_ID_AT = 4;
const RESPONSE_TO_AT = 8;
const OPCODE_AT = 12;

/** A message as it came or goes. Bytes are shared with the socket's buffers; only the two ids may be patched. */
export class Frame {
  /** Whole message in bytes, header included. */
  readonly length: number;
  /** What it took on the wire, bytes: less than `length` if it came compressed. */
  readonly wireBytes: number;
  readonly opcode: number;
  requestId: number;
  responseTo: number;
  #chunks: Buffer[];

  /** @param chunks at least one, the first with 16 bytes or more; kept, not copied. */
  constructor(length: number, chunks: Buffer[], wireBytes: number = length) {
    const first = chunks[0];
    if (first === undefined || first.length < HEADER_BYTES) {
      throw new RangeError('a frame needs its header in the first chunk');
    }
    this.length = length;
    this.wireBytes = wireBytes;
    this.requestId = readInt32(first, REQUEST_ID_AT);
    this.responseTo = readInt32(first, RESPONSE_TO_AT);
    this.opcode = readInt32(first, OPCODE_AT);
    this.#chunks = chunks;
  }

  /** A frame over one whole message. The bytes are kept, not copied. */
  static of(bytes: Buffer): Frame {
    return new Frame(bytes.length, [bytes]);
  }

  /** The bytes in order; a forwarder writes these without joining. */
  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /** The bytes as one buffer; joined on the first read, after which it is the only chunk. */
  get bytes(): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (this.#chunks.length === 1) {
      return first;
    }
    const joined = Buffer.concat(this.#chunks, this.length);
    this.#chunks = [joined];
    return joined;
  }

  /** Patches requestID in the bytes and in the field. A checksum, if any, is no longer right: strip it first. */
  setRequestId(id: number): void {
    this.requestId = id;
    writeInt32(this.#chunks[0] as Buffer, REQUEST_ID_AT, id);
  }

  /** Patches responseTo in the bytes and in the field. */
  setResponseTo(id: number): void {
    this.responseTo = id;
    writeInt32(this.#chunks[0] as Buffer, RESPONSE_TO_AT, id);
  }
}
