// Writes capture files for tests: packets of tcp-script.ts as IP, in every link layer and file form that weir reads.
// Fills in no checksums, as captures of a sender with offload have none. Invariant: knows nothing of src/capture.

import type { ScriptedPacket } from './tcp-script.ts';

export interface IpOptions {
  /** Leaves the IP length 0, as segmentation offload does. */
  readonly zeroLength?: boolean;
  /** Bytes of IPv4 options, a multiple of 4. */
  readonly optionBytes?: number;
  /** IPv6 extension headers, by number, outermost first. */
  readonly extensions?: readonly number[];
  /** Value of the IPv4 flags and fragment offset field. */
  readonly fragment?: number;
  readonly protocol?: number;
}

/** One packet as a file holds it. */
export interface CaptureRecord {
  readonly timeMs: number;
  readonly bytes: Buffer;
}

export const LINK_TYPE = {
  null: 0,
  ethernet: 1,
  raw12: 12,
  raw: 101,
  loop: 108,
  cooked: 113,
  ipv4: 228,
  ipv6: 229,
  cooked2: 276,
} as const;

function addressBytes(host: string): Buffer {
  return host.includes('.') ? Buffer.from(host.split('.').map(Number)) : Buffer.from(host, 'hex');
}

function tcpBytes(packet: ScriptedPacket): Buffer {
  const { connection, fromClient } = packet;
  const header = Buffer.alloc(20);
  header.writeUInt16BE(fromClient ? connection.clientPort : connection.serverPort, 0);
  header.writeUInt16BE(fromClient ? connection.serverPort : connection.clientPort, 2);
  header.writeUInt32BE(packet.sequence, 4);
  header.writeUInt32BE(packet.acknowledged, 8);
  header[12] = 5 << 4;
  header[13] = packet.flags;
  header.writeUInt16BE(0xffff, 14);
  return Buffer.concat([header, packet.payload]);
}

/** The IP packet of a scripted one: IPv4 or IPv6 by its hosts. */
export function ipBytes(packet: ScriptedPacket, options: IpOptions = {}): Buffer {
  const { connection, fromClient } = packet;
  const client = addressBytes(connection.clientHost);
  const server = addressBytes(connection.serverHost);
  const addresses = fromClient ? Buffer.concat([client, server]) : Buffer.concat([server, client]);
  const tcp = tcpBytes(packet);
  return client.length === 4 ? ipv4(addresses, tcp, options) : ipv6(addresses, tcp, options);
}

function ipv4(addresses: Buffer, tcp: Buffer, options: IpOptions): Buffer {
  const optionBytes = options.optionBytes ?? 0;
  const header = Buffer.alloc(20 + optionBytes, 1);
  header.fill(0, 0, 20);
  header[0] = 0x40 | (5 + optionBytes / 4);
  header.writeUInt16BE(options.zeroLength === true ? 0 : header.length + tcp.length, 2);
  header.writeUInt16BE(options.fragment ?? 0x4000, 6);
  header[8] = 64;
  header[9] = options.protocol ?? 6;
  addresses.copy(header, 12);
  return Buffer.concat([header, tcp]);
}

function ipv6(addresses: Buffer, tcp: Buffer, options: IpOptions): Buffer {
  const extensions = options.extensions ?? [];
  const headers = extensions.map((_, index) => {
    const header = Buffer.alloc(extensions[index] === 44 ? 8 : 16);
    header[0] = extensions[index + 1] ?? options.protocol ?? 6;
    // Units of 8 bytes beside the first; authentication counts units of 4 beside the first two.
    header[1] = { 44: 0, 51: 2 }[extensions[index] as number] ?? 1;
    return header;
  });
  const body = Buffer.concat([...headers, tcp]);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(options.zeroLength === true ? 0 : body.length, 4);
  header[6] = extensions[0] ?? options.protocol ?? 6;
  header[7] = 64;
  addresses.copy(header, 8);
  return Buffer.concat([header, body]);
}

/** Puts an IP packet into a link layer. `tags`: EtherTypes of VLAN tags, outermost first. */
export function linkBytes(linkType: number, ip: Buffer, tags: readonly number[] = []): Buffer {
  const etherType = (ip[0] as number) >> 4 === 6 ? 0x86dd : 0x0800;
  const types = [...tags, etherType];
  const tagged = Buffer.concat(types.slice(1).map((type) => Buffer.from([0, 42, type >> 8, type & 0xff])));
  const first = Buffer.from([(types[0] as number) >> 8, (types[0] as number) & 0xff]);
  switch (linkType) {
    case LINK_TYPE.ethernet:
      return Buffer.concat([Buffer.alloc(12, 2), first, tagged, ip]);
    case LINK_TYPE.cooked:
      return Buffer.concat([Buffer.from([0, 0, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0]), first, tagged, ip]);
    case LINK_TYPE.cooked2:
      return Buffer.concat([first, Buffer.alloc(18, 1), tagged, ip]);
    case LINK_TYPE.null:
      return Buffer.concat([Buffer.from([etherType === 0x0800 ? 2 : 30, 0, 0, 0]), ip]);
    case LINK_TYPE.loop:
      return Buffer.concat([Buffer.from([0, 0, 0, etherType === 0x0800 ? 2 : 30]), ip]);
    default:
      return ip;
  }
}

