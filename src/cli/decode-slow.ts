// The slow operations of `weir decode --slow`: kept while they are finished, slowest first in the end.
// Invariant: at most MAX_KEPT are kept, and those are the slowest of all.

import type { Operation } from '../core/operation.ts';

export interface SlowOperation {
  readonly conversation: number;
  /** When the request was whole; milliseconds since 1970, in recordings since their start. */
  readonly atMs: number;
  readonly serverMs: number;
  readonly app: string;
  readonly callSite: string;
  readonly db: string;
  readonly collection: string;
  readonly command: string;
  readonly outcome: string;
  readonly errorCode: number;
  readonly documentsReturned: number;
  readonly documentsChanged: number;
  readonly replyBytes: number;
}

const MAX_KEPT = 1000;

export class SlowOperations {
  readonly #limitMs: number;
  #kept: SlowOperation[] = [];
  /** Faster ones than this are not among the slowest. */
  #floorMs: number;
  #total = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#floorMs = limitMs;
  }

  /** All that were slower than the limit, kept or not. */
  get total(): number {
    return this.#total;
  }

  add(operation: Operation, conversation: number): void {
    if (operation.serverMs <= this.#limitMs) return;
    this.#total += 1;
    if (operation.serverMs < this.#floorMs) return;
    this.#kept.push(pictureOf(operation, conversation));
    // Sorted rarely: once for every MAX_KEPT that were kept.
    if (this.#kept.length >= 2 * MAX_KEPT) this.#shorten();
  }

  slowest(): readonly SlowOperation[] {
    this.#shorten();
    return this.#kept;
  }

  #shorten(): void {
    this.#kept.sort((a, b) => b.serverMs - a.serverMs || a.atMs - b.atMs);
    this.#kept = this.#kept.slice(0, MAX_KEPT);
    if (this.#kept.length === MAX_KEPT) this.#floorMs = this.#kept.at(-1)?.serverMs ?? this.#floorMs;
  }
}

function pictureOf(operation: Operation, conversation: number): SlowOperation {
  const { command } = operation;
  return {
    conversation,
    atMs: operation.arrivedMs,
    serverMs: operation.serverMs,
    app: operation.client.app,
    callSite: operation.callSite,
    db: command.namespaceDatabase,
    collection: command.collection,
    command: command.name,
    outcome: operation.outcome,
    errorCode: operation.errorCode,
    documentsReturned: operation.documentsReturned,
    documentsChanged: operation.documentsChanged,
    replyBytes: operation.replyBytes,
  };
}
