// Where an operation goes: which lane, which admission class, who owns the cursor or transaction it names.
// It writes no bytes to clients and holds no sockets. Invariants: only its owner touches a cursor; what a reply opens is
// in the tables before the reply is passed on; every routed operation ends in exactly one call of its completion.

import { type CommandView, clearExhaustAllowed, Frame, type ReplyView, stripChecksum } from '../../codecs/index.ts';
import type { Client, Peer } from '../core/client.ts';
import type { Clock } from '../core/clock.ts';
import { cursorKilled, cursorNotFound, interrupted, tooManyCursors } from '../core/error-answers.ts';
import type { KillResult, Operation } from '../core/operation.ts';
import { Tally } from '../core/tally.ts';
import type { Cluster } from '../upstream/cluster.ts';
import {
  type AdmissionClass,
  type EndpointKey,
  Exchange,
  type ExchangeFailure,
  type WaitBound,
} from '../upstream/exchange.ts';
import { encodePing } from '../upstream/handshake.ts';
import type { ReplyDestination, ReplySource } from '../upstream/large-reply.ts';
import { type Awaiting, AwaitTurns } from './await-turns.ts';
import { CleanUp } from './clean-up.ts';
import { type CursorEntry, CursorTable } from './cursor-table.ts';
import { emptyBatch, failureAnswer } from './failure-answers.ts';
import { encodeKillCursors, killAnswer, mergeStrangers, splitByOwner } from './kill-cursors.ts';
import { Learner } from './learner.ts';
import { Leavers } from './leavers.ts';
import type { RouteCompletion } from './route-completion.ts';
import { isShort } from './short-ones.ts';
import { SplitKill } from './split-kill.ts';
import { TransactionRoles } from './transaction-roles.ts';
import { TransactionTable } from './transaction-table.ts';
import { Trip, type TripHost, type TripPlan } from './trip.ts';

export type PinReason = 'fence' | 'await' | 'transaction';

const NO_STRANGERS: readonly bigint[] = [];
const NONE_KILLED: readonly CursorEntry[] = [];
/** For replies that nobody wants any more: they are read to their end, and learned from. */
const NOWHERE: ReplyDestination = { write: () => {} };
/** Cursors that one killCursors may name; drivers name one. */
const MAX_KILLED = 10_000;

interface Plan extends TripPlan {
  readonly admission: AdmissionClass;
  /** Where its cursor or transaction lives; null: anywhere. */
  readonly pin: EndpointKey | null;
  readonly frame: Frame;
  readonly waitBound: WaitBound;
  readonly maxWaitMs: number;
}

export class Router implements TripHost {
  readonly cursors: CursorTable = new CursorTable();
  readonly transactions: TransactionTable = new TransactionTable();
  readonly pins: Tally<PinReason> = new Tally();
  readonly cleanUp: CleanUp;
  readonly turns: AwaitTurns;
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #completion: RouteCompletion;
  readonly #learner: Learner;
  readonly #roles: TransactionRoles;
  readonly #leavers: Leavers;

  constructor(parts: { cluster: Cluster; clock: Clock; completion: RouteCompletion }) {
    this.#cluster = parts.cluster;
    this.#clock = parts.clock;
    this.#completion = parts.completion;
    this.#leavers = new Leavers(parts.cluster, parts.clock);
    this.cleanUp = new CleanUp(parts.cluster, parts.clock, this.cursors, this.transactions);
    this.turns = new AwaitTurns(parts.cluster, this.cursors, parts.cluster.options.pool.awaitConnections);
    this.#roles = new TransactionRoles(this.transactions, parts.cluster);
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
      case 'killSessions':
        this.cleanUp.sessionsEnded(operation.command);
        return this.#send(operation, this.#plan(operation));
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
    const cursor = this.cursors.owned(command.cursorId, command.lsidKey, client.peer, command);
    const isLost = cursor !== null && this.#cluster.isLost(cursor.server);
    if (isLost) this.cursors.remove(cursor);
    if (cursor === null || isLost) {
      this.#completion.onError(operation, cursorNotFound(command.cursorId), 'command_error');
      return;
    }
    this.cursors.touch(cursor, operation.arrivedMs);
    if (cursor.awaits === 'none') {
      this.#send(operation, { ...this.#plan(operation), cursor, pin: cursor.server });
      return;
    }
    this.#sendAwaiting(operation, cursor);
  }

