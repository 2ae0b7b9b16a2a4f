// All TCP connections of a capture: finds the one a segment belongs to, tells a new one on the same ports from the old,
// and bounds how many are kept and how much they hold. Puts nothing in order (tracked-connection.ts) and reads no content.
// Invariant: at most MAX_CONNECTIONS are kept, at most MAX_HELD_BYTES of theirs beside the connection at hand.

import type { CaptureCounts } from './counts.ts';
import { connectionHash, type Direction, Endpoints } from './endpoints.ts';
import { type OpenConversation, Recogniser } from './recogniser.ts';
import { TCP_FLAG, type TcpSegment } from './tcp-segment.ts';
import { distance, type TcpStream } from './tcp-stream.ts';
import { TrackedConnection } from './tracked-connection.ts';

export interface ConnectionTableOptions {
  readonly counts: CaptureCounts;
  readonly open: OpenConversation;
  /** Connections kept at once; beyond it the tenth that has been silent longest is given up. Default 50 000. */
  readonly maxConnections?: number;
}

interface Entry {
  readonly endpoints: Endpoints;
  tracked: TrackedConnection;
}

const DEFAULT_MAX_CONNECTIONS = 50_000;
const MAX_HELD_BYTES = 67_108_864;
/** Connections with the same hash; only made on purpose would there be more. */
const MAX_ALIKE = 32;
/** A SYN this close before bytes that were seen is a late one of the same connection. */
const LATE_SYN_BYTES = 1_048_576;

export class ConnectionTable {
  readonly #counts: CaptureCounts;
  readonly #open: OpenConversation;
  readonly #max: number;
  readonly #entries: Map<number, Entry[]> = new Map();
  #size = 0;
  #heldBytes = 0;

  constructor({ counts, open, maxConnections }: ConnectionTableOptions) {
    this.#counts = counts;
    this.#open = open;
    this.#max = maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  }

  /** Connections kept, ended ones included. */
  get size(): number {
    return this.#size;
  }

  /** Bytes held out of order. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  take(segment: TcpSegment): void {
    const hash = connectionHash(segment);
    const alike = this.#entries.get(hash);
    if (alike !== undefined) {
      for (const entry of alike) {
        const direction = entry.endpoints.directionOf(segment);
        if (direction === null) continue;
        this.#takeKnown(entry, segment, direction);
        return;
      }
    }
    this.#hand(this.#add(hash, segment), segment, 0);
  }

  /** The capture is over: hands on what is held and ends every connection. */
  finish(): void {
    for (const alike of this.#entries.values()) for (const { tracked } of alike) tracked.end('capture');
    this.#entries.clear();
    this.#size = 0;
    this.#heldBytes = 0;
  }

  #takeKnown(entry: Entry, segment: TcpSegment, direction: Direction): void {
    if (isOther(entry.tracked, segment, direction)) {
      this.#heldBytes -= entry.tracked.heldBytes;
      entry.tracked.end('capture');
      entry.tracked = this.#track(entry.endpoints, segment, direction);
    } else if (segment.flags & TCP_FLAG.syn) {
      const stream = entry.tracked.streams[direction];
      if (!stream.isPlaced) stream.begin(segment.sequence);
    }
    this.#hand(entry.tracked, segment, direction);
  }

  #hand(tracked: TrackedConnection, segment: TcpSegment, direction: Direction): void {
    const before = tracked.heldBytes;
    tracked.take(segment, direction);
    const after = tracked.heldBytes;
    if (before === after) return;
    this.#heldBytes += after - before;
    if (this.#heldBytes <= MAX_HELD_BYTES || after < before) return;
    tracked.release();
    this.#heldBytes -= after;
  }

  #add(hash: number, segment: TcpSegment): TrackedConnection {
    if (this.#size >= this.#max) this.#evict();
    const endpoints = new Endpoints(segment);
    const tracked = this.#track(endpoints, segment, 0);
    const alike = this.#entries.get(hash);
    if (alike === undefined) {
      this.#entries.set(hash, [{ endpoints, tracked }]);
    } else {
      if (alike.length >= MAX_ALIKE) this.#giveUp(alike.shift());
      alike.push({ endpoints, tracked });
    }
    this.#size += 1;
    return tracked;
  }

  #track(endpoints: Endpoints, segment: TcpSegment, direction: Direction): TrackedConnection {
    const hasSyn = (segment.flags & TCP_FLAG.syn) !== 0;
    const recogniser = new Recogniser(endpoints, !hasSyn, this.#counts, this.#open);
    const tracked = new TrackedConnection(recogniser, this.#counts);
    if (hasSyn) tracked.streams[direction].begin(segment.sequence);
    return tracked;
  }

  /** Gives up the tenth that has been silent longest, so that the search for them is paid by many additions. */
  #evict(): void {
    const times = [...this.#entries.values()].flatMap((alike) => alike.map(({ tracked }) => tracked.lastMs));
    times.sort((a, b) => a - b);
    const limitMs = times[Math.floor(times.length / 10)] ?? Infinity;
    for (const [hash, alike] of this.#entries) {
      const kept = alike.filter((entry) => entry.tracked.lastMs > limitMs || !this.#giveUp(entry));
      if (kept.length === 0) this.#entries.delete(hash);
      else if (kept.length < alike.length) this.#entries.set(hash, kept);
    }
  }

  #giveUp(entry: Entry | undefined): boolean {
    if (entry === undefined) return false;
    this.#size -= 1;
    this.#heldBytes -= entry.tracked.heldBytes;
    if (!entry.tracked.isEnded) this.#counts.evicted += 1;
    entry.tracked.end('capture');
    return true;
  }
}

/** Whether the segment begins another connection on the same ports. */
function isOther(tracked: TrackedConnection, segment: TcpSegment, direction: Direction): boolean {
  const stream = tracked.streams[direction];
  if (segment.flags & TCP_FLAG.syn) return isOtherSyn(tracked, stream, segment);
  // After the end only stragglers come, unless the SYN of the next connection was lost.
  const isFar = stream.isPlaced && Math.abs(distance(stream.next, segment.sequence)) > LATE_SYN_BYTES;
  return tracked.isEnded && segment.payloadLength > 0 && isFar;
}

function isOtherSyn(tracked: TrackedConnection, stream: TcpStream, segment: TcpSegment): boolean {
  if (stream.initial !== null) return stream.initial !== segment.sequence;
  if (tracked.isEnded) return true;
  if (stream.isPlaced) {
    const ahead = distance((segment.sequence + 1) | 0, stream.next);
    return ahead < 0 || ahead > LATE_SYN_BYTES;
  }
  // Nothing of this direction was seen: an answer to a SYN belongs here, a first SYN does not.
  return (segment.flags & TCP_FLAG.ack) === 0 && tracked.streams.some(({ isPlaced }) => isPlaced);
}
