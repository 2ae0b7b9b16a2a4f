// A capture from bytes to conversations: packets, TCP segments, connections; and the counts of all that was met.
// Opens no file: the caller pushes windows of bytes. Invariant: whatever the bytes are, only CaptureError comes out, and
// after it finish() still hands on what had been read.

import { readerFor } from './capture-format.ts';
import { ConnectionTable } from './connection-table.ts';
import { CaptureCounts } from './counts.ts';
import type { CapturedPacket, PacketReader } from './packet.ts';
import type { OpenConversation } from './recogniser.ts';
import { TcpSegment } from './tcp-segment.ts';

export interface CaptureDecoderOptions {
  readonly open: OpenConversation;
  /** See ConnectionTableOptions. */
  readonly maxConnections?: number;
}

export class CaptureDecoder {
  readonly counts: CaptureCounts = new CaptureCounts();
  readonly #table: ConnectionTable;
  readonly #segment: TcpSegment = new TcpSegment();

  constructor({ open, maxConnections }: CaptureDecoderOptions) {
    const { counts } = this;
    this.#table = new ConnectionTable({ counts, open, ...(maxConnections === undefined ? {} : { maxConnections }) });
  }

  /**
   * A reader for one file; several are read one after the other as if they were one.
   * @param head the first bytes of the file @throws CaptureError for anything but pcap and pcapng
   */
  openFile(head: Buffer): PacketReader {
    return readerFor(head, (packet) => this.#take(packet));
  }

  /** All files are read: ends every connection. */
  finish(): void {
    this.#table.finish();
  }

  #take(packet: CapturedPacket): void {
    const { counts } = this;
    counts.packets += 1;
    counts.packetBytes += packet.originalLength;
    if (packet.timeMs < counts.firstMs && packet.timeMs > 0) counts.firstMs = packet.timeMs;
    if (packet.timeMs > counts.lastMs) counts.lastMs = packet.timeMs;
    const segment = this.#segment;
    const skip = segment.read(packet);
    if (skip !== null) {
      counts.skipped.add(skip);
      if (skip === 'unknown_link_type') counts.noteLinkType(packet.linkType);
      return;
    }
    if (segment.payloadLength > 0) {
      counts.segments += 1;
      counts.payloadBytes += segment.payloadLength;
    }
    this.#table.take(segment);
  }
}
