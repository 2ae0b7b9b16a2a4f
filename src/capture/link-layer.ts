// Finds the IP header behind the link layer's: Ethernet with VLAN tags, loopback, Linux cooked, raw IP.
// Checks no checksum and reads no IP. Invariant: reads nothing behind `end`.

import { readNet16 } from './numbers.ts';

/** LINKTYPE_ numbers, and the DLT_ numbers that some systems write for the same. */
const LINK = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

const ETHER_IPV4 = 0x0800;
const ETHER_IPV6 = 0x86dd;
const MAX_TAGS = 4;
const TAG_BYTES = 4;
const COOKED2_BYTES = 20;

/** Answers of findIp that are no offset. */
export const NOT_IP = -1;
export const UNKNOWN_LINK = -2;

/** Offset of the IP header of a packet at bytes[start, end); NOT_IP or UNKNOWN_LINK if there is none. */
export function findIp(linkType: number, bytes: Buffer, start: number, end: number): number {
  switch (linkType) {
    case LINK.ethernet:
      return behindTags(bytes, start + 12, end);
    case LINK.linuxCooked:
      return behindTags(bytes, start + 14, end);
    case LINK.linuxCooked2:
      return behindCooked2(bytes, start, end);
    case LINK.null:
    case LINK.loop:
      // The address family is in anybody's byte order and has four numbers for IPv6: the IP version itself is surer.
      return inside(start + 4, end);
    case LINK.raw:
    case LINK.rawBsd:
    case LINK.rawOpenBsd:
    case LINK.ipv4:
    case LINK.ipv6:
      return inside(start, end);
    default:
      return UNKNOWN_LINK;
  }
}

function inside(at: number, end: number): number {
  return at < end ? at : NOT_IP;
}

/** From an EtherType at `at`, past VLAN tags, to the IP header behind it. */
function behindTags(bytes: Buffer, at: number, end: number): number {
  let type = at;
  for (let tags = 0; tags <= MAX_TAGS && type + 2 <= end; tags++) {
    const value = readNet16(bytes, type);
    if (value === ETHER_IPV4 || value === ETHER_IPV6) return inside(type + 2, end);
    if (!isTag(value)) return NOT_IP;
    type += TAG_BYTES;
  }
  return NOT_IP;
}

/** Version 2 has its protocol in front: a tag there means that the tag's own EtherType stands behind the header. */
function behindCooked2(bytes: Buffer, start: number, end: number): number {
  if (end - start < COOKED2_BYTES) return NOT_IP;
  const protocol = readNet16(bytes, start);
  if (protocol === ETHER_IPV4 || protocol === ETHER_IPV6) return inside(start + COOKED2_BYTES, end);
  return isTag(protocol) ? behindTags(bytes, start + COOKED2_BYTES + 2, end) : NOT_IP;
}

/** 802.1Q, 802.1ad and the numbers that were used before it. */
function isTag(etherType: number): boolean {
  return etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100 || etherType === 0x9200;
}
