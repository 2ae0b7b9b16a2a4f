// Where an operation goes: which lane, which admission class, who owns the cursor or transaction it names.
// It writes no bytes to clients and holds no sockets. Invariants: only its owner touches a cursor; what a reply opens is
// in the tables before the reply is passed on; every routed operation ends in exactly one call of its completion.

import {
  type BsonDocument,
  type CommandView,
  clearExhaustAllowed,
  Frame,
  type ReplyView,
  stripChecksum,
} from '../../codecs/index.ts';
import type { Client, Peer } from '../core/client.ts';
import type { Clock } from '../core/clock.ts';
import { cursorNotFound, type ErrorAnswer, tooManyCursors } from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Lane } from '../core/snapshots.ts';
import { Tally } from '../core/tally.ts';
import type { Cluster } from '../upstream/cluster.ts';
import { type AdmissionClass, Exchange, type ExchangeFailure, type WaitBound } from '../upstream/exchange.ts';
import { encodePing } from '../upstream/handshake.ts';
import { CleanUp } from './clean-up.ts';
import { isCommitOrAbort } from './command-classes.ts';
import { type CursorEntry, CursorTable } from './cursor-table.ts';
import { emptyBatch, failureAnswer } from './failure-answers.ts';
import { encodeKillCursors, killAnswer, mergeStrangers, splitByOwner } from './kill-cursors.ts';
import { Learner } from './learner.ts';
import { TransactionTable } from './transaction-table.ts';
import { type TransactionRole, Trip, type TripHost } from './trip.ts';

/** How a routed operation ends; exactly one call each. */
export interface RouteCompletion {
  /** The server's reply, to be passed on. */
  onReply(operation: Operation, reply: ReplyView): void;
  /** An answer with ok:1 made here. */
  onDocument(operation: Operation, document: BsonDocument): void;
  onError(operation: Operation, answer: ErrorAnswer, outcome: Outcome): void;
  /** Nothing is to be said: an unacknowledged write whose fence was answered (`ok`) or lost, or a client that left. */
  onSilent(operation: Operation, outcome: Outcome): void;
}

export type PinReason = 'fence' | 'await' | 'transaction';

/** The server's default wait of an awaiting getMore without maxTimeMS (protocol.md 3.2). */
const DEFAULT_AWAIT_MS = 1000;
/** How long the server may go on with an operation whose client left, before its connection is given up. */
const ABANDON_AFTER_MS = 30_000;
const NO_STRANGERS: readonly bigint[] = [];
const NONE_KILLED: readonly CursorEntry[] = [];
/** Cursors that one killCursors may name; drivers name one. */
const MAX_KILLED = 10_000;

interface Plan {
  readonly lane: Lane;
  readonly admission: AdmissionClass;
  readonly role: TransactionRole;
  readonly cursor: CursorEntry | null;
  readonly strangers: readonly bigint[];
  readonly killed: readonly CursorEntry[];
  readonly frame: Frame;
  readonly waitBound: WaitBound;
  readonly maxWaitMs: number;
}

export class Router implements TripHost {
  readonly cursors: CursorTable = new CursorTable();
  readonly transactions: TransactionTable = new TransactionTable();
  readonly pins: Tally<PinReason> = new Tally();
  readonly cleanUp: CleanUp;
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #completion: RouteCompletion;
  readonly #learner: Learner;

