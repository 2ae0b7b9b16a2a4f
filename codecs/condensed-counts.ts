// The numbers beside a condensed message: how many elements its shortened lists really had, and what the operations of a
// bulkWrite do. Does not count. Invariant: bounded, whatever names the wire gives.

import { OperationTally } from './operation-tally.ts';

const MAX_LISTS = 16;
/** A command has one list of operations; before it there may be one in the value of its name. */
const MAX_TALLIES = 2;

/** Name under which the documents of an OP_REPLY, OP_INSERT or OP_COMMANDREPLY are counted; it always has room. */
export const DOCUMENTS_COUNT = '$documents';
/** Name under which the ids of an OP_KILL_CURSORS are counted. */
export const CURSORS_COUNT = '$cursors';

export class SkimmedCounts {
  readonly #counts: Map<string, number> = new Map();
  readonly #shortened: Map<number, number> = new Map();
  readonly #tallies: Map<number, OperationTally> = new Map();

  /** Memory that it costs beyond a few hundred bytes. */
  get heldBytes(): number {
    let bytes = 0;
    for (const tally of this.#tallies.values()) {
      bytes += tally.heldBytes;
    }
    return bytes;
  }

  /** Elements of the sequence or array of this name; -1 if it was not shortened and can be counted in the message. */
  of(name: string): number {
    return this.#counts.get(name) ?? -1;
  }

  /** Elements of the list of which the first part was kept, at this offset of the condensed message; -1: all were kept. */
  at(offset: number): number {
    return this.#shortened.get(offset) ?? -1;
  }

  /** What the operations do whose (now empty) list begins at this offset of the condensed message. */
  operationsAt(offset: number): OperationTally | null {
    return this.#tallies.get(offset) ?? null;
  }

  /** Names beyond a sane number are not remembered. */
  set(name: string, count: number): void {
    if (this.#counts.size < MAX_LISTS || name === DOCUMENTS_COUNT) {
      this.#counts.set(name, count);
    }
  }

  setShortened(offset: number, count: number): void {
    if (this.#shortened.size < MAX_LISTS) {
      this.#shortened.set(offset, count);
    }
  }

  /** A tally for the list at this offset; null beyond a sane number of lists. */
  openTally(offset: number): OperationTally | null {
    if (this.#tallies.size === MAX_TALLIES) {
      return null;
    }
    const tally = new OperationTally();
    this.#tallies.set(offset, tally);
    return tally;
  }
}
