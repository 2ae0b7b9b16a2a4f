// Reads pcapng files: sections in either byte order, interfaces, enhanced, simple and obsolete packet blocks.
// Passes over every other block without holding it, and looks into no packet.
// Invariant: a block's length is judged before anything is waited for; after a throw the reader is not used again.

import { readInterfaceHeader } from './layouts.ts';
import { type ByteOrder, readFile16, readFile32 } from './numbers.ts';
import {
  CapturedPacket,
  CaptureError,
  LARGEST_PACKET_BYTES,
  LARGEST_RECORD_BYTES,
  type PacketReader,
  type PacketSink,
} from './packet.ts';
import { type CaptureInterface, readInterfaceOptions } from './pcapng-options.ts';

/** The same in both byte orders, so that a section can be told before its order is. */
export const SECTION_BLOCK = 0x0a0d_0d0a;
const INTERFACE_BLOCK = 1;
const OBSOLETE_PACKET_BLOCK = 2;
const SIMPLE_PACKET_BLOCK = 3;
const ENHANCED_PACKET_BLOCK = 6;

const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
/** Type, length, and the length again behind the body. */
const BLOCK_HEAD_BYTES = 8;
const SMALLEST_BLOCK_BYTES = 12;
const SMALLEST_SECTION_BYTES = 28;
const TWO_32 = 4_294_967_296;
/** A file with more is not describing interfaces any more. */
const MAX_INTERFACES = 10_000;

export class PcapngReader implements PacketReader {
  offset = 0;
  badRecords = 0;
  readonly #sink: PacketSink;
  readonly #packet: CapturedPacket = new CapturedPacket();
  #order: ByteOrder = 'little';
  #interfaces: CaptureInterface[] = [];
  /** Bytes of a block that is passed over and was not whole in the window. */
  #skip = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  read(bytes: Buffer, start: number, end: number): number {
    let at = start;
    for (;;) {
      const step = this.#skip > 0 ? this.#skipPart(end - at) : this.#readBlock(bytes, at, end);
      if (step === 0) return at;
      at += step;
      this.offset += step;
    }
  }

  #skipPart(available: number): number {
    const part = Math.min(this.#skip, available);
    this.#skip -= part;
    return part;
  }

  /** Reads one block and returns its length; 0: it is not whole yet. */
  #readBlock(bytes: Buffer, at: number, end: number): number {
    if (end - at < SMALLEST_BLOCK_BYTES) return 0;
    const isSection = readFile32(bytes, at, 'little') === SECTION_BLOCK;
    if (isSection) this.#readSection(bytes, at);
    const type = readFile32(bytes, at, this.#order);
    const length = this.#judgedLength(bytes, at, isSection);
    if (length > LARGEST_RECORD_BYTES) {
      if (isPacket(type)) this.badRecords += 1;
      this.#skip = length;
      return this.#skipPart(end - at);
    }
    if (end - at < length) return 0;
    if (readFile32(bytes, at + length - 4, this.#order) !== length) {
      throw new CaptureError('a block ends with another length than it begins with; the file is damaged', this.offset);
    }
    this.#readBody(type, bytes, at + BLOCK_HEAD_BYTES, at + length - 4);
    return length;
  }

  #judgedLength(bytes: Buffer, at: number, isSection: boolean): number {
    const length = readFile32(bytes, at + 4, this.#order);
    if (length < (isSection ? SMALLEST_SECTION_BYTES : SMALLEST_BLOCK_BYTES) || length % 4 !== 0) {
      throw new CaptureError(`a block of ${length} bytes cannot be; the file is damaged from here on`, this.offset);
    }
    return length;
  }

  #readSection(bytes: Buffer, at: number): void {
    const little = readFile32(bytes, at + 8, 'little') === BYTE_ORDER_MAGIC;
    if (!little && readFile32(bytes, at + 8, 'big') !== BYTE_ORDER_MAGIC) {
      throw new CaptureError('a section begins without its byte order; the file is damaged', this.offset);
    }
    this.#order = little ? 'little' : 'big';
    this.#interfaces = [];
  }

  #readBody(type: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case ENHANCED_PACKET_BLOCK:
        return this.#readEnhanced(bytes, start, end);
      case INTERFACE_BLOCK:
        return this.#readInterface(bytes, start, end);
      case SIMPLE_PACKET_BLOCK:
        return this.#readSimple(bytes, start, end);
      case OBSOLETE_PACKET_BLOCK:
        return this.#readObsolete(bytes, start, end);
      default:
        return;
    }
  }

  #readInterface(bytes: Buffer, start: number, end: number): void {
    if (end - start < 8 || this.#interfaces.length >= MAX_INTERFACES) {
      this.badRecords += 1;
      return;
    }
    const { linkType, snapLength } = readInterfaceHeader(bytes.subarray(start, start + 8), this.#order);
    const times = readInterfaceOptions(bytes, start + 8, end, this.#order);
    this.#interfaces.push({ linkType, snapLength, ...times });
  }

  #readEnhanced(bytes: Buffer, start: number, end: number): void {
    if (end - start < 20) {
      this.badRecords += 1;
      return;
    }
    const from = this.#interfaces[readFile32(bytes, start, this.#order)];
    this.#handOnTimed(from, bytes, start, end);
  }

  /** Same fields as an enhanced packet, but the interface and a drop count share the first four bytes. */
  #readObsolete(bytes: Buffer, start: number, end: number): void {
    if (end - start < 20) {
      this.badRecords += 1;
      return;
    }
    const from = this.#interfaces[readFile16(bytes, start, this.#order)];
    this.#handOnTimed(from, bytes, start, end);
  }

  #handOnTimed(from: CaptureInterface | undefined, bytes: Buffer, start: number, end: number): void {
    const order = this.#order;
    const captured = readFile32(bytes, start + 12, order);
    if (from === undefined || captured > end - start - 20 || captured > LARGEST_PACKET_BYTES) {
      this.badRecords += 1;
      return;
    }
    const packet = this.#packet;
    packet.timeMs =
      readFile32(bytes, start + 4, order) * (TWO_32 * from.unitMs) +
      readFile32(bytes, start + 8, order) * from.unitMs +
      from.offsetMs;
    packet.originalLength = readFile32(bytes, start + 16, order);
    this.#handOn(from, bytes, start + 20, start + 20 + captured);
  }

  /** No interface (it is the first), no time (the one before stands), no captured length (it follows). */
  #readSimple(bytes: Buffer, start: number, end: number): void {
    const from = this.#interfaces[0];
    if (end - start < 4 || from === undefined) {
      this.badRecords += 1;
      return;
    }
    const original = readFile32(bytes, start, this.#order);
    const most = from.snapLength === 0 ? original : Math.min(original, from.snapLength);
    this.#packet.originalLength = original;
    this.#handOn(from, bytes, start + 4, start + 4 + Math.min(most, end - start - 4));
  }

  #handOn(from: CaptureInterface, bytes: Buffer, start: number, end: number): void {
    const packet = this.#packet;
    packet.bytes = bytes;
    packet.start = start;
    packet.end = end;
    packet.linkType = from.linkType;
    this.#sink(packet);
  }
}

function isPacket(type: number): boolean {
  return type === ENHANCED_PACKET_BLOCK || type === SIMPLE_PACKET_BLOCK || type === OBSOLETE_PACKET_BLOCK;
}
