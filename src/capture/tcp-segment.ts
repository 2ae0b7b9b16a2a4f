// Reads the IP and TCP headers of one packet: who, to whom, which bytes of the stream.
// Ignores checksums and lengths of 0 (both are filled in by the network card of the sender), reassembles no fragments.
// Invariant: reads nothing behind the packet; payloadStart <= payloadEnd <= the packet's end.

import { findIp, NOT_IP, UNKNOWN_LINK } from './link-layer.ts';
import { readNet16, readNetInt32 } from './numbers.ts';
import type { CapturedPacket } from './packet.ts';

/** Why a packet holds no readable TCP segment. */
export type PacketSkip = 'unknown_link_type' | 'not_ip' | 'not_tcp' | 'fragment' | 'headers_cut';

export const TCP_FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const;

const TCP = 6;
const IPV4_ADDRESS_BYTES = 4;
const IPV6_ADDRESS_BYTES = 16;
const IPV6_HEADER_BYTES = 40;
const MAX_EXTENSIONS = 8;

/** Reused for every packet: valid until the next read(). */
export class TcpSegment {
  bytes: Buffer = Buffer.alloc(0);
  /** Where the source address lies; the target's follows it. */
  addressAt = 0;
  /** 4 or 16. */
  addressBytes: number = IPV4_ADDRESS_BYTES;
  sourcePort = 0;
  targetPort = 0;
  /** As signed 32-bit numbers: only their differences mean anything. */
  sequence = 0;
  acknowledged = 0;
  flags = 0;
  payloadStart = 0;
  /** Behind the last captured byte of the payload. */
  payloadEnd = 0;
  /** Bytes of the payload on the wire; more than were captured where the snap length cut. */
  payloadLength = 0;
  timeMs = 0;

  /** Fills this segment from a packet; a reason if it holds none. */
  read(packet: CapturedPacket): PacketSkip | null {
    const { bytes, start, end } = packet;
    const ip = findIp(packet.linkType, bytes, start, end);
    if (ip === UNKNOWN_LINK) return 'unknown_link_type';
    if (ip === NOT_IP) return 'not_ip';
    this.bytes = bytes;
    this.timeMs = packet.timeMs;
    // Where the packet ends on the wire, in offsets of this buffer: behind `end` if the snap length cut it.
    const wireEnd = start + Math.max(packet.originalLength, end - start);
    const version = (bytes[ip] as number) >> 4;
    if (version === 4) return this.#readIpv4(ip, end, wireEnd);
    return version === 6 ? this.#readIpv6(ip, end, wireEnd) : 'not_ip';
  }

  #readIpv4(at: number, end: number, wireEnd: number): PacketSkip | null {
    if (end - at < 20) return 'headers_cut';
    const headerBytes = ((this.bytes[at] as number) & 0x0f) * 4;
    if (headerBytes < 20) return 'not_ip';
    // More fragments, or an offset: the ports are only in the first of them, and its payload is not whole.
    if ((readNet16(this.bytes, at + 6) & 0x3fff) !== 0) return 'fragment';
    if (this.bytes[at + 9] !== TCP) return 'not_tcp';
    this.addressAt = at + 12;
    this.addressBytes = IPV4_ADDRESS_BYTES;
    const total = readNet16(this.bytes, at + 2);
    return this.#readTcp(at + headerBytes, end, total === 0 ? wireEnd : at + total);
  }

  #readIpv6(at: number, end: number, wireEnd: number): PacketSkip | null {
    if (end - at < IPV6_HEADER_BYTES) return 'headers_cut';
    this.addressAt = at + 8;
    this.addressBytes = IPV6_ADDRESS_BYTES;
    const total = readNet16(this.bytes, at + 4);
    const ipEnd = total === 0 ? wireEnd : at + IPV6_HEADER_BYTES + total;
    let header = this.bytes[at + 6] as number;
    let next = at + IPV6_HEADER_BYTES;
    for (let left = MAX_EXTENSIONS; header !== TCP; left--) {
      const length = left > 0 ? this.#extensionBytes(header, next, end) : 'not_tcp';
      if (typeof length === 'string') return length;
      header = this.bytes[next] as number;
      next += length;
    }
    return this.#readTcp(next, end, ipEnd);
  }

  /** Length of an IPv6 extension header, or why the packet is not read on. */
  #extensionBytes(header: number, at: number, end: number): number | PacketSkip {
    if (!isExtension(header)) return 'not_tcp';
    if (end - at < 8) return 'headers_cut';
    const units = this.bytes[at + 1] as number;
    switch (header) {
      case 44:
        // A fragment header on a packet that is not in fragments is legal (RFC 6946).
        return (readNet16(this.bytes, at + 2) & 0xfff9) === 0 ? 8 : 'fragment';
      case 51:
        return (units + 2) * 4;
      default:
        return (units + 1) * 8;
    }
  }

  #readTcp(at: number, end: number, ipEnd: number): PacketSkip | null {
    const { bytes } = this;
    if (end - at < 20) return 'headers_cut';
    this.sourcePort = readNet16(bytes, at);
    this.targetPort = readNet16(bytes, at + 2);
    this.sequence = readNetInt32(bytes, at + 4);
    this.acknowledged = readNetInt32(bytes, at + 8);
    this.flags = bytes[at + 13] as number;
    const payload = at + ((bytes[at + 12] as number) >> 4) * 4;
    if (payload < at + 20 || payload > ipEnd) return 'not_tcp';
    if (payload > end) return 'headers_cut';
    this.payloadStart = payload;
    // What stands behind the IP packet is padding of the link layer.
    this.payloadEnd = Math.min(end, ipEnd);
    this.payloadLength = ipEnd - payload;
    return null;
  }
}

/** Hop-by-hop, routing, fragment, authentication, destination options, mobility, host identity, shim. */
function isExtension(header: number): boolean {
  return (
    header === 0 ||
    header === 43 ||
    header === 44 ||
    header === 51 ||
    header === 60 ||
    header === 135 ||
    header === 139 ||
    header === 140
  );
}
