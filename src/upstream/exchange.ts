// One request and its reply on an upstream connection, from submit to its end.
// It decides nothing and touches no socket. Invariant: exactly one of onReply and onFailed reaches the owner,
// or neither after cancel().

import type { Frame, ReplyView } from '../../codecs/index.ts';
import type { Timer } from '../core/clock.ts';
import type { ReplyDestination, ReplySource } from './large-reply.ts';
import type { WaitQueue } from './wait-queue.ts';

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
  /** A connection is its own now, after a wait; nothing is written yet: the last moment for a patch. Absent: no patch. */
  onLease?(exchange: Exchange, nowMs: number): void;
  /**
   * A reply beyond the buffer has begun, so many bytes in all: where they are to go as they come. onReply follows the last
   * one, with a small stand-in: same meaning and counts, large values empty. Null or absent: it is collected.
   */
  onLargeReply?(exchange: Exchange, length: number, source: ReplySource): ReplyDestination | null;
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
  /** The only member that will do: where its cursor or transaction lives. Absent or null: any writable one. */
  readonly pin?: EndpointKey | null;
  /** Known to take the server little time, and nothing else waits on it: others may share its connection. Absent: not. */
  readonly isShort?: boolean;
  /** For fairness in the queue: whose operation it is. Absent: weir's own. */
  readonly app?: string;
}

/** A member by its address, `host:port` in lower case. */
export type EndpointKey = string;

export type ExchangeState = 'waiting' | 'sent' | 'done';

export class Exchange {
  readonly owner: ExchangeOwner;
  readonly frame: Frame;
  readonly admission: AdmissionClass;
  readonly fence: Buffer | null;
  readonly waitBound: WaitBound;
  readonly submittedMs: number;
  readonly deadlineMs: number;
  readonly pin: EndpointKey | null;
  readonly isShort: boolean;
  readonly app: string;
  /** The member it was given to, whether it still waits there or was sent; null: it waits for one to appear. */
  endpoint: EndpointKey | null = null;
  state: ExchangeState = 'waiting';
  /** Its own deadline, while it waits and has one (waiting-room.ts). */
  deadlineTimer: Timer | null = null;
  /** The queue of its application, while it waits in one (fair-queue.ts). */
  waitingIn: WaitQueue | null = null;
  /** When it was written to a connection; meaningless before. */
  sentMs = 0;
  /** When the server had nothing before it on that connection; from here on the time is its own. Meaningless before the reply. */
  turnMs = 0;
  /** When its reply was whole; meaningless before. */
  repliedMs = 0;
  /** Of the time until then, milliseconds for which the reply was not read, because its client did not read. */
  heldUpMs = 0;
  /** Its place in the queue of its connection when it was sent; 1: alone. */
  place = 0;
  /** Where the request begins and ends in all the bytes that its connection was ever given. */
  writtenFrom = 0;
  writtenTo = 0;
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
    this.pin = request.pin ?? null;
    this.isShort = request.isShort ?? false;
    this.app = request.app ?? '';
  }
}

/** Ends one that was never written. */
export function refuse(exchange: Exchange, failure: ExchangeFailure): void {
  exchange.state = 'done';
  exchange.owner.onFailed(exchange, failure);
}
