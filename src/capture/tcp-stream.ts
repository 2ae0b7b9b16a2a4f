// One direction of a TCP connection: which bytes come next, and the segments that came too early, in order.
// Hands on nothing by itself and knows no time; tracked-connection.ts decides when to wait and when to give up.
// Invariants: held segments never overlap, lie behind `next`, and are copies; of overlapping bytes the first seen stay.

/** A segment that waits for bytes before it, or for bytes of the other direction that its sender has seen. */
export interface HeldSegment {
  readonly sequence: number;
  /** Captured bytes; fewer than `length` where the snap length cut. */
  readonly bytes: Buffer;
  readonly length: number;
  /** As in the segment's header. */
  flags: number;
  readonly acknowledged: number;
  readonly timeMs: number;
}

/** Distance from `from` to `to` on the 32-bit circle: negative if `to` lies before. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}

export class TcpStream {
  /** Sequence number of the next byte to hand on. */
  next = 0;
  /** `next` is known: a SYN was seen, or bytes were. */
  isPlaced = false;
  /** The SYN was seen: its number, else null. */
  initial: number | null = null;
  /** Behind the FIN, where one was seen. */
  finishedAt: number | null = null;
  /** How far the receiver said it has come. */
  acknowledged = 0;
  hasAcknowledged = false;
  readonly held: HeldSegment[] = [];
  heldBytes = 0;

  /** The stream starts behind this SYN. */
  begin(initial: number): void {
    this.initial = initial;
    this.next = (initial + 1) | 0;
    this.isPlaced = true;
  }

  /** The receiver has all before `acknowledged`. */
  acknowledge(acknowledged: number): void {
    if (this.hasAcknowledged && distance(this.acknowledged, acknowledged) <= 0) return;
    this.acknowledged = acknowledged;
    this.hasAcknowledged = true;
  }

  get isFinished(): boolean {
    return this.finishedAt !== null && distance(this.finishedAt, this.next) >= 0;
  }

  /** Moves on; a FIN counts as one byte. */
  advance(to: number): void {
    this.next = to;
    if (this.finishedAt !== null && distance(to, this.finishedAt) === 1) this.next = this.finishedAt;
  }

  /** Ends the stream behind `sequence`, the number of the FIN itself. */
  finish(sequence: number): void {
    this.finishedAt ??= (sequence + 1) | 0;
    this.advance(this.next);
  }

  /** Keeps a segment that lies at or behind `next`, but for bytes that are there already. Its bytes are copied. */
  hold(segment: HeldSegment): void {
    const start = distance(this.next, segment.sequence);
    let from = start;
    const end = start + segment.length;
    const last = this.held.at(-1);
    // The usual case, and the only one that must be fast: one more behind the same hole.
    let index = last !== undefined && distance(this.next, last.sequence) + last.length <= start ? this.held.length : 0;
    for (; index < this.held.length && from < end; index++) {
      const other = this.held[index] as HeldSegment;
      const otherStart = distance(this.next, other.sequence);
      const otherEnd = otherStart + other.length;
      if (otherEnd <= from) continue;
      if (otherStart >= end) break;
      if (otherStart > from) {
        this.#insert(index, segment, from - start, otherStart - start);
        index += 1;
      }
      from = otherEnd;
    }
    if (from < end) this.#insert(index, segment, from - start, end - start);
  }

  /** Nobody reads this stream: only its end is of interest. */
  pass(next: number): void {
    this.isPlaced = true;
    this.advance(next);
  }

  /** Forgets what is held. */
  drop(): void {
    this.held.length = 0;
    this.heldBytes = 0;
  }

  /** Takes out the first held segment. */
  takeFirst(): HeldSegment | undefined {
    const first = this.held.shift();
    if (first !== undefined) this.heldBytes -= first.bytes.length;
    return first;
  }

  #insert(index: number, segment: HeldSegment, from: number, to: number): void {
    const { bytes } = segment;
    const piece = Buffer.from(bytes.subarray(Math.min(from, bytes.length), Math.min(to, bytes.length)));
    this.heldBytes += piece.length;
    const sequence = (segment.sequence + from) | 0;
    this.held.splice(index, 0, { ...segment, sequence, bytes: piece, length: to - from });
  }
}
