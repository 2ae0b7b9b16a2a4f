// How many documents a write changed, read from its reply. Pure.

import type { ReplyView } from '../../codecs/index.ts';

/** Documents inserted, updated, upserted or deleted by the command that this reply answers; 0 for reads. */
export function readChanged(command: string, reply: ReplyView): number {
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
