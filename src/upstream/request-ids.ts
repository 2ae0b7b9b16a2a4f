// Request ids for everything weir sends upstream: one counter per process, so that no two requests in flight share one.
// Invariant: always a positive int32.

const MASK = 0x3fff_ffff;

export class RequestIds {
  #last = 0;

  next(): number {
    this.#last = (this.#last % MASK) + 1;
    return this.#last;
  }
}
