// The two ends of a TCP connection: told apart quickly for every segment, and as text for people.
// Invariant: the source is the end that sent the first segment seen.

import { readNet16, readNet32 } from './numbers.ts';
import type { TcpSegment } from './tcp-segment.ts';

/** Which way a segment goes: from the source or from the target of the first segment seen. */
export type Direction = 0 | 1;

export class Endpoints {
  readonly sourcePort: number;
  readonly targetPort: number;
  /** Source, then target. */
  readonly #addresses: Buffer;

  constructor(segment: TcpSegment) {
    const { bytes, addressAt, addressBytes } = segment;
    this.sourcePort = segment.sourcePort;
    this.targetPort = segment.targetPort;
    this.#addresses = Buffer.from(bytes.subarray(addressAt, addressAt + 2 * addressBytes));
  }

  /** null: the segment belongs to another connection. */
  directionOf(segment: TcpSegment): Direction | null {
    const size = segment.addressBytes;
    if (this.#addresses.length !== 2 * size) return null;
    const { bytes, addressAt } = segment;
    if (segment.sourcePort === this.sourcePort && segment.targetPort === this.targetPort) {
      if (this.#equals(0, bytes, addressAt, 2 * size)) return 0;
    }
    if (segment.sourcePort !== this.targetPort || segment.targetPort !== this.sourcePort) return null;
    return this.#equals(0, bytes, addressAt + size, size) && this.#equals(size, bytes, addressAt, size) ? 1 : null;
  }

  get sourceHost(): string {
    return hostText(this.#addresses.subarray(0, this.#addresses.length / 2));
  }

  get targetHost(): string {
    return hostText(this.#addresses.subarray(this.#addresses.length / 2));
  }

  #equals(at: number, bytes: Buffer, from: number, length: number): boolean {
    const addresses = this.#addresses;
    for (let i = 0; i < length; i++) if (addresses[at + i] !== bytes[from + i]) return false;
    return true;
  }
}

/** The same small number for both directions of a connection; different connections may share it. */
export function connectionHash(segment: TcpSegment): number {
  const { bytes, addressAt, addressBytes, sourcePort, targetPort } = segment;
  let mixed = 0;
  for (let i = 0; i < addressBytes; i += 4) {
    mixed = Math.imul(mixed, 31) ^ readNet32(bytes, addressAt + i) ^ readNet32(bytes, addressAt + addressBytes + i);
  }
  const ports = Math.imul(sourcePort ^ targetPort, 0x85eb_ca6b) + sourcePort + targetPort;
  return (Math.imul(mixed, 0x9e37_79b1) ^ ports) >>> 2;
}

/** An IPv4 address in dots, an IPv6 address as RFC 5952 writes it. */
export function hostText(address: Buffer): string {
  return address.length === 4 ? address.join('.') : ipv6Text(address);
}

function ipv6Text(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => readNet16(address, index * 2));
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return `::ffff:${address.subarray(12).join('.')}`;
  const { start, length } = longestZeros(groups);
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = end;
  }
  return best;
}

/** `host:port`, an IPv6 host in brackets. */
export function endpointText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