/** Records of scripted packets. */
export function recordsOf(
  packets: readonly ScriptedPacket[],
  linkType: number = LINK_TYPE.ethernet,
  ip: IpOptions = {},
): CaptureRecord[] {
  return packets.map((packet) => ({ timeMs: packet.timeMs, bytes: linkBytes(linkType, ipBytes(packet, ip)) }));
}

export interface FileOptions {
  readonly bigEndian?: boolean;
  /** pcap: nanoseconds instead of microseconds. */
  readonly nanoseconds?: boolean;
  readonly linkType?: number;
  /** Cuts packets to this. */
  readonly snapLength?: number;
}

/** Writes 16 and 32 bits in the order of a file. */
class FileBytes {
  readonly #parts: Buffer[] = [];
  readonly #big: boolean;

  constructor(bigEndian: boolean) {
    this.#big = bigEndian;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(2);
      if (this.#big) part.writeUInt16BE(value);
      else part.writeUInt16LE(value);
      this.#parts.push(part);
    }
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(4);
      if (this.#big) part.writeUInt32BE(value >>> 0);
      else part.writeUInt32LE(value >>> 0);
      this.#parts.push(part);
    }
    return this;
  }

  bytes(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export function pcapFile(records: readonly CaptureRecord[], options: FileOptions = {}): Buffer {
  const file = new FileBytes(options.bigEndian === true);
  const perSecond = options.nanoseconds === true ? 1_000_000_000 : 1_000_000;
  const snap = options.snapLength ?? 262_144;
  file.u32(options.nanoseconds === true ? 0xa1b23c4d : 0xa1b2c3d4).u16(2, 4);
  file.u32(0, 0, snap, options.linkType ?? LINK_TYPE.ethernet);
  for (const { timeMs, bytes } of records) {
    const seconds = Math.floor(timeMs / 1000);
    const kept = bytes.subarray(0, snap);
    file.u32(seconds, Math.round((timeMs / 1000 - seconds) * perSecond), kept.length, bytes.length).bytes(kept);
  }
  return file.done();
}

/** A pcapng block: type, body padded to 4, length around it. */
export function block(type: number, body: Buffer, bigEndian = false): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  const length = padded.length + 12;
  return new FileBytes(bigEndian).u32(type, length).bytes(padded).u32(length).done();
}

export interface InterfaceOptions {
  readonly linkType?: number;
  readonly snapLength?: number;
  /** if_tsresol byte. */
  readonly resolution?: number;
  /** if_tsoffset in seconds. */
  readonly offsetSeconds?: number;
}

export const NG = {
  section: (bigEndian = false): Buffer =>
    block(0x0a0d0d0a, new FileBytes(bigEndian).u32(0x1a2b3c4d).u16(1, 0).u32(0xffffffff, 0xffffffff).done(), bigEndian),

  interface: (options: InterfaceOptions = {}, bigEndian = false): Buffer => {
    const body = new FileBytes(bigEndian).u16(options.linkType ?? LINK_TYPE.ethernet, 0).u32(options.snapLength ?? 0);
    // An option that nobody asks for stands in front: if_name.
    body.u16(2, 3).bytes(Buffer.from('lo0\0'));
    if (options.resolution !== undefined) body.u16(9, 1).bytes(Buffer.from([options.resolution, 0, 0, 0]));
    if (options.offsetSeconds !== undefined) {
      const high = Math.floor(options.offsetSeconds / 2 ** 32);
      const low = options.offsetSeconds >>> 0;
      body.u16(14, 8).u32(...(bigEndian ? [high, low] : [low, high]));
    }
    return block(1, body.u16(0, 0).done(), bigEndian);
  },

  /** `ticks`: the timestamp in the interface's units. */
  enhanced: (interfaceId: number, ticks: number, bytes: Buffer, options: FileOptions = {}): Buffer => {
    const big = options.bigEndian === true;
    const kept = bytes.subarray(0, options.snapLength);
    const body = new FileBytes(big)
      .u32(interfaceId, Math.floor(ticks / 2 ** 32), ticks % 2 ** 32, kept.length, bytes.length)
      .bytes(kept);
    return block(6, body.done(), big);
  },

  obsolete: (interfaceId: number, ticks: number, bytes: Buffer): Buffer =>
    block(
      2,
      new FileBytes(false)
        .u16(interfaceId, 0xffff)
        .u32(Math.floor(ticks / 2 ** 32), ticks % 2 ** 32, bytes.length, bytes.length)
        .bytes(bytes)
        .done(),
    ),

  simple: (bytes: Buffer, snapLength?: number): Buffer =>
    block(3, new FileBytes(false).u32(bytes.length).bytes(bytes.subarray(0, snapLength)).done()),
};

/** One section, one interface, enhanced packets in microseconds. */
export function pcapngFile(records: readonly CaptureRecord[], options: FileOptions = {}): Buffer {
  const big = options.bigEndian === true;
  const link = options.linkType ?? LINK_TYPE.ethernet;
  return Buffer.concat([
    NG.section(big),
    NG.interface({ linkType: link, snapLength: options.snapLength ?? 0 }, big),
    ...records.map(({ timeMs, bytes }) => NG.enhanced(0, Math.round(timeMs * 1000), bytes, options)),
  ]);
}
