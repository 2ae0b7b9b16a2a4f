// What kind of request a command is, as far as waiting, loss and refusals depend on it. Pure tables and functions.

import type { CommandView } from '../../codecs/index.ts';
import type { LossKind } from '../core/error-table.ts';
import type { AwaitKind } from './cursor-table.ts';

const READS: ReadonlySet<string> = new Set([
  'find',
  'aggregate',
  'count',
  'distinct',
  'getMore',
  'listCollections',
  'listIndexes',
  'listDatabases',
  'explain',
  'dbStats',
  'collStats',
  'buildInfo',
  'ping',
]);

/** Commands that write nothing (an aggregate with $out writes: labels say only what was not sent, so it may stand here). */
export function isRead(command: CommandView): boolean {
  return READS.has(command.name);
}

export function isCommitOrAbort(command: CommandView): boolean {
  return command.name === 'commitTransaction' || command.name === 'abortTransaction';
}

/** The row of protocol.md 5.6 that a lost request falls under. */
export function lossKindOf(command: CommandView, awaits: AwaitKind): LossKind {
  if (isCommitOrAbort(command)) return 'commit_or_abort';
  if (command.autocommitFalse) return 'transaction_statement';
  if (command.name === 'getMore') return awaits === 'change_stream' ? 'change_stream_get_more' : 'get_more';
  if (command.hasTxnNumber) return 'retryable_write';
  return isRead(command) ? 'read' : 'plain_write';
}
