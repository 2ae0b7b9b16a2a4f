// What a command is to the transaction of its session, and where it must go for that.
// It sends nothing and learns from no reply (learner.ts does). Invariant: a statement goes where its transaction is open.

import type { CommandView } from '../../codecs/index.ts';
import type { Operation } from '../core/operation.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { EndpointKey } from '../upstream/exchange.ts';
import { isCommitOrAbort } from './command-classes.ts';
import type { TransactionTable } from './transaction-table.ts';
import type { Trip } from './trip.ts';

/** What a reply will mean for the transaction table. */
export type TransactionRole = 'none' | 'opens' | 'statement' | 'ends';

export class TransactionRoles {
  readonly #transactions: TransactionTable;
  readonly #cluster: Pick<Cluster, 'onTransactionClosed' | 'transactionPin'>;

  constructor(transactions: TransactionTable, cluster: Pick<Cluster, 'onTransactionClosed' | 'transactionPin'>) {
    this.#transactions = transactions;
    this.#cluster = cluster;
  }

  /** By its own fields and the table; a transaction that it supersedes is closed. */
  roleOf(operation: Operation): TransactionRole {
    const { command, client } = operation;
    if (!command.autocommitFalse) {
      if (command.hasTxnNumber) this.#supersede(command);
      return 'none';
    }
    if (command.startTransaction) {
      this.#supersede(command);
      return 'opens';
    }
    const open = this.#transactions.get(command.lsidKey);
    const isOpen = open !== null && open.txnNumber === command.txnNumber;
    if (isOpen) this.#transactions.touch(open, client, operation.arrivedMs);
    if (!isCommitOrAbort(command)) return isOpen ? 'statement' : 'none';
    if (isOpen) open.isEnding = true;
    return 'ends';
  }

  /** A retryable write or a new transaction with a higher number ends the session's at the server (protocol.md 3.3). */
  #supersede(command: CommandView): void {
    if (this.#transactions.size === 0) return;
    const open = this.#transactions.get(command.lsidKey);
    if (open === null || command.txnNumber <= open.txnNumber) return;
    if (this.#transactions.close(command.lsidKey, open.txnNumber)) this.#cluster.onTransactionClosed();
  }

  /** The server of the transaction that this belongs to; null: any will do. */
  pinOf(command: CommandView, role: TransactionRole): EndpointKey | null {
    if (role !== 'statement' && role !== 'ends') return null;
    const server = this.#transactions.serverOf(command.lsidKey, command.txnNumber);
    return server === null ? null : this.#cluster.transactionPin(server, role === 'ends');
  }

  /** A commit or abort did not reach the server: the transaction is as open as before. */
  endNotSent({ role, operation: { command } }: Trip): void {
    if (role === 'ends') this.#transactions.endNotSent(command.lsidKey, command.txnNumber);
  }
}