  #sendAwaiting(operation: Operation, cursor: CursorEntry): void {
    this.pins.add('await');
    const awaiting = this.turns.begin(operation.command, cursor, operation.arrivedMs);
    this.#send(operation, {
      ...this.#plan(operation),
      admission: awaiting.isOverdue ? 'privileged' : 'ordinary',
      cursor,
      awaiting,
      pin: cursor.server,
      frame: awaiting.frame,
      lane: 'await',
      waitBound: 'await',
      maxWaitMs: awaiting.awaitMs,
    });
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
    const pin = owned[0]?.server ?? null;
    if (owned.some(({ server }) => server !== pin)) return this.#killAtSeveral(operation, owned, strangers);
    const frame = strangers.length === 0 ? operation.frame : Frame.of(encodeKillCursors(command, owned));
    this.#send(operation, { ...this.#plan(operation), admission: 'privileged', pin, strangers, frame, killed: owned });
  }

  #killAtSeveral(operation: Operation, owned: readonly CursorEntry[], strangers: readonly bigint[]): void {
    const isSilent = operation.command.moreToCome;
    new SplitKill({
      operation,
      owned,
      strangers,
      maxWaitMs: this.#cluster.options.pool.waitQueueTimeoutMs,
      submit: (exchange) => this.#cluster.submit('ordinary', exchange),
      cancel: (exchange) => this.#cluster.cancel('ordinary', exchange),
      onKilled: (cursors) => {
        for (const cursor of cursors) this.cursors.remove(cursor);
        this.#endKilled(cursors);
      },
      onTrouble: (endpoint) => this.#cluster.onTrouble(endpoint),
      onInterrupted: (wasSent) => this.#onInterrupted(operation, wasSent),
      onDone: (answer) => {
        if (isSilent || operation.client.isClosed) {
          this.#completion.onSilent(operation, operation.client.isClosed ? 'client_gone' : 'ok');
        } else this.#completion.onDocument(operation, answer);
      },
    }).start();
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
    const role = this.#roles.roleOf(operation);
    const isBounded = command.maxTimeMS > 0 && command.maxTimeMS < waitQueueTimeoutMs;
    return {
      lane: 'ordinary',
      admission: role === 'statement' || role === 'ends' ? 'privileged' : 'ordinary',
      role,
      cursor: null,
      strangers: NO_STRANGERS,
      killed: NONE_KILLED,
      awaiting: null,
      pin: this.#roles.pinOf(command, role),
      frame: operation.frame,
      waitBound: isBounded ? 'max_time' : 'queue',
      maxWaitMs: isBounded ? command.maxTimeMS : waitQueueTimeoutMs,
    };
  }

  #send(operation: Operation, plan: Plan): void {
    const { command } = operation;
    if (command.exhaustAllowed) clearExhaustAllowed(plan.frame);
    if (command.moreToCome) this.pins.add('fence');
    if (plan.role === 'opens') this.pins.add('transaction');
    const trip = new Trip(this, operation, plan);
    this.turns.onSubmit(trip);
    const exchange = new Exchange({
      owner: trip,
      frame: command.checksumPresent ? stripChecksum(plan.frame) : plan.frame,
      admission: plan.admission,
      fence: command.moreToCome ? encodePing(0) : null,
      waitBound: plan.waitBound,
      // All of it happens in the turn in which the request arrived.
      nowMs: operation.arrivedMs,
      maxWaitMs: plan.maxWaitMs,
      pin: plan.pin,
      isShort: plan.lane === 'ordinary' && plan.role === 'none' && isShort(operation),
      app: operation.client.app,
    });
    trip.exchange = exchange;
    operation.journey = trip;
    this.#cluster.submit(plan.lane, exchange);
  }

  // --- the way back -----------------------------------------------------------------------------------------------

  onAwaitLease(awaiting: Awaiting, frame: Frame, nowMs: number): void {
    this.turns.onLease(awaiting, frame, nowMs);
  }

  onTripReply(trip: Trip, exchange: Exchange, reply: ReplyView): void {
    const { operation } = trip;
    if (this.turns.goesOn(trip, exchange, reply)) return;
    this.#arrived(trip);
    if (trip.isKilled) return this.#learner.learnDropped(trip, reply);
    if (operation.command.moreToCome) {
      this.#completion.onSilent(operation, 'ok');
      return;
    }
    this.#learner.learn(trip, reply);
    if (reply.ok && trip.killed.length > 0) this.#endKilled(trip.killed);
    if (reply.hasStateChangeCode) this.#cluster.onTrouble(exchange.endpoint);
    if (operation.client.isClosed) this.#completion.onSilent(operation, 'client_gone');
    else if (trip.strangers.length > 0 && reply.ok && !reply.hasStateChangeCode)
      this.#completion.onDocument(operation, mergeStrangers(reply, trip.strangers));
    else this.#completion.onReply(operation, reply);
  }

  /** What is not for the client as it stands, or decides what happens next, is collected; so are writes, whose errors may be rewritten. */
  onTripLarge(trip: Trip, length: number, source: ReplySource): ReplyDestination | null {
    const { operation } = trip;
    if (operation.client.isClosed || trip.isKilled) return NOWHERE;
    const { moreToCome, row } = operation.command;
    const mayTurn = trip.awaiting !== null && trip.awaiting.place !== null;
    if (mayTurn || moreToCome || trip.strangers.length > 0 || row.access !== 'read') return null;
    return this.#completion.onLargeReply(operation, length, source);
  }

  /** Its exchange is over, and no turn follows. */
  #arrived(trip: Trip): void {
    trip.operation.journey = null;
    trip.abandonTimer?.cancel();
    this.turns.end(trip);
  }

  /** getMores that wait here for their turn on a cursor that is gone: a server would end them as well. */
  #endKilled(cursors: readonly CursorEntry[]): void {
    for (const waiting of this.turns.takeKilled(cursors)) {
      waiting.noteWaited();
      this.#arrived(waiting);
      this.#completion.onError(waiting.operation, cursorKilled(waiting.operation.command.cursorId), 'command_error');
    }
  }

  onTripFailed(trip: Trip, failure: ExchangeFailure): void {
    const { operation } = trip;
    this.#arrived(trip);
    if (failure !== 'lost') this.#roles.endNotSent(trip);
    if (trip.isKilled) return;
    if (operation.client.isClosed && !operation.command.moreToCome) {
      return this.#completion.onSilent(operation, 'client_gone');
    }
    if (this.#lostCursor(trip, failure)) {
      return this.#completion.onError(operation, cursorNotFound(operation.command.cursorId), 'command_error');
    }
    if (isLastWord(failure) && trip.awaiting?.lastEmpty != null) {
      return this.#completion.onReply(operation, trip.awaiting.lastEmpty);
    }
    if (failure === 'await_turn' && trip.cursor !== null) {
      return this.#completion.onDocument(operation, emptyBatch(trip.cursor));
    }
    const { answer, outcome } = failureAnswer(trip, failure, this.#cluster.options.pool.maxWaiters);
    if (operation.command.moreToCome) return this.#completion.onSilent(operation, outcome);
    return this.#completion.onError(operation, answer, outcome);
  }

  /** A getMore whose member was lost while it waited: as one that comes later. */
  #lostCursor({ cursor }: Trip, failure: ExchangeFailure): boolean {
    return failure === 'unreachable' && cursor !== null && this.#cluster.isLost(cursor.server);
  }

  onTripClientGone(trip: Trip): void {
    const { exchange, operation } = trip;
    // Whoever wants no answer may send and leave: the write stays in the queue.
    if (exchange === null || operation.command.moreToCome) return;
    if (this.#cluster.cancel(trip.lane, exchange)) {
      this.#arrived(trip);
      this.#roles.endNotSent(trip);
      this.#completion.onSilent(operation, 'client_gone');
      return;
    }
    this.#leavers.clientGone(trip, exchange);
  }

  /** As if its client had left, but the client is told. */
  onTripKilled(trip: Trip): KillResult {
    const { exchange, operation } = trip;
    const isSilent = operation.command.moreToCome;
    const isWaiting = exchange === null || this.#cluster.cancel(trip.lane, exchange);
    if (!isWaiting && isSilent) return 'unanswerable';
    operation.journey = null;
    if (isWaiting) {
      trip.noteWaited();
      this.#arrived(trip);
      this.#roles.endNotSent(trip);
    } else {
      trip.isKilled = true;
      trip.noteSent(exchange, true);
      this.#leavers.giveUpLater(trip, exchange);
    }
    this.#onInterrupted(operation, !isWaiting);
    return isWaiting ? 'left_queue' : 'answered';
  }

  #onInterrupted(operation: Operation, wasSent: boolean): void {
    if (operation.command.moreToCome) this.#completion.onSilent(operation, 'killed');
    else this.#completion.onError(operation, interrupted(wasSent), 'killed');
  }

  // --- lifetimes --------------------------------------------------------------------------------------------------

  clientClosed(client: Client): void {
    this.transactions.clientClosed(client, this.#clock.nowMs());
  }

  /** The last connection of a peer closed. */
  peerGone(peer: Peer): void {
    this.cleanUp.peerGone(peer);
  }

  /** Another server process answers there, or none: what this member had open is gone. */
  serverLost(endpoint: EndpointKey): void {
    this.cursors.forgetServer(endpoint);
    if (this.transactions.forgetServer(endpoint)) this.#cluster.onTransactionClosed();
  }
}

/** Failures of a further turn that take nothing from what the turns before have said. */
function isLastWord(failure: ExchangeFailure): boolean {
  return failure === 'await_turn' || failure === 'queue_full';
}
