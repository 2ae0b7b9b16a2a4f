// Runs the filters: in their order for requests, backwards when an operation is over. The first that does not say
// `continue` ends the walk. Invariant: onFinish reaches exactly the filters that were asked.

import type { Operation } from '../core/operation.ts';
import { CONTINUE, type Verdict } from '../core/verdict.ts';
import type { Filter } from './filter.ts';

export class FilterChain {
  readonly #filters: readonly Filter[];

  constructor(filters: readonly Filter[]) {
    this.#filters = filters;
  }

  onRequest(operation: Operation): Verdict {
    for (const filter of this.#filters) {
      operation.filtersAsked++;
      const verdict = filter.onRequest(operation);
      if (verdict !== CONTINUE) return verdict;
    }
    return CONTINUE;
  }

  onFinish(operation: Operation): void {
    for (let at = operation.filtersAsked - 1; at >= 0; at--) this.#filters[at]?.onFinish?.(operation);
  }
}
