// An operation on its way through the pool: the link between it, its exchange and what must be learned from the reply.
// It decides nothing. Invariant: whatever happens, the operation is finished once, and what the server opened for it is known.

import { type Frame, isNeverCompressed, maxTimePlace, patchMaxTime, type ReplyView } from '../../codecs/index.ts';
import type { Timer } from '../core/clock.ts';
import type { Journey, JourneyProgress, KillResult, Operation } from '../core/operation.ts';
import type { Lane } from '../core/snapshots.ts';
import type { Exchange, ExchangeFailure, ExchangeOwner } from '../upstream/exchange.ts';
import type { ReplyDestination, ReplySource } from '../upstream/large-reply.ts';
import type { Awaiting } from './await-turns.ts';
import type { CursorEntry } from './cursor-table.ts';
import type { TransactionRole } from './transaction-roles.ts';

/** The router's side of a trip. */
export interface TripHost {
  onTripReply(trip: Trip, exchange: Exchange, reply: ReplyView): void;
  onTripLarge(trip: Trip, length: number, source: ReplySource): ReplyDestination | null;
  onTripFailed(trip: Trip, failure: ExchangeFailure): void;
  onAwaitLease(awaiting: Awaiting, frame: Frame, nowMs: number): void;
  onTripClientGone(trip: Trip): void;
  onTripKilled(trip: Trip): KillResult;
  nowMs(): number;
}

/** The part of a plan that the way back needs. */
export interface TripPlan {
  readonly lane: Lane;
  readonly role: TransactionRole;
  readonly cursor: CursorEntry | null;
  readonly strangers: readonly bigint[];
  readonly killed: readonly CursorEntry[];
  readonly awaiting: Awaiting | null;
}

export class Trip implements ExchangeOwner, Journey {
  readonly operation: Operation;
  readonly lane: Lane;
  readonly role: TransactionRole;
  /** The cursor that a getMore goes on with. */
  readonly cursor: CursorEntry | null;
  /** Ids of a killCursors that are not this client's; answered in `cursorsNotFound`. */
  readonly strangers: readonly bigint[];
  /** Own cursors that a killCursors ends. */
  readonly killed: readonly CursorEntry[];
  /** Of a getMore that waits at the server for news: its turns there. */
  readonly awaiting: Awaiting | null;
  exchange: Exchange | null = null;
  /** Set when the client left while the server still works on it. */
  abandonTimer: Timer | null = null;
  /** Its client was told that it was ended; a reply that still comes is nobody's. */
  isKilled = false;
  readonly #host: TripHost;

  constructor(host: TripHost, operation: Operation, plan: TripPlan) {
    this.#host = host;
    this.operation = operation;
    this.lane = plan.lane;
    this.role = plan.role;
    this.cursor = plan.cursor;
    this.strangers = plan.strangers;
    this.killed = plan.killed;
    this.awaiting = plan.awaiting;
  }

  /** What was waited here is no longer there for the server to use. An awaiting getMore has its await time instead. */
  onLease(exchange: Exchange, nowMs: number): void {
    if (this.awaiting !== null) this.#host.onAwaitLease(this.awaiting, exchange.frame, nowMs);
    else lowerMaxTime(this.operation, exchange.frame, nowMs);
  }

  onReply(exchange: Exchange, reply: ReplyView): void {
    const { operation } = this;
    // An awaiting getMore may have had turns before this one.
    operation.waitMs += exchange.sentMs - exchange.submittedMs;
    operation.serverMs = Math.max(operation.serverMs, 0) + exchange.repliedMs - exchange.turnMs - exchange.heldUpMs;
    operation.behindMs = exchange.turnMs - exchange.sentMs;
    this.#host.onTripReply(this, exchange, reply);
  }

  onLargeReply(_exchange: Exchange, length: number, source: ReplySource): ReplyDestination | null {
    return this.#host.onTripLarge(this, length, source);
  }

  onFailed(exchange: Exchange, failure: ExchangeFailure): void {
    // Of a reply that came and could not be read the times are known.
    if (exchange.repliedMs > 0) return this.#host.onTripFailed(this, failure);
    if (failure === 'lost' || failure === 'lost_unwritten') this.noteSent(exchange, failure === 'lost');
    else this.noteWaited();
    this.#host.onTripFailed(this, failure);
  }

  /** Adds the wait of an exchange that got no connection. */
  noteWaited(): void {
    if (this.exchange !== null) this.operation.waitMs += this.#host.nowMs() - this.exchange.submittedMs;
  }

  /** Adds the times of an exchange that had a connection and got no answer. */
  noteSent(exchange: Exchange, wasWritten: boolean): void {
    const { operation } = this;
    operation.waitMs += exchange.sentMs - exchange.submittedMs;
    if (wasWritten) operation.serverMs = Math.max(operation.serverMs, 0) + this.#host.nowMs() - exchange.sentMs;
  }

  mayCompress(): boolean {
    return !isNeverCompressed(this.operation.command.name);
  }

  clientGone(): void {
    this.#host.onTripClientGone(this);
  }

  kill(): KillResult {
    return this.#host.onTripKilled(this);
  }

  progress(nowMs: number): JourneyProgress {
    const { exchange } = this;
    if (exchange === null) return { state: 'answering', waitedMs: 0, server: '' };
    // Those of earlier turns.
    const { waitMs } = this.operation;
    const isWaiting = exchange.state === 'waiting';
    const waitedMs = waitMs + (isWaiting ? nowMs : exchange.sentMs) - exchange.submittedMs;
    if (isWaiting) return { state: 'waiting', waitedMs, server: '' };
    return { state: this.lane === 'await' ? 'awaiting' : 'at_server', waitedMs, server: exchange.endpoint ?? '' };
  }
}

/** Only where the frame is the client's own: elsewhere the field stands in another place, if at all. */
function lowerMaxTime({ command, arrivedMs }: Operation, frame: Frame, nowMs: number): void {
  if (command.maxTimeMS <= 0) return;
  const leftMs = Math.max(Math.ceil(command.maxTimeMS - (nowMs - arrivedMs)), 1);
  const place = leftMs < command.maxTimeMS ? maxTimePlace(command) : null;
  if (place !== null && isSameMemory(frame.bytes, command.frame.bytes)) patchMaxTime(frame, place, leftMs);
}

/** A frame whose checksum was stripped begins where the whole one did. */
function isSameMemory(a: Buffer, b: Buffer): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset;
}
