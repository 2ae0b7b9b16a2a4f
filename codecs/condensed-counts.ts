// The numbers beside a condensed message: how many elements its shortened lists really had.
// Does not count. Invariant: bounded, whatever names the wire gives.

const MAX_LISTS = 16;

/** Name under which the documents of an OP_REPLY, OP_INSERT or OP_COMMANDREPLY are counted; it always has room. */
export const DOCUMENTS_COUNT = '$documents';

export class SkimmedCounts {
  readonly #counts: Map<string, number> = new Map();

  /** Elements of the sequence or array of this name; -1 if it was not shortened and can be counted in the message. */
  of(name: string): number {
    return this.#counts.get(name) ?? -1;
  }

  /** Names beyond a sane number are not remembered. */
  set(name: string, count: number): void {
    if (this.#counts.size < MAX_LISTS || name === DOCUMENTS_COUNT) {
      this.#counts.set(name, count);
    }
  }
}
