// Both directions of one TCP connection, put in order: bytes leave it in the sequence in which the two ends saw them.
// Knows no MongoDB: where bytes go and what they mean is the recogniser's. Invariants: a segment is not handed on before
// the bytes of the other direction which its sender had acknowledged; what is held is bounded, and beyond it counts as lost.
//
// Why acknowledgements: captures reorder packets across directions too. A reply that leaves before its request has no
// operation to belong to. Acknowledged bytes that never come were lost by the capture, not by the network.

import type { CaptureCounts } from './counts.ts';
import type { Direction } from './endpoints.ts';
import { TCP_FLAG, type TcpSegment } from './tcp-segment.ts';
import { distance, type HeldSegment, TcpStream } from './tcp-stream.ts';

/** Who ended a connection: the sender of a direction, or the capture. */
export type EndedBy = Direction | 'capture';

/** Takes what a connection carries, in order. Milliseconds never go back within a connection. */
export interface StreamSink {
  /** False: nobody reads it any more, nothing need be put in order. */
  readonly isListening: boolean;
  /** Valid during the call only. */
  bytes(direction: Direction, bytes: Buffer, timeMs: number): void;
  /** Bytes of this direction are missing here. */
  gap(direction: Direction, timeMs: number): void;
  end(by: EndedBy, timeMs: number): void;
}

/** Patience with bytes that the receiver has and the capture has not. */
const ACKNOWLEDGED_PACKETS = 64;
const ACKNOWLEDGED_MS = 1000;
/** Patience with bytes that nobody has: the sender will repeat them. */
const MISSING_MS = 30_000;
const MAX_HELD_SEGMENTS = 1000;
const MAX_HELD_BYTES = 1_048_576;
/** An acknowledgement further off than this is no acknowledgement of this connection. */
const FAR_BYTES = 0x0400_0000;

export class TrackedConnection {
  readonly streams: readonly [TcpStream, TcpStream] = [new TcpStream(), new TcpStream()];
  readonly #sink: StreamSink;
  readonly #counts: CaptureCounts;
  /** Of the latest packet. */
  #timeMs: number = -Infinity;
  /** Of the latest bytes handed on. */
  #handedOnMs: number = -Infinity;
  /** Since when, and for how many packets, something is held. */
  #blockedSinceMs = 0;
  #blockedPackets = 0;
  #firstEnd: Direction | null = null;
  #isEnded = false;

  constructor(sink: StreamSink, counts: CaptureCounts) {
    this.#sink = sink;
    this.#counts = counts;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get lastMs(): number {
    return this.#timeMs;
  }

  get heldBytes(): number {
    return this.streams[0].heldBytes + this.streams[1].heldBytes;
  }

