// Reads conversations that pass by: opens them, and holds what they share: cursors, the budget for inflating, ids.
// It touches no socket and no file. Invariant: nothing in here throws into whoever hands over bytes.

import type { Conversation, SniffedConnection, SnifferParts } from './conversation.ts';
import { ConversationReader } from './conversation-reader.ts';
import { InflationBudget, type InflationBudgets } from './inflation-budget.ts';
import { SniffedCursors } from './sniffed-cursors.ts';

/** Bytes that may be in inflation at once, as they came and as they will be. */
const INFLATION_BYTES = 96_000_000;
/** The same for messages above 4 MB on the wire, from their first bytes on: one of the largest there can be. */
export const LARGE_INFLATION_BYTES = 96_000_000;

export class Sniffer {
  readonly #parts: SnifferParts;
  readonly #cursors: SniffedCursors = new SniffedCursors();
  readonly #budgets: InflationBudgets;
  #lastId = 0;
  #open = 0;

  constructor(parts: SnifferParts) {
    this.#parts = parts;
    this.#budgets = {
      ordinary: new InflationBudget(INFLATION_BYTES),
      large: new InflationBudget(parts.largeInflationBytes ?? LARGE_INFLATION_BYTES),
    };
  }

  /** Conversations that have not ended, blind ones included. */
  get conversations(): number {
    return this.#open;
  }

  /** Bytes that large compressed messages cost now, over all conversations. */
  get largeBytes(): number {
    return this.#budgets.large.taken;
  }

  open(connection: SniffedConnection): Conversation {
    this.#open += 1;
    this.#lastId += 1;
    return new ConversationReader({
      ...this.#parts,
      connection,
      id: this.#lastId,
      cursors: this.#cursors,
      budgets: this.#budgets,
      onEnded: this.#onEnded,
    });
  }

  readonly #onEnded = (): void => {
    this.#open -= 1;
  };
}
