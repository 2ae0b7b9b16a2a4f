// Hands messages on in the order of the wire although some must be inflated first, off the event loop where they are big.
// It reads no message. Invariants: what waits behind an inflation is bounded, and what is beyond passes by its header;
// nothing is handed on twice, no message out of order; after stop() nothing is, and nothing is owed to a budget.

import {
  Condensation,
  type CondensedMessage,
  condenseFrame,
  DecodeError,
  Frame,
  inflate,
  inflateAsync,
  inflatesAsync,
  OPCODE,
  readCompressedHeader,
  SKIM_COMPRESSED_BYTES,
  SKIM_WHOLE_BYTES,
  type SkimmedCounts,
  type SkimSide,
  type UnreadMessage,
} from '../../codecs/index.ts';
import type { InflationBudget, InflationBudgets } from './inflation-budget.ts';

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

/** Bytes of an inflated message that are read before others have their turn. */
export const READ_AT_ONCE_BYTES = 262_144;
/** Bytes that wait behind an inflation before messages, but for large ones, pass by their headers only. */
export const MAX_WAITING_BYTES = 4_194_304;
/** Messages that wait, headers included; beyond, what is known of a header is told at once. */
export const MAX_WAITING = 10_000;

interface WaitingFrame {
  readonly side: SkimSide;
  readonly atMs: number;
  readonly frame: Frame;
  readonly counts: SkimmedCounts | null;
  /** Bytes of the conversation's own allowance. */
  readonly allowed: number;
  /** Bytes of the common budget. */
  readonly charged: number;
}

type Waiting = WaitingFrame | { readonly side: SkimSide; readonly atMs: number; readonly passed: PassedMessage };

export class MessageOrder {
  readonly #sink: OrderedSink;
  readonly #budgets: InflationBudgets;
  readonly #inflatesAtOnce: boolean;
  readonly #later: ((run: () => void) => void) | null;
  #waiting: Waiting[] = [];
  #allowed = 0;
  #charged = 0;
  #isInflating = false;
  #isStopped = false;

  constructor(
    sink: OrderedSink,
    budgets: InflationBudgets,
    inflatesAtOnce: boolean,
    later: ((run: () => void) => void) | null = null,
  ) {
    this.#later = later;
    this.#sink = sink;
    this.#budgets = budgets;
    this.#inflatesAtOnce = inflatesAtOnce;
  }

  get isBusy(): boolean {
    return this.#isInflating;
  }

  /** Bytes that wait. */
  get heldBytes(): number {
    return this.#allowed + this.#charged;
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#release(this.#allowed, this.#charged);
  }

  /** A message whose last byte just passed. */
  message(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    if (this.#isInflating) this.#wait(side, frame, counts, atMs);
    else this.#deliver(side, frame, counts, atMs);
  }

  /** A message of which only the header is known. */
  passed(side: SkimSide, message: PassedMessage, atMs: number): void {
    if (this.#isInflating && this.#waiting.length < MAX_WAITING) this.#waiting.push({ side, atMs, passed: message });
    else this.#sink.onPassed(side, message, atMs);
  }

  #wait(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    const bytes = frame.length + (counts?.heldBytes ?? 0);
    const isAllowed = this.#allowed + bytes <= MAX_WAITING_BYTES;
    const isFull = this.#waiting.length >= MAX_WAITING;
    // What is large takes from the budget where it would take the place of many small ones.
    const isCharged = !isFull && !isAllowed && bytes > SKIM_WHOLE_BYTES && this.#budgets.large.take(bytes);
    if (isFull || (!isAllowed && !isCharged)) {
      this.passed(side, passing(frame, 'sniff_overrun'), atMs);
      return;
    }
    const allowed = isCharged ? 0 : bytes;
    const charged = isCharged ? bytes : 0;
    this.#allowed += allowed;
    this.#charged += charged;
    const own = counts === null ? ownOf(frame) : frame;
    this.#waiting.push({ side, atMs, frame: own, counts, allowed, charged });
  }

  #release(allowed: number, charged: number): void {
    this.#allowed -= allowed;
    this.#charged -= charged;
    this.#budgets.large.giveBack(charged);
  }

  #deliver(side: SkimSide, frame: Frame, counts: SkimmedCounts | null, atMs: number): void {
    if (frame.opcode === OPCODE.compressed) this.#inflate(side, frame, atMs);
    else this.#sink.onOrdered(side, frame, counts, atMs);
  }

  #inflate(side: SkimSide, frame: Frame, atMs: number): void {
    let inner: Frame;
    try {
      const header = readCompressedHeader(frame);
      if (!this.#inflatesAtOnce && inflatesAsync(frame, header)) {
        this.#inflateAside(side, frame, header.uncompressedSize, atMs);
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
    const budget = this.#budgetFor(frame);
    if (!budget.take(cost)) {
      this.#sink.onPassed(side, passing(frame, 'sniff_overrun'), atMs);
      return;
    }
    this.#isInflating = true;
    const own = ownOf(frame);
    let isAside = false;
    const end = (deliver: () => void): void => {
      budget.giveBack(cost);
      this.#isInflating = false;
      if (this.#isStopped) return;
      try {
        deliver();
        // What is refused at once was in nobody's way: the caller goes on, perhaps with what waited.
        if (isAside) this.#goOn();
      } catch (fault) {
        this.#sink.onFault(fault);
      }
    };
    inflateAsync(own, (error, inner) => {
      if (inner === null) end(() => this.#refuse(side, own, error, atMs));
      else if (this.#later === null || inner.length <= READ_AT_ONCE_BYTES) {
        end(() => this.#deliverInflated(side, inner, atMs));
      } else {
        this.#condenseInPieces(inner, this.#later, (read) => end(() => this.#deliverInflated(side, inner, atMs, read)));
      }
    });
    isAside = true;
  }

  /** Many small values take their time: what passes meanwhile is not to wait for all of them. `done` gets how to end it. */
  #condenseInPieces(
    inner: Frame,
    later: (run: () => void) => void,
    done: (read: () => CondensedMessage) => void,
  ): void {
    const condensation = new Condensation(inner);
    const goOn = (): void => {
      try {
        if (!this.#isStopped && condensation.step(READ_AT_ONCE_BYTES)) {
          later(goOn);
          return;
        }
      } catch (error) {
        done(() => {
          throw error;
        });
        return;
      }
      done(() => condensation.finish());
    };
    goOn();
  }

  #budgetFor(frame: Frame): InflationBudget {
    return frame.length > SKIM_COMPRESSED_BYTES ? this.#budgets.large : this.#budgets.ordinary;
  }

  /** A large one is condensed like one that came plain: its request would be held until the reply. */
  #deliverInflated(
    side: SkimSide,
    inner: Frame,
    atMs: number,
    read: () => CondensedMessage = () => condenseFrame(inner),
  ): void {
    if (inner.length <= SKIM_WHOLE_BYTES) {
      this.#sink.onOrdered(side, inner, null, atMs);
      return;
    }
    let condensed: CondensedMessage;
    try {
      condensed = read();
    } catch (error) {
      this.#refuse(side, inner, error, atMs);
      return;
    }
    this.#sink.onOrdered(side, condensed.frame, condensed.counts, atMs);
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
        this.#release(next.allowed, next.charged);
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

/** Only a small one may share the bytes of a chunk. */
function ownOf(frame: Frame): Frame {
  if (frame.length > SKIM_WHOLE_BYTES) return frame;
  return new Frame(frame.length, [Buffer.from(frame.bytes)], frame.wireBytes);
}