  /** Takes a segment that is known to be of this connection and not of one before or after it on the same ports. */
  take(segment: TcpSegment, direction: Direction): void {
    if (this.#isEnded) return;
    const { flags } = segment;
    if (segment.timeMs > this.#timeMs) this.#timeMs = segment.timeMs;
    if (flags & TCP_FLAG.ack) (this.streams[1 - direction] as TcpStream).acknowledge(segment.acknowledged);
    const sequence = flags & TCP_FLAG.syn ? (segment.sequence + 1) | 0 : segment.sequence;
    if (!this.#sink.isListening) this.streams[direction].pass((sequence + segment.payloadLength) | 0);
    else if (segment.payloadLength > 0) this.#takePayload(segment, direction, sequence);
    if (flags & TCP_FLAG.fin) this.#takeFin(direction, (sequence + segment.payloadLength) | 0);
    if (this.#isBlocked) this.#unblock();
    if (flags & (TCP_FLAG.fin | TCP_FLAG.rst) || this.#firstEnd !== null) this.#endIfOver(flags, direction);
  }

  /** Hands on what is held, whatever is missing, and ends the connection. */
  end(by: EndedBy): void {
    if (this.#isEnded) return;
    this.release();
    this.#isEnded = true;
    this.#sink.end(by, this.#timeMs);
  }

  /** Hands on what is held, whatever is missing: the end has come, or memory is short. */
  release(): void {
    this.#handOnHeld();
    while (this.#isBlocked) this.#giveUpOnce();
  }

  #takeFin(direction: Direction, sequence: number): void {
    this.#firstEnd ??= direction;
    const stream = this.streams[direction];
    if (stream.isPlaced) stream.finish(sequence);
  }

  #endIfOver(flags: number, direction: Direction): void {
    const isOver = this.streams[0].isFinished && this.streams[1].isFinished;
    if (isOver || flags & TCP_FLAG.rst) this.end(this.#firstEnd ?? direction);
  }

  #takePayload(segment: TcpSegment, direction: Direction, sequence: number): void {
    const stream = this.streams[direction];
    if (!stream.isPlaced) {
      stream.next = sequence;
      stream.isPlaced = true;
    }
    const { payloadStart, payloadEnd, payloadLength } = segment;
    const offset = distance(stream.next, sequence);
    const old = offset < 0 ? -offset : 0;
    if (old >= payloadLength) {
      this.#counts.repeatedSegments += 1;
      return;
    }
    if (payloadEnd - payloadStart < payloadLength) this.#counts.cutSegments += 1;
    const bytes = segment.bytes.subarray(Math.min(payloadStart + old, payloadEnd), payloadEnd);
    if (offset <= 0 && stream.held.length === 0 && !this.#mustWait(segment, direction)) {
      this.#handOn(direction, bytes, payloadLength - old, segment.timeMs);
    } else {
      this.#hold(segment, direction, offset, bytes);
    }
  }

  /** @param offset of the segment behind what comes next; @param bytes its captured bytes that are new */
  #hold(segment: TcpSegment, direction: Direction, offset: number, bytes: Buffer): void {
    const stream = this.streams[direction];
    if (offset > 0) this.#counts.earlySegments += 1;
    if (!this.#isBlocked) this.#restartPatience();
    const old = offset < 0 ? -offset : 0;
    stream.hold({
      sequence: (stream.next + Math.max(offset, 0)) | 0,
      bytes,
      length: segment.payloadLength - old,
      flags: segment.flags,
      acknowledged: segment.acknowledged,
      timeMs: segment.timeMs,
    });
  }

  get #isBlocked(): boolean {
    return this.streams[0].held.length > 0 || this.streams[1].held.length > 0;
  }

  /** Its sender has seen bytes of the other direction that were not handed on yet. */
  #mustWait({ flags, acknowledged }: Pick<TcpSegment, 'flags' | 'acknowledged'>, direction: Direction): boolean {
    const other = this.streams[1 - direction] as TcpStream;
    if (!(flags & TCP_FLAG.ack) || !other.isPlaced) return false;
    const ahead = distance(other.next, acknowledged);
    return ahead > 0 && ahead < FAR_BYTES;
  }

  #handOn(direction: Direction, bytes: Buffer, length: number, timeMs: number): void {
    const stream = this.streams[direction];
    if (timeMs > this.#handedOnMs) this.#handedOnMs = timeMs;
    stream.advance((stream.next + length) | 0);
    if (bytes.length > 0) this.#sink.bytes(direction, bytes, this.#handedOnMs);
    if (bytes.length < length) this.#tellGap(direction, length - bytes.length);
  }

  #tellGap(direction: Direction, bytes: number): void {
    if (!this.#sink.isListening) return;
    this.#counts.gaps += 1;
    this.#counts.gapBytes += bytes;
    this.#sink.gap(direction, this.#handedOnMs);
  }

  /** Hands on what can be, and gives up on bytes that have been waited for long enough. */
  #unblock(): void {
    if (!this.#sink.isListening) {
      for (const stream of this.streams) stream.drop();
      return;
    }
    this.#handOnHeld();
    this.#blockedPackets += 1;
    while (this.#isBlocked && this.#isPatienceOver()) this.#giveUpOnce();
  }

  #handOnHeld(): void {
    let moved = true;
    while (moved) {
      moved = this.#handOnFirst(0) || this.#handOnFirst(1);
    }
  }

  /** False: the direction has nothing to hand on now. */
  #handOnFirst(direction: Direction): boolean {
    const stream = this.streams[direction];
    const first = stream.held[0];
    if (first === undefined) return false;
    const old = distance(first.sequence, stream.next);
    if (old < 0 || (old < first.length && this.#mustWait(first, direction))) return false;
    stream.takeFirst();
    // More than 0 only where bytes stand behind a FIN.
    if (old < first.length) this.#handOn(direction, first.bytes.subarray(old), first.length - old, first.timeMs);
    this.#restartPatience();
    return true;
  }

  #restartPatience(): void {
    this.#blockedSinceMs = this.#timeMs;
    this.#blockedPackets = 0;
  }

  #isPatienceOver(): boolean {
    const waitedMs = this.#timeMs - this.#blockedSinceMs;
    if (waitedMs > MISSING_MS || this.streams.some(isFull)) return true;
    if (waitedMs <= ACKNOWLEDGED_MS && this.#blockedPackets <= ACKNOWLEDGED_PACKETS) return false;
    const { stream } = this.#findHole();
    return stream.hasAcknowledged && distance(stream.next, stream.acknowledged) > 0;
  }

  /** Makes the longest waiting segment wait for one thing less. */
  #giveUpOnce(): void {
    const { direction, stream, end, waiting } = this.#findHole();
    const missing = distance(stream.next, end);
    if (missing > 0) {
      stream.advance(end);
      this.#tellGap(direction, missing);
    } else {
      // Two segments that have each seen the other cannot be; one of them must go first.
      waiting.flags &= ~TCP_FLAG.ack;
    }
    this.#restartPatience();
    this.#handOnHeld();
  }

  /** The bytes that the longest waiting segment waits for; only asked while something is held. */
  #findHole(): { direction: Direction; stream: TcpStream; end: number; waiting: HeldSegment } {
    const [one, two] = this.streams;
    const oneMs = one.held[0]?.timeMs ?? Infinity;
    const direction: Direction = oneMs <= (two.held[0]?.timeMs ?? Infinity) && one.held.length > 0 ? 0 : 1;
    const stream = this.streams[direction];
    const waiting = stream.held[0] as HeldSegment;
    if (distance(stream.next, waiting.sequence) > 0) return { direction, stream, end: waiting.sequence, waiting };
    const opposite: Direction = direction === 0 ? 1 : 0;
    const other = this.streams[opposite];
    const otherFirst = other.held[0];
    const isNearer = otherFirst !== undefined && distance(otherFirst.sequence, waiting.acknowledged) > 0;
    const end = isNearer ? otherFirst.sequence : waiting.acknowledged;
    return { direction: opposite, stream: other, end, waiting };
  }
}

function isFull(stream: TcpStream): boolean {
  return stream.held.length > MAX_HELD_SEGMENTS || stream.heldBytes > MAX_HELD_BYTES;
}
