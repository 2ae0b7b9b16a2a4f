// What is said of an operation whose exchange failed: protocol.md 5.5 and 5.6 applied to the reason. Pure.

import { type BsonDocument, Long } from '../../codecs/index.ts';
import { type ErrorAnswer, maxTimeExpired, queueFull, upstreamLost, waitTimedOut } from '../core/error-answers.ts';
import type { Outcome } from '../core/outcome.ts';
import type { ExchangeFailure } from '../upstream/exchange.ts';
import { isRead, lossKindOf } from './command-classes.ts';
import type { CursorEntry } from './cursor-table.ts';
import type { Trip } from './trip.ts';

export function failureAnswer(
  trip: Trip,
  failure: ExchangeFailure,
  maxWaiters: number,
): { answer: ErrorAnswer; outcome: Outcome } {
  const { command, waitMs } = trip.operation;
  switch (failure) {
    case 'queue_full':
      return { answer: queueFull(maxWaiters), outcome: 'wait_timeout' };
    case 'wait_timeout':
    case 'await_turn':
      return { answer: waitTimedOut(waitMs), outcome: 'wait_timeout' };
    case 'max_time':
      return { answer: maxTimeExpired(isRead(command)), outcome: 'wait_timeout' };
    case 'unreachable':
    case 'lost_unwritten':
    case 'lost': {
      const kind = lossKindOf(command, trip.cursor?.awaits ?? 'none');
      return { answer: upstreamLost(kind, failure === 'lost'), outcome: 'upstream_lost' };
    }
    default:
      return failure satisfies never;
  }
}

/** The answer of an awaiting getMore whose turn did not come: nothing new, the cursor lives on. */
export function emptyBatch(cursor: CursorEntry): BsonDocument {
  return { cursor: { nextBatch: [], id: Long.fromBigInt(cursor.id), ns: cursor.namespace } };
}
