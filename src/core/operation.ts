// What an application asked: the one object that walks from the client's bytes to finish().
// It decides nothing. Invariant: finish() takes effect exactly once, whatever path the operation took.

import type { CommandView, Frame } from '../../codecs/index.ts';
import type { Client } from './client.ts';
import type { Outcome } from './outcome.ts';

/** Who said that an operation failed: the server behind weir, or weir itself. */
export type ErrorOrigin = 'upstream' | 'proxy';

/** What one finished operation leaves behind. Milliseconds and bytes. */
export interface OperationResult {
  outcome: Outcome;
  /** MongoDB error code, 0 for none. */
  errorCode: number;
  /** Whose errorCode it is; without meaning while that is 0. */
  errorOrigin: ErrorOrigin;
  documentsReturned: number;
  documentsChanged: number;
  /** On the wire, headers included: of a compressed message its compressed size. */
  requestBytes: number;
  replyBytes: number;
  /** Own time at the server: from its turn on the connection to the reply read whole; negative when nothing was sent. */
  serverMs: number;
  /** Sent, but behind another exchange on the same connection. */
  behindMs: number;
  /** Time in weir's wait queue. */
  waitMs: number;
  /** Arrival to the whole reply, or to the end of the wait. */
  totalMs: number;
}

/** Where the result goes; a row of the operation table. */
export interface OperationRecord {
  begin(): void;
  finish(result: OperationResult): void;
  /** What was counted there took the server little time, nearly always. */
  readonly isShort: boolean;
}

/** Told once, when the operation is over. */
export interface OperationFinisher {
  onFinish(operation: Operation): void;
}

/** Where an operation is while weir waits for others on its behalf. */
export interface Journey {
  /** The client closed: leave the queue, or let the server finish and learn from its reply. */
  clientGone(): void;
  /**
   * A person wants it ended: its client is told at once, and what the server says later is dropped. Absent: it ends by
   * itself.
   */
  kill?(): KillResult;
  /** For people; made on demand. */
  progress?(nowMs: number): JourneyProgress;
}

/**
 * - left_queue: it was never sent
 * - answered: its client was told; the server goes on with it, or its connection is given up after a while
 * - unanswerable: a write without an answer that was sent; the next request of its client waits for it
 */
export type KillResult = 'left_queue' | 'answered' | 'unanswerable';

/**
 * Where an operation in flight is:
 * - waiting: in weir's queue for a connection
 * - at_server, awaiting: its request was sent; awaiting: the server holds it until there is news
 * - answering: weir itself works on its answer (a hello that waits for a server, a reply that is being compressed)
 * - passing: seen on its way in mode passthrough
 */
export type OperationState = 'waiting' | 'at_server' | 'awaiting' | 'answering' | 'passing';

export interface JourneyProgress {
  readonly state: OperationState;
  readonly waitedMs: number;
  /** `host:port`; '' before it was sent. */
  readonly server: string;
}

/** No call site was sent with it (design.md 5.5). */
export const NO_CALL_SITE = '-';

export class Operation implements OperationResult {
  readonly client: Client;
  readonly command: CommandView;
  /** The id that the client gave; restored on the reply. */
  readonly clientRequestId: number;
  readonly arrivedMs: number;
  readonly requestBytes: number;
  /** Set by the call-site filter, or by the router's cursor table for getMore. */
  callSite: string = NO_CALL_SITE;
  record: OperationRecord | null = null;
  journey: Journey | null = null;
  /** How far the filter chain got; its onFinish goes back from there. */
  filtersAsked = 0;
  outcome: Outcome = 'ok';
  errorCode = 0;
  errorOrigin: ErrorOrigin = 'upstream';
  documentsReturned = 0;
  documentsChanged = 0;
  replyBytes = 0;
  serverMs = -1;
  behindMs = 0;
  waitMs = 0;
  totalMs = 0;
  readonly #finisher: OperationFinisher;
  #isFinished = false;

  constructor(client: Client, command: CommandView, arrivedMs: number, finisher: OperationFinisher) {
    this.client = client;
    this.command = command;
    this.clientRequestId = command.frame.requestId;
    this.requestBytes = command.frame.wireBytes;
    this.arrivedMs = arrivedMs;
    this.#finisher = finisher;
  }

  get frame(): Frame {
    return this.command.frame;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Ends the operation. The second and later calls change nothing and return false. */
  finish(outcome: Outcome): boolean {
    if (this.#isFinished) return false;
    this.#isFinished = true;
    this.outcome = outcome;
    // Arrival is when it was submitted, and the end is when the reply was whole: no clock need be read again.
    this.totalMs = this.waitMs + this.behindMs + Math.max(this.serverMs, 0);
    this.record?.finish(this);
    this.#finisher.onFinish(this);
    return true;
  }
}
