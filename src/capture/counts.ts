// What a capture held and what of it could not be read: plain counts by reason.
// Invariant: every packet and every connection is counted in exactly one place of its kind.

import { Tally } from '../core/tally.ts';
import type { PacketSkip } from './tcp-segment.ts';

/**
 * What was spoken on a connection. other: nothing that is known; silent: no payload was captured; cut: it ended, or the
 * capture did, before its first bytes told.
 */
export type ConnectionKind = 'mongodb' | 'tls' | 'http' | 'other' | 'silent' | 'cut';

/** Servers and link types named one by one; more are only counted. */
const MAX_NAMED = 20;

export class CaptureCounts {
  packets = 0;
  /** On the wire, link layer included. */
  packetBytes = 0;
  /** Milliseconds since 1970; Infinity and -Infinity before the first packet. */
  firstMs: number = Infinity;
  lastMs: number = -Infinity;
  readonly skipped: Tally<PacketSkip> = new Tally();
  /** Numbers of link types that are not read. */
  readonly unknownLinkTypes: Set<number> = new Set();
  /** TCP segments with payload, and the bytes of it. */
  segments = 0;
  payloadBytes = 0;
  readonly connections: Tally<ConnectionKind> = new Tally();
  /** MongoDB connections whose beginning was not captured. */
  joinedLate = 0;
  /** Connections given up because too many were open at once. */
  evicted = 0;
  /** Servers on which TLS was spoken, by `host:port`. */
  readonly tlsServers: Map<string, number> = new Map();
  /** Segments whose bytes had all come before. */
  repeatedSegments = 0;
  /** Segments that came before bytes in front of them. */
  earlySegments = 0;
  /** Segments that the snap length cut. */
  cutSegments = 0;
  /** Places in streams of MongoDB where bytes are missing, and how many bytes. */
  gaps = 0;
  gapBytes = 0;

  noteLinkType(linkType: number): void {
    if (this.unknownLinkTypes.size < MAX_NAMED) this.unknownLinkTypes.add(linkType);
  }

  noteTls(server: string): void {
    const known = this.tlsServers.get(server);
    if (known !== undefined || this.tlsServers.size < MAX_NAMED) this.tlsServers.set(server, (known ?? 0) + 1);
  }
}
