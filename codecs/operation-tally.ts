// What the operations of a bulkWrite do, counted while they pass: by kind, for each place in nsInfo.
// Does not know the namespaces, which may come behind the operations, and judges nothing.
// Invariant: memory is bounded whatever places the operations name, and every operation with a kind and a place is counted.

import { byteAt, equalsAscii } from './bytes.ts';
import { readNumber } from './value.ts';

/** First keys of operations. A kind is a place in this list. */
export const OPERATION_KINDS = ['insert', 'update', 'delete'] as const;

/**
 * Places that are told apart: more than the entries of nsInfo that are kept of a large message (64 KB, 5 bytes at least
 * each). Operations on places beyond are one sum.
 */
export const MAX_PLACES = 16_384;
const FIRST_PLACES = 32;

const KINDS = OPERATION_KINDS.length;

/** The operations of one list. */
export class OperationTally {
  #counts: Uint32Array = new Uint32Array(FIRST_PLACES * KINDS);
  readonly #beyond: number[] = [0, 0, 0];
  #places = 0;

  /** Memory it costs. */
  get heldBytes(): number {
    return this.#counts.byteLength;
  }

  /** Behind the last place that was named, at most MAX_PLACES. */
  get places(): number {
    return this.#places;
  }

  add(kind: number, place: number): void {
    if (place >= MAX_PLACES) {
      this.#beyond[kind] = this.beyond(kind) + 1;
      return;
    }
    if (place >= this.#places) {
      this.#places = place + 1;
      this.#reserve(this.#places * KINDS);
    }
    const at = place * KINDS + kind;
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /** Operations of this kind on this place. */
  count(place: number, kind: number): number {
    return this.#counts[place * KINDS + kind] ?? 0;
  }

  /** Operations of this kind on any place from MAX_PLACES on. */
  beyond(kind: number): number {
    return this.#beyond[kind] as number;
  }

  /** The first element of an operation, of any type and name: what is none is not counted. */
  addElement(bytes: Buffer, at: number, zero: number): void {
    const kind = kindOf(bytes, at + 1, zero);
    const place = kind < 0 ? -1 : readNumber(bytes, byteAt(bytes, at), zero + 1);
    if (Number.isInteger(place) && place >= 0) {
      this.add(kind, place);
    }
  }

  #reserve(needed: number): void {
    if (needed > this.#counts.length) {
      const larger = new Uint32Array(Math.min(MAX_PLACES * KINDS, Math.max(needed, this.#counts.length * 2)));
      larger.set(this.#counts);
      this.#counts = larger;
    }
  }
}

function kindOf(bytes: Buffer, start: number, end: number): number {
  for (let kind = 0; kind < KINDS; kind++) {
    if (equalsAscii(bytes, start, end, OPERATION_KINDS[kind] as string)) {
      return kind;
    }
  }
  return -1;
}
