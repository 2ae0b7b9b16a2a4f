// What a reply says of cursors, transactions and counts, written into the tables before anyone else sees the reply.
// It sends nothing to clients. Invariants: a cursor that the server keeps is in the table, one that it ended is not; a
// transaction counts as open from the reply to its first statement to the reply that ends it.

import type { ReplyView } from '../../codecs/index.ts';
import type { Clock } from '../core/clock.ts';
import { endsCursor, noteReply } from '../core/reply-result.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { EndpointKey } from '../upstream/exchange.ts';
import type { CleanUp } from './clean-up.ts';
import type { CursorEntry, CursorTable } from './cursor-table.ts';
import type { TransactionTable } from './transaction-table.ts';
import type { Trip } from './trip.ts';

/** NoSuchTransaction. */
const NO_SUCH_TRANSACTION = 251;

export interface LearnerParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly cursors: CursorTable;
  readonly transactions: TransactionTable;
  readonly cleanUp: CleanUp;
}

export class Learner {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #cursors: CursorTable;
  readonly #transactions: TransactionTable;
  readonly #cleanUp: CleanUp;

  constructor(parts: LearnerParts) {
    this.#cluster = parts.cluster;
    this.#clock = parts.clock;
    this.#cursors = parts.cursors;
    this.#transactions = parts.transactions;
    this.#cleanUp = parts.cleanUp;
  }

  /** What the reply says of cursors, transactions and counts; before it is passed on. */
  learn(trip: Trip, reply: ReplyView): void {
    const { operation } = trip;
    noteReply(operation, reply);
    if (reply.ok) for (const entry of trip.killed) this.#cursors.remove(entry);
    if (trip.cursor !== null) this.#learnGetMore(trip.cursor, reply);
    else if (reply.hasOpenCursor) this.#learnCursor(trip, reply);
    if (trip.role !== 'none') this.#learnTransaction(trip, reply);
  }

  /** The reply to an operation whose client was told that it was ended: nobody else will end what it opened. */
  learnDropped(trip: Trip, reply: ReplyView): void {
    const { command } = trip.operation;
    this.learn(trip, reply);
    const opened = reply.hasOpenCursor ? reply.cursorId : 0n;
    const cursor = this.#cursors.takeOpen(serverOf(trip), trip.cursor?.id ?? opened);
    if (cursor !== null) this.#cleanUp.killCursors([cursor], 'cursors_killed');
    if (trip.role !== 'opens' && trip.role !== 'statement') return;
    // The server has aborted it, unless the statement was through before anybody asked.
    const transaction = this.#transactions.get(command.lsidKey);
    if (transaction === null || !this.#transactions.close(command.lsidKey, command.txnNumber)) return;
    this.#cleanUp.abort(transaction);
    this.#cluster.onTransactionClosed();
  }

  #learnGetMore(cursor: CursorEntry, reply: ReplyView): void {
    if (endsCursor(reply)) this.#cursors.remove(cursor);
  }

  #learnCursor(trip: Trip, reply: ReplyView): void {
    const { operation } = trip;
    const { command, client } = operation;
    const nowMs = this.#clock.nowMs();
    const entry: CursorEntry = {
      id: reply.cursorId,
      server: serverOf(trip),
      lsidKey: command.lsidKey,
      peer: client.peer,
      database: command.database,
      collection: command.collection,
      namespace: reply.cursorNamespace,
      callSite: operation.callSite,
      awaits: command.opensAwaitingCursor,
      app: client.app,
      openedMs: nowMs,
      usedMs: nowMs,
    };
    // Its id was told to nobody, so nobody can end it.
    if (client.isClosed) return this.#cleanUp.killCursors([entry], 'cursors_killed');
    const evicted = this.#cursors.add(entry);
    if (evicted !== null) this.#cleanUp.killCursors([evicted], 'cursors_evicted');
  }

  #learnTransaction(trip: Trip, reply: ReplyView): void {
    const { command, client, callSite } = trip.operation;
    const { lsidKey } = command;
    if (trip.role === 'opens') {
      if (!reply.ok) return;
      const openedMs = this.#clock.nowMs();
      const server = serverOf(trip);
      this.#transactions.open({ lsidKey, txnNumber: command.txnNumber, server, callSite, openedMs }, client);
      this.#cleanUp.watchTransactions();
      if (client.peer.isConnection && client.peer.connections === 0) this.#cleanUp.peerGone(client.peer);
      return;
    }
    const isOver =
      trip.role === 'ends'
        ? !reply.hasLabel('RetryableWriteError')
        : reply.code === NO_SUCH_TRANSACTION || reply.hasLabel('TransientTransactionError');
    if (isOver && this.#transactions.close(lsidKey, command.txnNumber)) this.#cluster.onTransactionClosed();
  }
}

/** The member that has answered. */
function serverOf(trip: Trip): EndpointKey {
  return trip.exchange?.endpoint ?? '';
}