  constructor(parts: { cluster: Cluster; clock: Clock; completion: RouteCompletion }) {
    this.#cluster = parts.cluster;
    this.#clock = parts.clock;
    this.#completion = parts.completion;
    this.cleanUp = new CleanUp(parts.cluster, parts.clock, this.cursors, this.transactions);
    this.#learner = new Learner({
      ...parts,
      cursors: this.cursors,
      transactions: this.transactions,
      cleanUp: this.cleanUp,
    });
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  route(operation: Operation): void {
    switch (operation.command.name) {
      case 'getMore':
        return this.#routeGetMore(operation);
      case 'killCursors':
        return this.#routeKillCursors(operation);
      case 'endSessions':
        return this.#routeEndSessions(operation);
      default:
        return this.#send(operation, this.#plan(operation));
    }
  }

  /** The call site that a getMore or killCursors is charged to: the one that opened the cursor. Null for all else. */
  originCallSite(client: Client, command: CommandView): string | null {
    const isGetMore = command.name === 'getMore';
    if (!isGetMore && command.name !== 'killCursors') return null;
    const id = isGetMore ? command.cursorId : (command.cursorIds[0] ?? 0n);
    return this.cursors.killable(id, command.lsidKey, client.peer)?.callSite ?? null;
  }

  // --- the way there ----------------------------------------------------------------------------------------------

  #routeGetMore(operation: Operation): void {
    const { command, client } = operation;
    const cursor = this.cursors.owned(command.cursorId, command.lsidKey, client.peer);
    if (cursor === null) {
      this.#completion.onError(operation, cursorNotFound(command.cursorId), 'command_error');
      return;
    }
    this.cursors.touch(cursor);
    if (cursor.awaits === 'none') {
      this.#send(operation, { ...this.#plan(operation), cursor });
      return;
    }
    this.pins.add('await');
    const awaitMs = command.maxTimeMS > 0 ? command.maxTimeMS : DEFAULT_AWAIT_MS;
    this.#send(operation, { ...this.#plan(operation), cursor, lane: 'await', waitBound: 'await', maxWaitMs: awaitMs });
  }

  #routeKillCursors(operation: Operation): void {
    const { command, client } = operation;
    const { owned, strangers } = splitByOwner(command, client.peer, this.cursors);
    if (owned.length + strangers.length > MAX_KILLED) {
      this.#completion.onError(operation, tooManyCursors(MAX_KILLED), 'command_error');
      return;
    }
    if (owned.length === 0) {
      this.#completion.onDocument(operation, killAnswer(strangers));
      return;
    }
    const frame = strangers.length === 0 ? operation.frame : Frame.of(encodeKillCursors(command, owned));
    this.#send(operation, { ...this.#plan(operation), admission: 'privileged', strangers, frame, killed: owned });
  }

  /** Passed on in the background; the client, which is closing, is answered at once unless it wants no answer. */
  #routeEndSessions(operation: Operation): void {
    this.cleanUp.sessionsEnded(operation.command);
    if (operation.command.moreToCome) {
      this.#send(operation, this.#plan(operation));
      return;
    }
    this.cleanUp.passOn(stripChecksum(operation.frame));
    this.#completion.onDocument(operation, {});
  }

  #plan(operation: Operation): Plan {
    const { command } = operation;
    const { waitQueueTimeoutMs } = this.#cluster.options.pool;
    const role = this.#roleOf(operation);
    const isBounded = command.maxTimeMS > 0 && command.maxTimeMS < waitQueueTimeoutMs;
    return {
      lane: 'ordinary',
      admission: role === 'statement' || role === 'ends' ? 'privileged' : 'ordinary',
      role,
      cursor: null,
      strangers: NO_STRANGERS,
      killed: NONE_KILLED,
      frame: operation.frame,
      waitBound: isBounded ? 'max_time' : 'queue',
      maxWaitMs: isBounded ? command.maxTimeMS : waitQueueTimeoutMs,
    };
  }

  #roleOf(operation: Operation): TransactionRole {
    const { command, client } = operation;
    if (!command.autocommitFalse) {
      if (command.hasTxnNumber && this.transactions.size > 0) this.#supersede(command);
      return 'none';
    }
    if (command.startTransaction) return 'opens';
    const open = this.transactions.get(command.lsidKey);
    const isOpen = open !== null && open.txnNumber === command.txnNumber;
    if (isOpen) this.transactions.touch(open, client, operation.arrivedMs);
    if (!isCommitOrAbort(command)) return isOpen ? 'statement' : 'none';
    if (isOpen) open.isEnding = true;
    return 'ends';
  }

  /** A retryable write with a higher number ends the session's transaction at the server (protocol.md 3.3). */
  #supersede(command: CommandView): void {
    const open = this.transactions.get(command.lsidKey);
    if (open === null || command.txnNumber <= open.txnNumber) return;
    if (this.transactions.close(command.lsidKey, open.txnNumber)) this.#cluster.onTransactionClosed();
  }

  #send(operation: Operation, plan: Plan): void {
    const { command } = operation;
    if (command.exhaustAllowed) clearExhaustAllowed(plan.frame);
    if (command.moreToCome) this.pins.add('fence');
    if (plan.role === 'opens') this.pins.add('transaction');
    const trip = new Trip(this, {
      operation,
      lane: plan.lane,
      role: plan.role,
      cursor: plan.cursor,
      strangers: plan.strangers,
      killed: plan.killed,
    });
    const exchange = new Exchange({
      owner: trip,
      frame: command.checksumPresent ? stripChecksum(plan.frame) : plan.frame,
      admission: plan.admission,
      fence: command.moreToCome ? encodePing(0) : null,
      waitBound: plan.waitBound,
      // All of it happens in the turn in which the request arrived.
      nowMs: operation.arrivedMs,
      maxWaitMs: plan.maxWaitMs,
    });
    trip.exchange = exchange;
    operation.journey = trip;
    this.#cluster.submit(plan.lane, exchange);
  }

  // --- the way back -----------------------------------------------------------------------------------------------

  onTripReply(trip: Trip, reply: ReplyView): void {
    const { operation } = trip;
    operation.journey = null;
    trip.abandonTimer?.cancel();
    if (operation.command.moreToCome) {
      this.#completion.onSilent(operation, 'ok');
      return;
    }
    this.#learner.learn(trip, reply);
    if (reply.hasStateChangeCode) this.#cluster.onTrouble();
    if (operation.client.isClosed) this.#completion.onSilent(operation, 'client_gone');
    else if (trip.strangers.length > 0 && reply.ok && !reply.hasStateChangeCode)
      this.#completion.onDocument(operation, mergeStrangers(reply, trip.strangers));
    else this.#completion.onReply(operation, reply);
  }

  onTripFailed(trip: Trip, failure: ExchangeFailure): void {
    const { operation } = trip;
    operation.journey = null;
    trip.abandonTimer?.cancel();
    if (operation.client.isClosed && !operation.command.moreToCome) {
      return this.#completion.onSilent(operation, 'client_gone');
    }
    if (failure === 'await_turn' && trip.cursor !== null) {
      return this.#completion.onDocument(operation, emptyBatch(trip.cursor));
    }
    const { answer, outcome } = failureAnswer(trip, failure, this.#cluster.options.pool.maxWaiters);
    if (operation.command.moreToCome) return this.#completion.onSilent(operation, outcome);
    return this.#completion.onError(operation, answer, outcome);
  }

  onTripClientGone(trip: Trip): void {
    const { exchange, operation } = trip;
    // Whoever wants no answer may send and leave: the write stays in the queue.
    if (exchange === null || operation.command.moreToCome) return;
    if (this.#cluster.cancel(trip.lane, exchange)) {
      operation.journey = null;
      this.#completion.onSilent(operation, 'client_gone');
      return;
    }
    trip.abandonTimer = this.#clock.setTimer(ABANDON_AFTER_MS, () => this.#cluster.abandon(trip.lane, exchange));
  }

  // --- lifetimes --------------------------------------------------------------------------------------------------

  clientClosed(client: Client): void {
    this.transactions.clientClosed(client, this.#clock.nowMs());
  }

  /** The last connection of a peer closed. */
  peerGone(peer: Peer): void {
    this.cleanUp.peerGone(peer);
  }

  /** Another server process answers: what the old one had open is gone. */
  processChanged(): void {
    this.cursors.clear();
    this.transactions.clear();
    this.#cluster.onTransactionClosed();
  }
}
