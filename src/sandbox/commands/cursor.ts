// getMore and killCursors. Ownership is not checked: the sandbox has no users, and the proxy in front of it does that itself.
// Invariant: an id that is not open is 43 for getMore and `cursorsNotFound` for killCursors, never an error of the connection.

import { readCount, readString } from '../arguments.ts';
import type { CommandFamily, CommandRequest, ServerState } from '../command.ts';
import { type Doc, Long } from '../documents.ts';
import { CommandError } from '../errors.ts';

function getMore({ database, command }: CommandRequest, server: ServerState): Doc {
  const namespace = `${database}.${readString(command, 'collection')}`;
  const batchSize = command['batchSize'] === undefined ? null : readCount(command, 'batchSize', 0);
  const id = toNumber(command['getMore']);
  if (id === null) throw new CommandError(14, "field 'getMore' must be of type long");
  const batch = server.cursors.next(id, namespace, batchSize);
  return { cursor: { nextBatch: batch.documents, id: batch.id, ns: namespace } };
}

function killCursors({ database, command }: CommandRequest, server: ServerState): Doc {
  const namespace = `${database}.${readString(command, 'killCursors')}`;
  const ids = command['cursors'];
  if (!Array.isArray(ids)) throw new CommandError(14, "field 'cursors' must be of type array");
  const killed: Long[] = [];
  const unknown: Long[] = [];
  for (const value of ids as unknown[]) {
    const id = toNumber(value);
    if (id === null) throw new CommandError(14, "field 'cursors' must hold longs");
    const wide = value instanceof Long ? value : Long.fromNumber(id);
    (server.cursors.kill(id, namespace) ? killed : unknown).push(wide);
  }
  return { cursorsKilled: killed, cursorsNotFound: unknown, cursorsAlive: [], cursorsUnknown: [] };
}

function toNumber(value: unknown): number | null {
  if (value instanceof Long) return value.toNumber();
  return typeof value === 'number' ? value : null;
}

export const cursorCommands: CommandFamily = { getMore, killCursors };
