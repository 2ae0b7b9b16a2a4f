// One request and its reply on an upstream connection, from submit to its end.
// It decides nothing and touches no socket. Invariant: exactly one of onReply and onFailed reaches the owner,
// or neither after cancel().

import type { Frame, ReplyView } from '../../codecs/index.ts';
import type { Timer } from '../core/clock.ts';

/**
 * Who goes first when connections are scarce (admission.ts):
 * - privileged: statements of open transactions, commit, abort, killCursors: they free what others wait for
 * - ordinary: everything else, getMores included (getMores first would starve new work: measured)
 */
export type AdmissionClass = 'privileged' | 'ordinary';

/** What bounds the wait for a connection. */
export type WaitBound = 'queue' | 'max_time' | 'await';

/**
 * - queue_full, wait_timeout, max_time, await_turn: never written, the endpoint was reachable
 * - unreachable: never written, and no upstream was reachable when the wait ended
 * - lost_unwritten, lost: the connection died with it, before or after its bytes left
 */
export type ExchangeFailure =
  | 'queue_full'
  | 'wait_timeout'
  | 'max_time'
  | 'await_turn'
  | 'unreachable'
  | 'lost_unwritten'
  | 'lost';

export interface ExchangeOwner {
  /** The whole reply. Its connection goes back to the pool, or dies, right after this call. */
  onReply(exchange: Exchange, reply: ReplyView): void;
  onFailed(exchange: Exchange, failure: ExchangeFailure): void;
  /** Whether the request may go compressed; absent: it goes plain. Asked only on connections that compress. */
  mayCompress?(): boolean;
}

export interface ExchangeRequest {
  readonly owner: ExchangeOwner;
  readonly frame: Frame;
  readonly admission: AdmissionClass;
  /** A request without a reply is followed by weir's own ping; its answer ends the exchange (protocol.md 4). */
  readonly fence: Buffer | null;
  readonly waitBound: WaitBound;
  readonly nowMs: number;
  /** How long it may wait for a connection. */
  readonly maxWaitMs: number;
}

export type ExchangeState = 'waiting' | 'sent' | 'done';

export class Exchange {
  readonly owner: ExchangeOwner;
  readonly frame: Frame;
  readonly admission: AdmissionClass;
  readonly fence: Buffer | null;
  readonly waitBound: WaitBound;
  readonly submittedMs: number;
  readonly deadlineMs: number;
  state: ExchangeState = 'waiting';
  /** Its own deadline, while it waits and has one (waiting-room.ts). */
  deadlineTimer: Timer | null = null;
  /** When a connection was leased; meaningless before. */
  sentMs = 0;
  /** When its reply was whole; meaningless before. */
  repliedMs = 0;
  /** The id that the reply must name; set when it is sent. */
  requestId = 0;

  constructor(request: ExchangeRequest) {
    this.owner = request.owner;
    this.frame = request.frame;
    this.admission = request.admission;
    this.fence = request.fence;
    this.waitBound = request.waitBound;
    this.submittedMs = request.nowMs;
    this.deadlineMs = request.nowMs + request.maxWaitMs;
  }
}
