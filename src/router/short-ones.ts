// Which operations may share a connection with others: plain statements of a few kinds whose row is known to be short.
// It decides nothing about connections. Invariant: never what waits at the server, belongs to a transaction, wants no answer,
// streams, is large, writes a collection from a pipeline, or whose cost is unknown (docs/decisions/0015-short-ones-share.md).

import type { CommandView } from '../../codecs/index.ts';
import type { Operation } from '../core/operation.ts';

/** Roles of what a command writes while it reads elsewhere. */
const TARGETS: ReadonlySet<string> = new Set(['out', 'merge', 'mapReduce_out']);
/** A request beyond this is not short, whatever it asks. */
const SHORT_REQUEST_BYTES = 16_384;

const SHORT_COMMANDS: ReadonlySet<string> = new Set([
  'find',
  'aggregate',
  'count',
  'distinct',
  'getMore',
  'insert',
  'update',
  'delete',
  'findAndModify',
  'findandmodify',
]);

/** Of an operation that goes to the ordinary lane outside of any transaction. */
export function isShort({ command, record, frame }: Operation): boolean {
  if (record?.isShort !== true || frame.length > SHORT_REQUEST_BYTES) return false;
  if (command.moreToCome || command.exhaustAllowed || command.autocommitFalse) return false;
  if (!SHORT_COMMANDS.has(command.name) || command.opensAwaitingCursor !== 'none') return false;
  return command.name !== 'aggregate' || !writesOut(command);
}

/** `$out` and `$merge` of an aggregate, `out` of a mapReduce. */
export function writesOut(command: CommandView): boolean {
  return command.mayUseMore && command.namespaces().some(({ role }) => TARGETS.has(role));
}
