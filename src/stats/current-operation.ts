// An operation in flight as people see it: its texts cleaned, its times as of now.
// It is made on demand and keeps nothing. Invariant: text from the wire is fit to be shown.

import type { Operation, OperationState } from '../core/operation.ts';
import type { CurrentOperation } from '../core/snapshots.ts';
import { cleanLabel } from './label.ts';

export interface Seen {
  /** `client.number`. */
  readonly id: string;
  readonly nowMs: number;
  /** Where it is, as far as whoever asks knows; the operation's own journey knows better. */
  readonly state: OperationState;
  readonly server?: string;
}

export function describeOperation(operation: Operation, seen: Seen): CurrentOperation {
  const { command, journey, arrivedMs, callSite } = operation;
  const progress = journey?.progress?.(seen.nowMs) ?? {
    state: seen.state,
    waitedMs: operation.waitMs,
    server: seen.server ?? '',
  };
  const { database, collection } = command;
  return {
    id: seen.id,
    command: cleanLabel(command.name),
    namespace: cleanLabel(collection === '' ? database : `${database}.${collection}`),
    callSite: cleanLabel(callSite),
    ...progress,
    ms: Math.max(0, seen.nowMs - arrivedMs),
  };
}
