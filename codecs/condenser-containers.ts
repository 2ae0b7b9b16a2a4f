// The documents, arrays and lists that a condensed message is inside of, and how each of them is written.
// Does not read bytes. Invariant: never deeper than MAX_DEPTH; what is written has its right length when it is closed.

import type { SkimmedCounts } from './condensed-counts.ts';
import type { CondensedWriter } from './condensed-writer.ts';
import { KEPT_WANTED_BYTES, type Kept, keptItemBytes, WHOLE_NAMED_BYTES } from './condenser-rules.ts';
import type { OperationTally } from './operation-tally.ts';

const MAX_DEPTH = 6;

/**
 * `fields`: a document whose elements are judged one by one; `named`: one of which only the namespace is kept; `head`: one
 * of which nothing is, and whose first element is counted; `array` and `documents`: elements are counted.
 */
export interface Container {
  readonly kind: 'fields' | 'named' | 'head' | 'array' | 'documents';
  /** Offset in the message behind its last byte. */
  readonly end: number;
  /** Where its length stands in what is written; -1: it has none there. */
  readonly lengthAt: number;
  readonly keeps: Kept;
  /** Under which its elements are counted; '' for a document. */
  readonly name: string;
  /** Where readers find it in what is written; -1 for what has no name. */
  readonly place: number;
  /** Of a list of operations, and of an operation. */
  readonly tally: OperationTally | null;
  count: number;
  /** Nothing more of it is kept, although its first elements were. */
  isShortened: boolean;
}

interface List {
  readonly end: number;
  readonly keeps: Kept;
  readonly name: string;
}

type Counted = Pick<Container, 'place' | 'tally'>;
const UNCOUNTED: Counted = { place: -1, tally: null };

export class Containers {
  readonly #stack: Container[] = [];
  readonly #writer: CondensedWriter;
  readonly #counts: SkimmedCounts;

  constructor(writer: CondensedWriter, counts: SkimmedCounts) {
    this.#writer = writer;
    this.#counts = counts;
  }

  /** The innermost one. */
  get top(): Container | undefined {
    return this.#stack[this.#stack.length - 1];
  }

  get isFull(): boolean {
    return this.#stack.length >= MAX_DEPTH;
  }

  /** A list without a length of its own in the message. */
  openBare(end: number, name: string): void {
    this.#push('documents', { end, keeps: 'condensed', name }, -1);
  }

  /** A document that ends at `end`; its length is written when it closes. */
  openFields(end: number): void {
    this.#openDocument('fields', end);
  }

  openNamed(end: number): void {
    this.#openDocument('named', end);
  }

  /** An operation: nothing of it is written. */
  openHead(end: number, tally: OperationTally): void {
    this.#push('head', { end, keeps: 'none', name: '' }, -1, { place: -1, tally });
  }

  openArray(list: List): void {
    const lengthAt = this.#writer.length;
    this.#writer.int32(0);
    this.#openList('array', list, lengthAt, lengthAt);
  }

  /** A sequence whose name, with its NUL, is from `nameStart` to `nameEnd`. */
  openSequence(list: List, bytes: Buffer, nameStart: number, nameEnd: number): void {
    const lengthAt = this.#writer.length;
    this.#writer.int32(0);
    this.#writer.append(bytes, nameStart, nameEnd);
    this.#openList('documents', list, lengthAt, this.#writer.length);
  }

  /** The innermost one ends here; there must be one. */
  close(): void {
    const container = this.#stack.pop() as Container;
    if (container.lengthAt >= 0) {
      this.#writer.patch(container.lengthAt, this.#writer.length - container.lengthAt);
    }
    if (container.name !== '') {
      this.#counts.set(container.name, container.count);
    }
    if (container.isShortened) {
      this.#counts.setShortened(container.place, container.count);
    }
  }

  /** Closes lists that end at this offset of the message; documents close with their own last byte. */
  closeListsAt(offset: number): void {
    for (let { top } = this; top?.kind === 'documents' && top.end === offset; { top } = this) {
      this.close();
    }
  }

  /** Whether the element of a list that was counted last is kept, if only in part. */
  keeps(list: Container, size: number): boolean {
    switch (list.keeps) {
      case 'first':
        return list.count === 1 && size <= keptItemBytes(this.#writer.length);
      case 'fitting':
      case 'named':
        list.isShortened ||= !this.#hasRoom(list, size);
        return !list.isShortened;
      default:
        return false;
    }
  }

  /** Whether nothing more of this list will be kept, or looked at. */
  isOnlyCounted({ keeps, count, isShortened, tally }: Container): boolean {
    switch (keeps) {
      case 'first':
      case 'condensed':
        return count > 0;
      case 'fitting':
      case 'named':
        return isShortened;
      case 'tallied':
        return tally === null;
      default:
        return true;
    }
  }

  #hasRoom({ keeps, lengthAt }: Container, size: number): boolean {
    const written = this.#writer.length - lengthAt;
    return keeps === 'named' && size > WHOLE_NAMED_BYTES
      ? written < KEPT_WANTED_BYTES && !this.isFull
      : written + size <= KEPT_WANTED_BYTES;
  }

  #openDocument(kind: Container['kind'], end: number): void {
    const lengthAt = this.#writer.length;
    this.#writer.int32(0);
    this.#push(kind, { end, keeps: 'none', name: '' }, lengthAt);
  }

  #openList(kind: Container['kind'], list: List, lengthAt: number, place: number): void {
    // The list and one of its operations.
    const hasRoom = this.#stack.length + 2 <= MAX_DEPTH;
    const tally = list.keeps === 'tallied' && hasRoom ? this.#counts.openTally(place) : null;
    this.#push(kind, list, lengthAt, { place, tally });
  }

  #push(kind: Container['kind'], list: List, lengthAt: number, { place, tally }: Counted = UNCOUNTED): void {
    const { end, keeps, name } = list;
    this.#stack.push({ kind, end, lengthAt, keeps, name, place, tally, count: 0, isShortened: false });
  }
}
