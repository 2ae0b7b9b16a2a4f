// The requests of one conversation that wait for their replies, in their order.
// It finishes nothing. Invariant: bounded; an entry leaves it once, by its reply or because room is needed.

import type { Operation } from '../core/operation.ts';

/** Drivers have one request on its way; what pipelines a thousand is not waiting for replies. */
export const MAX_PENDING = 1000;
/** Requests are held until they are answered, which in a capture of one direction they never are. */
export const MAX_PENDING_BYTES = 1_048_576;

export class PendingOperations {
  readonly #operations: Operation[] = [];
  /** Ids of requests that could not be read: their replies are not strangers. */
  readonly #unread: number[] = [];
  #bytes = 0;

  get size(): number {
    return this.#operations.length;
  }

  add(operation: Operation): void {
    this.#operations.push(operation);
    this.#bytes += operation.frame.length;
  }

  /** Takes out the oldest request if there are too many; null if there are not. */
  takeSurplus(): Operation | null {
    const { length } = this.#operations;
    const isTooMuch = length > MAX_PENDING || (this.#bytes > MAX_PENDING_BYTES && length > 1);
    return isTooMuch ? this.take(0) : null;
  }

  addUnread(requestId: number): void {
    if (this.#unread.length >= MAX_PENDING) this.#unread.shift();
    this.#unread.push(requestId);
  }

  /** The place of the request that this is the reply to, -1 if there is none. 0 is the oldest. */
  find(responseTo: number): number {
    const operations = this.#operations;
    for (let at = 0; at < operations.length; at++) {
      if ((operations[at] as Operation).clientRequestId === responseTo) return at;
    }
    return -1;
  }

  /** The request at this place, which stays. */
  at(at: number): Operation {
    return this.#operations[at] as Operation;
  }

  /** Takes out the request at this place. */
  take(at: number): Operation {
    const operations = this.#operations;
    const operation = operations[at] as Operation;
    if (operations.length === 1) operations.length = 0;
    else operations.splice(at, 1);
    this.#bytes -= operation.frame.length;
    return operation;
  }

  /** Whether the reply belongs to a request that could not be read; said once. */
  takeUnread(responseTo: number): boolean {
    if (this.#unread.length === 0) return false;
    const at = this.#unread.indexOf(responseTo);
    if (at >= 0) this.#unread.splice(at, 1);
    return at >= 0;
  }

  takeAll(): Operation[] {
    this.#bytes = 0;
    return this.#operations.splice(0);
  }
}
