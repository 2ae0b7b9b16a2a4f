// Every error that weir itself says, as an answer: a row of error-table.ts with its sentence.
// It makes no bytes (downstream/error-reply.ts does). Invariant: codes and labels come from the table only.

import { ERROR_TABLE, type ErrorName, type LossKind } from './error-table.ts';

/** The fields of an error reply; `code` is an int32 on the wire (Go drops any other type). */
export interface ErrorAnswer {
  readonly code: number;
  readonly codeName: string;
  readonly errmsg: string;
  readonly errorLabels: readonly string[];
  /** Milliseconds; sent only to clients that understand it, 0 for none. */
  readonly baseBackoffMs: number;
}

/** A full queue needs about this long to be worth another try. */
const QUEUE_FULL_BACKOFF_MS = 1000;

/** A name from the wire is cut before it is repeated: an answer must never be as large as its question. */
const MAX_NAME_LENGTH = 120;

function shown(name: string): string {
  return name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
}

function say(name: ErrorName, errmsg: string, baseBackoffMs = 0): ErrorAnswer {
  const { code, codeName, labels } = ERROR_TABLE[name];
  return { code, codeName, errmsg, errorLabels: labels, baseBackoffMs };
}

/** A limit said no; nothing was sent. Drivers of 2026 retry after a wait, older ones surface it (protocol.md 5.4). */
export function limitRefused(limit: string, baseBackoffMs: number): ErrorAnswer {
  return say('limit_refused', `weir: limit '${limit}' refused this operation`, baseBackoffMs);
}

/** The wait queue holds all that it may. */
export function queueFull(maxWaiters: number): ErrorAnswer {
  const errmsg = `weir: the wait queue is full (it holds ${maxWaiters} operations, and a bounded number of bytes)`;
  return say('queue_full', errmsg, QUEUE_FULL_BACKOFF_MS);
}

/** The queue's own bound passed. Without RetryableError: drivers would triple the wait (measured, protocol.md 5.5). */
export function waitTimedOut(waitedMs: number): ErrorAnswer {
  return say('wait_timed_out', `weir: no connection became free within ${Math.round(waitedMs)} ms`);
}

/** The command's own maxTimeMS passed in the queue. */
export function maxTimeExpired(isRead: boolean): ErrorAnswer {
  return say(
    isRead ? 'max_time_expired_read' : 'max_time_expired_write',
    'weir: operation exceeded its time limit while it waited for a connection',
  );
}

/** The connection was lost while a reply was due, or (`wasWritten` false) before anything was sent. */
export function upstreamLost(kind: LossKind, wasWritten: boolean): ErrorAnswer {
  if (wasWritten) return say(`lost_${kind}`, 'weir: the connection to the server was lost before its answer came');
  const answer = say(`lost_${kind}`, 'weir: the server could not be reached');
  return { ...answer, errorLabels: [...answer.errorLabels, 'NoWritesPerformed'] };
}

/** A killCursors that names more cursors than weir looks up in one go. */
export function tooManyCursors(limit: number): ErrorAnswer {
  return say('too_many_cursors', `weir: a killCursors may name at most ${limit} cursors`);
}

/** Not this client's cursor, or gone with its server process. */
export function cursorNotFound(cursorId: bigint): ErrorAnswer {
  return say('cursor_not_found', `cursor id ${cursorId} not found`);
}

/** Its client killed the cursor while the getMore waited here; a server says the same of one that waits there. */
export function cursorKilled(cursorId: bigint): ErrorAnswer {
  return say('cursor_killed', `weir: cursor id ${cursorId} was killed while its getMore waited for news`);
}

/** A person ended it (weir kill operation). What was sent may still take effect, so nothing is promised. */
export function interrupted(wasWritten: boolean): ErrorAnswer {
  return say(wasWritten ? 'interrupted' : 'interrupted_unsent', 'weir: operation was interrupted by weir kill');
}

export function authenticationFailed(): ErrorAnswer {
  return say(
    'authentication_failed',
    'weir: logins are not supported yet: remove the credentials from the connection string that points at weir',
  );
}

export function commandNotFound(name: string): ErrorAnswer {
  return say('command_not_found', `no such command through weir: '${shown(name)}'`);
}

/** A standalone's answer to what is for the members of a set. */
export function noReplication(name: string): ErrorAnswer {
  return say('no_replication', `'${shown(name)}' is for members of a replica set, and through weir there is none`);
}

/** It would end what belongs to other applications, for to the server all of them are one user. */
export function sessionKillRefused(name: string): ErrorAnswer {
  return say(
    'session_kill_refused',
    `weir: '${shown(name)}' would end sessions of other applications; name your sessions in killSessions, or let the listener allow it`,
  );
}

/** weir serves applications; a server of a deployment must not take it for one of its own. */
export function internalClientRefused(): ErrorAnswer {
  return say('internal_client_refused', 'weir: servers of a deployment (internalClient) are not served');
}

/** A hello that waits for news says what it knows and how long it waits, or neither. */
export function halfAwaitableHello(hasVersion: boolean): ErrorAnswer {
  const [has, lacks] = hasVersion ? ['topologyVersion', 'maxAwaitTimeMS'] : ['maxAwaitTimeMS', 'topologyVersion'];
  return say('half_awaitable_hello', `a hello with '${has}' must have '${lacks}' as well`);
}

/** OP_QUERY with anything but a handshake command (servers since 5.1 answer the same). */
export function unsupportedOpQuery(name: string): ErrorAnswer {
  return say('unsupported_op_query', `Unsupported OP_QUERY command: ${shown(name)}`);
}

export function unsupportedOpQueryFind(): ErrorAnswer {
  return say('unsupported_op_query_find', 'OP_QUERY is no longer supported except for handshakes');
}

/** A request that could not be read; code and name come from the table of decode reasons. */
export function malformed(code: number, codeName: string, errmsg: string): ErrorAnswer {
  return { code, codeName, errmsg, errorLabels: [], baseBackoffMs: 0 };
}

/** The client's `client` document broke a rule of the handshake specification. */
export function badMetadata(code: 183 | 184 | 185 | 186, errmsg: string): ErrorAnswer {
  const names = {
    183: 'metadata_missing_field',
    184: 'metadata_app_name_too_large',
    185: 'metadata_too_large',
    186: 'metadata_fixed',
  } as const;
  return say(names[code], errmsg);
}
