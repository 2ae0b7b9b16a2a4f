// An operation on its way through the pool: the link between it, its exchange and what must be learned from the reply.
// It decides nothing. Invariant: whatever happens, the operation is finished once, and what the server opened for it is known.

import { isNeverCompressed, type ReplyView } from '../../codecs/index.ts';
import type { Timer } from '../core/clock.ts';
import type { Journey, Operation } from '../core/operation.ts';
import type { Lane } from '../core/snapshots.ts';
import type { Exchange, ExchangeFailure, ExchangeOwner } from '../upstream/exchange.ts';
import type { CursorEntry } from './cursor-table.ts';

/** What a reply will mean for the transaction table. */
export type TransactionRole = 'none' | 'opens' | 'statement' | 'ends';

/** The router's side of a trip. */
export interface TripHost {
  onTripReply(trip: Trip, reply: ReplyView): void;
  onTripFailed(trip: Trip, failure: ExchangeFailure): void;
  onTripClientGone(trip: Trip): void;
  nowMs(): number;
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
  exchange: Exchange | null = null;
  /** Set when the client left while the server still works on it. */
  abandonTimer: Timer | null = null;
  readonly #host: TripHost;

  constructor(
    host: TripHost,
    plan: {
      operation: Operation;
      lane: Lane;
      role: TransactionRole;
      cursor: CursorEntry | null;
      strangers: readonly bigint[];
      killed: readonly CursorEntry[];
    },
  ) {
    this.#host = host;
    this.operation = plan.operation;
    this.lane = plan.lane;
    this.role = plan.role;
    this.cursor = plan.cursor;
    this.strangers = plan.strangers;
    this.killed = plan.killed;
  }

  onReply(exchange: Exchange, reply: ReplyView): void {
    this.operation.waitMs = exchange.sentMs - exchange.submittedMs;
    this.operation.serverMs = exchange.repliedMs - exchange.sentMs;
    this.#host.onTripReply(this, reply);
  }

  onFailed(exchange: Exchange, failure: ExchangeFailure): void {
    const wasSent = failure === 'lost' || failure === 'lost_unwritten';
    if (failure === 'lost') this.operation.serverMs = this.#host.nowMs() - exchange.sentMs;
    this.operation.waitMs = (wasSent ? exchange.sentMs : this.#host.nowMs()) - exchange.submittedMs;
    this.#host.onTripFailed(this, failure);
  }

  mayCompress(): boolean {
    return !isNeverCompressed(this.operation.command.name);
  }

  clientGone(): void {
    this.#host.onTripClientGone(this);
  }
}
