// Reads conversations that pass by: opens them, and holds what they share: cursors, the budget for inflating, ids.
// It touches no socket and no file. Invariant: nothing in here throws into whoever hands over bytes.

import type { Conversation, SniffedConnection, SnifferParts } from './conversation.ts';
import { ConversationReader } from './conversation-reader.ts';
import { InflationBudget } from './message-order.ts';
import { SniffedCursors } from './sniffed-cursors.ts';

/** Bytes, inflated, that may be in inflation at once. */
const INFLATION_BYTES = 96_000_000;

export class Sniffer {
  readonly #parts: SnifferParts;
  readonly #cursors: SniffedCursors = new SniffedCursors();
  readonly #budget: InflationBudget = new InflationBudget(INFLATION_BYTES);
  #lastId = 0;
  #open = 0;

  constructor(parts: SnifferParts) {
    this.#parts = parts;
  }

  /** Conversations that have not ended, blind ones included. */
  get conversations(): number {
    return this.#open;
  }

  open(connection: SniffedConnection): Conversation {
    this.#open += 1;
    this.#lastId += 1;
    return new ConversationReader({
      ...this.#parts,
      connection,
      id: this.#lastId,
      cursors: this.#cursors,
      budget: this.#budget,
      onEnded: this.#onEnded,
    });
  }

  readonly #onEnded = (): void => {
    this.#open -= 1;
  };
}
