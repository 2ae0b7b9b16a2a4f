// Remembers the answer of each session's last retryable write, so that a retry of it is answered and not run twice.
// Invariant: sessions and the bytes of their answers are bounded; the one that wrote longest ago goes first.

import type { CommandRequest } from './command.ts';
import { canonicalKey, type Doc, documentBytes, isDocument } from './documents.ts';

const MAX_BYTES = 64_000_000;

interface RememberedWrite {
  readonly transaction: string;
  readonly name: string;
  readonly reply: Doc;
}

/** Sessions and the writes they may retry. */
export class RetryMemory {
  readonly #writes = new Map<string, RememberedWrite>();
  readonly #limit: number;
  #bytes = 0;

  /** `limit` = sessions at most. */
  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  /** Answers a retry from memory, or runs the command and remembers its answer. An error is not remembered. */
  run(request: CommandRequest, execute: () => Doc): Doc {
    const { lsid, txnNumber } = request.command;
    if (txnNumber === undefined || !isDocument(lsid)) return execute();
    const session = canonicalKey(lsid);
    const transaction = canonicalKey(txnNumber);
    const known = this.#writes.get(session);
    if (known?.transaction === transaction && known.name === request.name) return known.reply;
    const reply = execute();
    this.#forget(session);
    this.#bytes += documentBytes(reply);
    this.#writes.set(session, { transaction, name: request.name, reply });
    this.#forgetOldest();
    return reply;
  }

  #forget(session: string): void {
    const known = this.#writes.get(session);
    if (known === undefined) return;
    this.#bytes -= documentBytes(known.reply);
    this.#writes.delete(session);
  }

  #forgetOldest(): void {
    for (const session of this.#writes.keys()) {
      if (this.#writes.size <= this.#limit && this.#bytes <= MAX_BYTES) return;
      this.#forget(session);
    }
  }
}
