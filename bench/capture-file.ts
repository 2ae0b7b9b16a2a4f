// Writes large captures for bench/decode.ts: connections that ask and are answered, as Ethernet packets in a pcap file.
// The bytes are those of real messages (codecs/encode.ts); sequence numbers and acknowledgements are right, checksums empty.

import { closeSync, openSync, writeSync } from 'node:fs';
import { Binary, encodeMessage } from '../codecs/index.ts';

export interface CaptureShape {
  readonly bytes: number;
  readonly connections: number;
  /** Bytes of the text in each reply. */
  readonly replyBytes: number;
  /** Payload of a segment: 1448 on a network, up to 65 483 on loopback. */
  readonly segmentBytes: number;
}

export interface CaptureWritten {
  readonly bytes: number;
  readonly operations: number;
  readonly messages: number;
}

export const SERVER_PORT = 27_017;

const HEAD_BYTES = 16 + 14 + 20 + 20;
const FLUSH_BYTES = 8_000_000;
const START_SECONDS = 1_700_000_000;

class PcapOutput {
  readonly #file: number;
  readonly #buffer: Buffer = Buffer.alloc(FLUSH_BYTES + 70_000);
  #filled = 0;
  #micros = 0;
  written = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(262_144, 16);
    header.writeUInt32LE(1, 20);
    this.written += writeSync(this.#file, header);
  }

  packet(side: EndState, other: EndState, fromClient: boolean, payload: Buffer): void {
    const bytes = this.#buffer;
    const at = this.#filled;
    const length = 54 + payload.length;
    this.#micros += 5;
    bytes.fill(0, at, at + HEAD_BYTES);
    bytes.writeUInt32LE(START_SECONDS + Math.floor(this.#micros / 1e6), at);
    bytes.writeUInt32LE(this.#micros % 1e6, at + 4);
    bytes.writeUInt32LE(length, at + 8);
    bytes.writeUInt32LE(length, at + 12);
    bytes.writeUInt16BE(0x0800, at + 28);
    bytes[at + 30] = 0x45;
    bytes.writeUInt16BE(length - 14, at + 32);
    bytes[at + 38] = 64;
    bytes[at + 39] = 6;
    bytes.writeUInt32BE(fromClient ? 0x0a000001 : 0x0a000002, at + 42);
    bytes.writeUInt32BE(fromClient ? 0x0a000002 : 0x0a000001, at + 46);
    bytes.writeUInt16BE(side.port, at + 50);
    bytes.writeUInt16BE(other.port, at + 52);
    bytes.writeUInt32BE(side.next >>> 0, at + 54);
    bytes.writeUInt32BE(other.next >>> 0, at + 58);
    bytes[at + 62] = 0x50;
    bytes[at + 63] = 0x18;
    bytes.writeUInt16BE(0xffff, at + 64);
    payload.copy(bytes, at + HEAD_BYTES);
    side.next += payload.length;
    this.#filled += HEAD_BYTES + payload.length;
    this.written += HEAD_BYTES + payload.length;
    if (this.#filled >= FLUSH_BYTES) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#buffer, 0, this.#filled);
    this.#filled = 0;
  }
}

interface EndState {
  readonly port: number;
  next: number;
}

/** Every reply is acknowledged by an empty packet, and every request by its reply, as on a quiet network. */
export function writeCapture(path: string, shape: CaptureShape): CaptureWritten {
  const output = new PcapOutput(path);
  const ends = Array.from({ length: shape.connections }, (_, index) => ({
    client: { port: 40_000 + index, next: 1000 * index },
    server: { port: SERVER_PORT, next: 77 * index },
  }));
  const requests = Array.from({ length: 16 }, (_, index) => requestOf(index));
  const reply = replyOf(shape.replyBytes);
  let operations = 0;
  while (output.written < shape.bytes) {
    const { client, server } = ends[operations % ends.length] as (typeof ends)[number];
    const request = requests[operations % requests.length] as Buffer;
    const id = operations + 1;
    request.writeInt32LE(id, 4);
    reply.writeInt32LE(0x4000_0000 + id, 4);
    reply.writeInt32LE(id, 8);
    output.packet(client, server, true, request);
    for (let at = 0; at < reply.length; at += shape.segmentBytes) {
      output.packet(server, client, false, reply.subarray(at, at + shape.segmentBytes));
    }
    output.packet(client, server, true, Buffer.alloc(0));
    operations += 1;
  }
  output.close();
  return { bytes: output.written, operations, messages: 2 * operations };
}

function requestOf(index: number): Buffer {
  const comment = `{"callingFunction": "Orders.site${index}", "hostname": "app-1"}`;
  const lsid = { id: new Binary(Buffer.alloc(16, index), Binary.SUBTYPE_UUID) };
  return encodeMessage({ find: 'orders', filter: { customer: index }, comment, lsid, $db: 'shop' }, 1, 0);
}

/** Documents of about 1 KB, as many as it takes. */
function replyOf(bytes: number): Buffer {
  const size = Math.min(bytes, 1000);
  const document = { _id: 1, name: 'a customer', total: 12.5, text: 'x'.repeat(size) };
  const firstBatch = Array.from({ length: Math.max(1, Math.round(bytes / 1000)) }, () => document);
  return encodeMessage({ cursor: { id: 0, ns: 'shop.orders', firstBatch }, ok: 1 }, 1, 1);
}
