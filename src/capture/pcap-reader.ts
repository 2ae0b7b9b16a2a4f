// Reads classic pcap files: both byte orders, micro- and nanoseconds.
// Opens no file and looks into no packet.
// Invariant: a length is judged before anything is waited for; after a throw the reader is not used again.

import { readPcapHeader } from './layouts.ts';
import { type ByteOrder, readFile32 } from './numbers.ts';
import { CapturedPacket, CaptureError, LARGEST_PACKET_BYTES, type PacketReader, type PacketSink } from './packet.ts';

const HEADER_BYTES = 24;
const RECORD_BYTES = 16;
/** Above them: length of the frame check sequence. */
const LINK_TYPE_BITS = 0xffff;
const MICROSECONDS = 0xa1b2_c3d4;
const NANOSECONDS = 0xa1b2_3c4d;

/** How a file that starts with these four bytes is written; null: it is no pcap file. */
export function pcapByteOrder(head: Buffer): ByteOrder | null {
  for (const order of ['little', 'big'] as const) {
    const magic = readFile32(head, 0, order);
    if (magic === MICROSECONDS || magic === NANOSECONDS) return order;
  }
  return null;
}

export class PcapReader implements PacketReader {
  offset = 0;
  readonly badRecords = 0;
  readonly #order: ByteOrder;
  readonly #sink: PacketSink;
  readonly #packet: CapturedPacket = new CapturedPacket();
  /** Milliseconds of one unit of a record's fraction; 0 until the file's header was read. */
  #unitMs = 0;

  constructor(order: ByteOrder, sink: PacketSink) {
    this.#order = order;
    this.#sink = sink;
  }

  read(bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (this.#unitMs === 0) {
      if (end - at < HEADER_BYTES) return at;
      this.#readHeader(bytes.subarray(at, at + HEADER_BYTES));
      at += HEADER_BYTES;
      this.offset += HEADER_BYTES;
    }
    while (end - at >= RECORD_BYTES) {
      const captured = readFile32(bytes, at + 8, this.#order);
      if (captured > LARGEST_PACKET_BYTES) throw damaged(captured, this.offset);
      if (end - at < RECORD_BYTES + captured) break;
      this.#handOn(bytes, at, captured);
      at += RECORD_BYTES + captured;
      this.offset += RECORD_BYTES + captured;
    }
    return at;
  }

  #handOn(bytes: Buffer, at: number, captured: number): void {
    const packet = this.#packet;
    packet.bytes = bytes;
    packet.start = at + RECORD_BYTES;
    packet.end = packet.start + captured;
    packet.originalLength = readFile32(bytes, at + 12, this.#order);
    packet.timeMs = readFile32(bytes, at, this.#order) * 1000 + readFile32(bytes, at + 4, this.#order) * this.#unitMs;
    this.#sink(packet);
  }

  #readHeader(head: Buffer): void {
    const header = readPcapHeader(head, this.#order);
    if (header.majorVersion !== 2) {
      const version = `${header.majorVersion}.${header.minorVersion}`;
      throw new CaptureError(`pcap version ${version} is not known; convert it with "editcap -F pcapng"`, this.offset);
    }
    this.#unitMs = header.magic === NANOSECONDS ? 1e-6 : 1e-3;
    this.#packet.linkType = header.linkType & LINK_TYPE_BITS;
  }
}

function damaged(length: number, offset: number): CaptureError {
  return new CaptureError(`a packet of ${length} bytes cannot be; the file is damaged from here on`, offset);
}
