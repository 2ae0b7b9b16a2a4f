// Remembers what each statement of a session's last retryable write did, so that a retry of it is answered and not run twice.
// Errors are not remembered: their statements are tried again, as a server does.
// Invariant: sessions and the bytes of their outcomes are bounded; the one that wrote longest ago goes first.

import type { CommandRequest } from './command.ts';
import { canonicalKey, type Doc, documentBytes, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import { approximate } from './number-order.ts';
import { compareValues } from './value-order.ts';

const MAX_BYTES = 64_000_000;
/** Charged per outcome beside its bytes. */
const OVERHEAD_BYTES = 64;

/** The memory of one command: what it did when it was sent before. */
export interface StatementMemory {
  /** What the statement at this index did, or undefined when it has not run. */
  recall(index: number): Doc | undefined;
  remember(index: number, outcome: Doc): void;
  /** Statement ids that were answered from memory. */
  readonly recalled: readonly number[];
}

interface SessionWrites {
  readonly txnNumber: unknown;
  readonly outcomes: Map<string, Doc>;
  bytes: number;
}

/** Sessions and the writes they may retry. */
export class RetryMemory {
  readonly #sessions = new Map<string, SessionWrites>();
  readonly #limit: number;
  #bytes = 0;

  /** `limit` = sessions at most. */
  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  /** The memory for a command that may be a retry, null for others. Throws 225 when the session is ahead of its number. */
  open({ command, name }: Pick<CommandRequest, 'command' | 'name'>): StatementMemory | null {
    const { lsid, txnNumber } = command;
    if (txnNumber === undefined || !isDocument(lsid)) return null;
    const session = this.#sessionOf(canonicalKey(lsid), txnNumber);
    const recalled: number[] = [];
    return {
      recalled,
      recall: (index) => {
        const id = statementId(command, index);
        const outcome = session.outcomes.get(`${name} ${id}`);
        if (outcome !== undefined) recalled.push(id);
        return outcome;
      },
      remember: (index, outcome) => {
        session.outcomes.set(`${name} ${statementId(command, index)}`, outcome);
        this.#charge(session, documentBytes(outcome) + OVERHEAD_BYTES);
      },
    };
  }

  #sessionOf(key: string, txnNumber: unknown): SessionWrites {
    const known = this.#sessions.get(key);
    const order = known === undefined ? 1 : compareValues(txnNumber, known.txnNumber);
    if (known !== undefined && order < 0) {
      const newer = `because a newer retryable write with txnNumber ${String(known.txnNumber)} has already started`;
      throw new CommandError(
        225,
        `Retryable write with txnNumber ${String(txnNumber)} is prohibited on this session ${newer}`,
      );
    }
    const session =
      known !== undefined && order === 0 ? known : { txnNumber, outcomes: new Map<string, Doc>(), bytes: 0 };
    if (known !== undefined && known !== session) this.#bytes -= known.bytes;
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    this.#forgetOldest();
    return session;
  }

  /** A session that was forgotten while its command ran is charged to nobody. */
  #charge(session: SessionWrites, bytes: number): void {
    session.bytes += bytes;
    this.#bytes += bytes;
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [key, session] of this.#sessions) {
      const isWithin = this.#sessions.size <= this.#limit && this.#bytes <= MAX_BYTES;
      if (isWithin || this.#sessions.size === 1) return;
      this.#bytes -= session.bytes;
      this.#sessions.delete(key);
    }
  }
}

/** Drivers number statements by `stmtIds` or from `stmtId` on; without either the first is 0. */
function statementId(command: Doc, index: number): number {
  const ids = command['stmtIds'];
  if (Array.isArray(ids)) return approximate(ids[index]);
  return (command['stmtId'] === undefined ? 0 : approximate(command['stmtId'])) + index;
}
