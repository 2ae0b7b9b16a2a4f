// The documents, arrays and lists that a condensed message is inside of, and how each of them is written.
// Does not read bytes. Invariant: never deeper than MAX_DEPTH; what is written has its right length when it is closed.

import type { SkimmedCounts } from './condensed-counts.ts';
import type { CondensedWriter } from './condensed-writer.ts';
import { KEPT_HEADS_BYTES, KEPT_WANTED_BYTES, type Kept, keptItemBytes } from './condenser-rules.ts';

const MAX_DEPTH = 6;

/**
 * `fields`: a document whose elements are judged one by one; `head`: one of which only the first is kept;
 * `array` and `documents`: elements are counted.
 */
export interface Container {
  readonly kind: 'fields' | 'head' | 'array' | 'documents';
  /** Offset in the message behind its last byte. */
  readonly end: number;
  /** Where its length stands in what is written; -1: it has none there. */
  readonly lengthAt: number;
  readonly keeps: Kept;
  /** Under which its elements are counted; '' for a document. */
  readonly name: string;
  count: number;
}

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
    this.#stack.push({ kind: 'documents', end, lengthAt: -1, keeps: 'condensed', name, count: 0 });
  }

  /** A document that ends at `end`; its length is written when it closes. */
  openFields(end: number): void {
    this.#open('fields', end, 'none', '');
  }

  openHead(end: number): void {
    this.#open('head', end, 'none', '');
  }

  openArray(end: number, keeps: Kept, name: string): void {
    this.#open('array', end, keeps, name);
  }

  openSequence(end: number, keeps: Kept, name: string): void {
    this.#open('documents', end, keeps, name);
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
  }

  /** Closes lists that end at this offset of the message; documents close with their own last byte. */
  closeListsAt(offset: number): void {
    for (let { top } = this; top?.kind === 'documents' && top.end === offset; { top } = this) {
      this.close();
    }
  }

  /** Whether the element of a list that was counted last is kept. */
  keeps(list: Container, size: number): boolean {
    switch (list.keeps) {
      case 'first':
        return list.count === 1 && size <= keptItemBytes(this.#writer.length);
      case 'fitting':
        return this.#writer.length - list.lengthAt + size <= KEPT_WANTED_BYTES;
      case 'heads':
        return this.#writer.length < KEPT_HEADS_BYTES && !this.isFull;
      default:
        return false;
    }
  }

  /** Whether this is a list of which nothing more will be kept. */
  isOnlyCounted({ kind, keeps, count, lengthAt }: Container): boolean {
    if (kind === 'fields' || kind === 'head') {
      return false;
    }
    switch (keeps) {
      case 'first':
      case 'condensed':
        return count > 0;
      case 'fitting':
        return this.#writer.length - lengthAt >= KEPT_WANTED_BYTES;
      case 'heads':
        return this.#writer.length >= KEPT_HEADS_BYTES;
      default:
        return true;
    }
  }

  #open(kind: Container['kind'], end: number, keeps: Kept, name: string): void {
    this.#stack.push({ kind, end, lengthAt: this.#writer.length, keeps, name, count: 0 });
    this.#writer.int32(0);
  }
}
