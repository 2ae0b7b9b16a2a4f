// The declared layouts of pcap and pcapng headers, as binary-parser definitions.
// The readers use them where a header is rare (once per file, section or interface); for the headers of packets they
// read the same fields directly. Invariant: test/unit/capture/layouts.test.ts holds both equal.

import { Parser } from 'binary-parser/dist/binary_parser.js';
import type { ByteOrder } from './numbers.ts';

/** The 24 bytes in front of a pcap file. */
export interface PcapHeader {
  readonly magic: number;
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly snapLength: number;
  /** LINKTYPE_ in the lower 16 bits; frame check sequence information above. */
  readonly linkType: number;
}

/** The 16 bytes in front of a packet in a pcap file. */
export interface PcapRecord {
  readonly seconds: number;
  /** Micro- or nanoseconds, as the magic says. */
  readonly fraction: number;
  readonly capturedLength: number;
  readonly originalLength: number;
}

/** The head of an interface description, without the block's own head and its options. */
export interface InterfaceHeader {
  readonly linkType: number;
  readonly snapLength: number;
}

/** The head of an enhanced packet, without the block's own head. */
export interface EnhancedPacketHeader {
  readonly interfaceId: number;
  readonly timestampHigh: number;
  readonly timestampLow: number;
  readonly capturedLength: number;
  readonly originalLength: number;
}

interface Layouts {
  readonly pcapHeader: Parser;
  readonly pcapRecord: Parser;
  readonly interfaceHeader: Parser;
  readonly enhancedPacket: Parser;
}

const LAYOUTS: Readonly<Record<ByteOrder, Layouts>> = { little: declare('little'), big: declare('big') };

function declare(order: ByteOrder): Layouts {
  const start = (): Parser => new Parser().endianness(order);
  return {
    pcapHeader: start()
      .uint32('magic')
      .uint16('majorVersion')
      .uint16('minorVersion')
      .int32('zoneCorrection')
      .uint32('accuracy')
      .uint32('snapLength')
      .uint32('linkType'),
    pcapRecord: start().uint32('seconds').uint32('fraction').uint32('capturedLength').uint32('originalLength'),
    interfaceHeader: start().uint16('linkType').uint16('reserved').uint32('snapLength'),
    enhancedPacket: start()
      .uint32('interfaceId')
      .uint32('timestampHigh')
      .uint32('timestampLow')
      .uint32('capturedLength')
      .uint32('originalLength'),
  };
}

/** @throws RangeError below 24 bytes */
export function readPcapHeader(bytes: Buffer, order: ByteOrder): PcapHeader {
  return LAYOUTS[order].pcapHeader.parse(bytes) as PcapHeader;
}

/** Reference reader; pcap-reader.ts reads these fields itself. @throws RangeError below 16 bytes */
export function readPcapRecord(bytes: Buffer, order: ByteOrder): PcapRecord {
  return LAYOUTS[order].pcapRecord.parse(bytes) as PcapRecord;
}

/** @throws RangeError below 8 bytes */
export function readInterfaceHeader(bytes: Buffer, order: ByteOrder): InterfaceHeader {
  return LAYOUTS[order].interfaceHeader.parse(bytes) as InterfaceHeader;
}

/** Reference reader; pcapng-reader.ts reads these fields itself. @throws RangeError below 20 bytes */
export function readEnhancedPacketHeader(bytes: Buffer, order: ByteOrder): EnhancedPacketHeader {
  return LAYOUTS[order].enhancedPacket.parse(bytes) as EnhancedPacketHeader;
}
