// Hands messages on in the order of the wire although some must be inflated first, off the event loop where they are big.
// It reads no message. Invariants: what waits behind an inflation is bounded, and what is beyond passes by its header;
// nothing is handed on twice or out of order; after stop() nothing is.

import {
  condenseFrame,
  DecodeError,
  Frame,
  inflate,
  inflateAsync,
  inflatesAsync,
  OPCODE,
  readCompressedHeader,
  SKIM_WHOLE_BYTES,
  type SkimmedCounts,
  type SkimSide,
  type UnreadMessage,
} from '../../codecs/index.ts';

/** Reasons beside the codecs': too much to be inflated at once. */
export type PassedReason = UnreadMessage['reason'] | 'sniff_overrun';

/** What became of a message of which only the header counts. */
export interface PassedMessage {
  readonly requestId: number;
  readonly responseTo: number;
  readonly opcode: number;
  readonly wireBytes: number;
  readonly reason: PassedReason;
}

export interface OrderedSink {
  /** `counts` null: the frame may share the bytes of a chunk. Milliseconds: when its last byte passed. */
  onOrdered(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void;
  onPassed(side: SkimSide, message: PassedMessage, atMs: number): void;
  /** Something threw that is no DecodeError, outside of any push. */
  onFault(error: unknown): void;
  /** Nothing waits any more. */
  onIdle(): void;
}

/** How much may be in inflation at once, over all conversations: bytes as they will be. */
export class InflationBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * Largest payload that is inflated on the event loop where the compressor knows no other way (zstd before Node 22.15):
 * every reply with a document of 16 MiB, some 30 ms.
 */
export const MAX_INFLATED_HERE_BYTES = 17_000_000;
/** Bytes that wait behind an inflation before messages pass by their headers only. */
export const MAX_WAITING_BYTES = 4_194_304;
/** Messages that wait; beyond, not even headers are kept. */
const MAX_WAITING = 10_000;

type Waiting =
  | { readonly side: SkimSide; readonly atMs: number; readonly frame: Frame; readonly counts: SkimmedCounts | null }
  | { readonly side: SkimSide; readonly atMs: number; readonly passed: PassedMessage };

export class MessageOrder {
  readonly #sink: OrderedSink;
  readonly #budget: InflationBudget;
  readonly #inflatesAtOnce: boolean;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isInflating = false;
  #isStopped = false;

  constructor(sink: OrderedSink, budget: InflationBudget, inflatesAtOnce: boolean) {
    this.#sink = sink;
    this.#budget = budget;
    this.#inflatesAtOnce = inflatesAtOnce;
  }

  get isBusy(): boolean {
    return this.#isInflating;
  }

  get heldBytes(): number {
    return this.#waitingBytes;
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** A message whose last byte just passed. */
  message(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    if (this.#isInflating) this.#wait(side, frame, counts, atMs);
    else this.#deliver(side, frame, counts, atMs);
  }

  /** A message of which only the header is known. */
  passed(side: SkimSide, message: PassedMessage, atMs: number): void {
    if (!this.#isInflating) this.#sink.onPassed(side, message, atMs);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ side, atMs, passed: message });
  }

  #wait(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    if (this.#waitingBytes + frame.length > MAX_WAITING_BYTES) {
      this.passed(side, passing(frame, 'sniff_overrun'), atMs);
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) return;
    const own = counts === null ? copyOf(frame) : frame;
    this.#waitingBytes += own.length;
    this.#waiting.push({ side, atMs, frame: own, counts });
  }

  #deliver(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    if (frame.opcode === OPCODE.compressed) this.#inflate(side, frame, atMs);
    else this.#sink.onOrdered(side, frame, counts, atMs);
  }

  #inflate(side: SkimSide, frame: Frame, atMs: number): void {
    let inner: Frame;
    try {
      const header = readCompressedHeader(frame);
      const { uncompressedSize } = header;
      if (!this.#inflatesAtOnce && inflatesAsync(frame, header)) {
        this.#inflateAside(side, frame, uncompressedSize, atMs);
        return;
      }
      if (!this.#inflatesAtOnce && uncompressedSize > MAX_INFLATED_HERE_BYTES) {
        this.#sink.onPassed(side, passing(frame, 'sniff_overrun'), atMs);
        return;
      }
      inner = inflate(frame, header);
    } catch (error) {
      this.#refuse(side, frame, error, atMs);
      return;
    }
    this.#deliverInflated(side, inner, atMs);
  }

  #inflateAside(side: SkimSide, frame: Frame, bytes: number, atMs: number): void {
    const cost = bytes + frame.length;
    if (!this.#budget.take(cost)) {
      this.#sink.onPassed(side, passing(frame, 'sniff_overrun'), atMs);
      return;
    }
    this.#isInflating = true;
    const own = copyOf(frame);
    let isAside = false;
    inflateAsync(own, (error, inner) => {
      this.#budget.giveBack(cost);
      this.#isInflating = false;
      if (this.#isStopped) return;
      try {
        if (inner === null) this.#refuse(side, own, error, atMs);
        else this.#deliverInflated(side, inner, atMs);
        // What is refused at once was in nobody's way: the caller goes on, perhaps with what waited.
        if (isAside) this.#goOn();
      } catch (fault) {
        this.#sink.onFault(fault);
      }
    });
    isAside = true;
  }

  /** A large one is condensed like one that came plain: its request would be held until the reply. */
  #deliverInflated(side: SkimSide, inner: Frame, atMs: number): void {
    if (inner.length <= SKIM_WHOLE_BYTES) {
      this.#sink.onOrdered(side, inner, null, atMs);
      return;
    }
    let condensed: ReturnType<typeof condenseFrame>;
    try {
      condensed = condenseFrame(inner);
    } catch (error) {
      this.#refuse(side, inner, error, atMs);
      return;
    }
    if (condensed === null) this.#sink.onPassed(side, passing(inner, 'too_large_to_read'), atMs);
    else this.#sink.onOrdered(side, condensed.frame, condensed.counts, atMs);
  }

  /** Delivers what waited, up to the next one that must be inflated aside. */
  #goOn(): void {
    let at = 0;
    const waiting = this.#waiting;
    for (; at < waiting.length && !this.#isInflating && !this.#isStopped; at++) {
      const next = waiting[at] as Waiting;
      if ('passed' in next) {
        this.#sink.onPassed(next.side, next.passed, next.atMs);
      } else {
        this.#waitingBytes -= next.frame.length;
        this.#deliver(next.side, next.frame, next.counts, next.atMs);
      }
    }
    if (this.#isStopped) return;
    waiting.splice(0, at);
    if (!this.#isInflating) this.#sink.onIdle();
  }

  #refuse(side: SkimSide, frame: Frame, error: unknown, atMs: number): void {
    if (!(error instanceof DecodeError)) throw error;
    this.#sink.onPassed(side, passing(frame, error.reason), atMs);
  }
}

function passing(frame: Frame, reason: PassedReason): PassedMessage {
  const { requestId, responseTo, opcode, wireBytes } = frame;
  return { requestId, responseTo, opcode, wireBytes, reason };
}

function copyOf(frame: Frame): Frame {
  return new Frame(frame.length, [Buffer.from(frame.bytes)], frame.wireBytes);
}
