// The contract of a filter: asked once about each operation, before it is routed, and told once when it is over.
// Filters see operations, never bytes, and hold no sockets. onRequest is synchronous on the common path and returns the
// constant CONTINUE, so that a filter that has nothing to say costs nothing.

import type { Operation } from '../core/operation.ts';
import type { Verdict } from '../core/verdict.ts';

export interface Filter {
  readonly name: string;
  onRequest(operation: Operation): Verdict;
  /** Called for every filter whose onRequest was called, in reverse order, whatever the outcome. */
  onFinish?(operation: Operation): void;
}
