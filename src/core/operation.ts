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
  /** Request written to reply read whole; negative when nothing was sent. */
  serverMs: number;
  /** Time in weir's wait queue. */
  waitMs: number;
  /** Arrival to the whole reply, or to the end of the wait. */
  totalMs: number;
}

/** Where the result goes; a row of the operation table. */
export interface OperationRecord {
  begin(): void;
  finish(result: OperationResult): void;
}

/** Told once, when the operation is over. */
export interface OperationFinisher {
  onFinish(operation: Operation): void;
}

/** Where an operation is while weir waits for others on its behalf. */
export interface Journey {
  /** The client closed: leave the queue, or let the server finish and learn from its reply. */
  clientGone(): void;
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
    this.totalMs = this.waitMs + Math.max(this.serverMs, 0);
    this.record?.finish(this);
    this.#finisher.onFinish(this);
    return true;
  }
}
