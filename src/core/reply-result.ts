// What a reply says of the operation that it answers: how it ended, which error, how many documents. Pure.
// Used on every way a reply comes: routed through the pool, or seen passing by. Invariant: both ways count alike.

import type { ReplyView } from '../../codecs/index.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';

/** Writes the reply's error and document counts into the operation; it does not finish it. */
export function noteReply(operation: Operation, reply: ReplyView): void {
  operation.errorCode = reply.code !== 0 ? reply.code : reply.firstWriteErrorCode || reply.writeConcernErrorCode;
  operation.documentsReturned = reply.batchCount;
  operation.documentsChanged = reply.ok ? readChanged(operation.command.name, reply) : 0;
}

/** How the operation ended, as far as the server says. */
export function outcomeOf(reply: ReplyView): Outcome {
  if (!reply.ok) return 'command_error';
  return reply.writeErrorCount > 0 || reply.writeConcernErrorCode !== 0 ? 'write_error' : 'ok';
}

/** Errors after which a cursor is gone at the server; others leave it alive (protocol.md 3.2). */
const CURSOR_IS_DEAD: ReadonlySet<number> = new Set([43, 136, 175, 237, 280, 286, 11601]);

/** Whether the cursor that a getMore named is gone after this reply. */
export function endsCursor(reply: ReplyView): boolean {
  return reply.ok ? !reply.hasOpenCursor : CURSOR_IS_DEAD.has(reply.code);
}

/** Documents inserted, updated, upserted or deleted by the command that this reply answers; 0 for reads. */
function readChanged(command: string, reply: ReplyView): number {
  switch (command) {
    case 'insert':
    case 'delete':
      return reply.n;
    case 'update':
      return reply.nModified + reply.upsertedCount;
    case 'findAndModify':
    case 'findandmodify':
      return reply.lastErrorN;
    case 'bulkWrite':
      return reply.bulkChanged;
    default:
      return 0;
  }
}
