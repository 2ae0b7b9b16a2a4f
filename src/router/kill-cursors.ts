// killCursors when ids of several owners are named in one command: own ones go on, strangers' are answered here.
// Pure. Invariant: a stranger learns nothing but `cursorsNotFound`, whether the cursor exists or not.

import {
  type BsonDocument,
  type CommandView,
  deserializeExact,
  encodeMessage,
  Long,
  MSG_FLAG,
  type ReplyView,
} from '../../codecs/index.ts';
import type { Peer } from '../core/client.ts';
import type { CursorEntry, CursorTable } from './cursor-table.ts';

export function splitByOwner(
  command: CommandView,
  peer: Peer,
  cursors: CursorTable,
): { owned: CursorEntry[]; strangers: bigint[] } {
  const owned: CursorEntry[] = [];
  const strangers: bigint[] = [];
  for (const id of command.cursorIds) {
    const entry = cursors.killable(id, command.lsidKey, peer, command);
    if (entry === null) strangers.push(id);
    else owned.push(entry);
  }
  return { owned, strangers };
}

/** The command with only these cursors, everything else as it was sent. `isSilent`: no reply is wanted. */
export function encodeKillCursors(
  command: CommandView,
  owned: readonly CursorEntry[],
  isSilent: boolean = command.moreToCome,
): Buffer {
  const document = deserializeExact(command.body);
  document['cursors'] = owned.map((entry) => Long.fromBigInt(entry.id));
  return encodeMessage(document, 0, 0, isSilent ? MSG_FLAG.moreToCome : 0);
}

/** The whole answer when no named cursor is the asker's. */
export function killAnswer(strangers: readonly bigint[]): BsonDocument {
  return {
    cursorsKilled: [],
    cursorsNotFound: strangers.map((id) => Long.fromBigInt(id)),
    cursorsAlive: [],
    cursorsUnknown: [],
  };
}

/** The server's answer with the strangers' ids added to `cursorsNotFound`. */
export function mergeStrangers(reply: ReplyView, strangers: readonly bigint[]): BsonDocument {
  const document = deserializeExact(reply.body);
  const notFound: unknown = document['cursorsNotFound'];
  const known: readonly unknown[] = Array.isArray(notFound) ? notFound : [];
  document['cursorsNotFound'] = [...known, ...strangers.map((id) => Long.fromBigInt(id))];
  return document;
}
