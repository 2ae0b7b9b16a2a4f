// How a routed operation ends, as the router says it to whoever writes to clients. No code.
// Invariant: of each operation exactly one of these but onLargeReply is called, once.

import type { BsonDocument, ReplyView } from '../../codecs/index.ts';
import type { ErrorAnswer } from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';
import type { Outcome } from '../core/outcome.ts';
import type { ReplyDestination, ReplySource } from '../upstream/large-reply.ts';

/** How a routed operation ends; exactly one call each. */
export interface RouteCompletion {
  /** The server's reply, to be passed on. */
  onReply(operation: Operation, reply: ReplyView): void;
  /**
   * The server's reply has begun and is large: where it may go as it comes. Then onReply follows with a stand-in, or whatever
   * else ends the operation. Null: it is wanted whole.
   */
  onLargeReply(operation: Operation, length: number, source: ReplySource): ReplyDestination | null;
  /** An answer with ok:1 made here. */
  onDocument(operation: Operation, document: BsonDocument): void;
  onError(operation: Operation, answer: ErrorAnswer, outcome: Outcome): void;
  /** Nothing is to be said: an unacknowledged write whose fence was answered (`ok`) or lost, or a client that left. */
  onSilent(operation: Operation, outcome: Outcome): void;
}
