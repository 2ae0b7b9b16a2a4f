// Every error that weir itself says, in the forms of protocol.md 5.5 and 5.6. Nothing else in the code names a code.
// It makes no bytes (downstream/error-reply.ts does). Invariants: never RetryableWriteError on a refusal;
// NoWritesPerformed only where nothing was sent.

/** The fields of an error reply; `code` is an int32 on the wire (Go drops any other type). */
export interface ErrorAnswer {
  readonly code: number;
  readonly codeName: string;
  readonly errmsg: string;
  readonly errorLabels: readonly string[];
  /** Milliseconds; sent only to clients that understand it, 0 for none. */
  readonly baseBackoffMs: number;
}

/** What a lost request was, as far as the right label depends on it (protocol.md 5.6). */
export type LossKind =
  | 'read_or_plain_write'
  | 'retryable_write'
  | 'transaction_statement'
  | 'commit_or_abort'
  | 'change_stream_get_more';

const LOSS_LABELS: Readonly<Record<LossKind, readonly string[]>> = {
  read_or_plain_write: [],
  retryable_write: ['RetryableWriteError'],
  transaction_statement: ['TransientTransactionError'],
  commit_or_abort: ['RetryableWriteError'],
  change_stream_get_more: ['ResumableChangeStreamError'],
};

const OVERLOAD = 'IngressRequestRateLimitExceeded';
const OVERLOAD_CODE = 462;
/** A full queue needs about this long to be worth another try. */
const QUEUE_FULL_BACKOFF_MS = 1000;

/** A name from the wire is cut before it is repeated: an answer must never be as large as its question. */
const MAX_NAME_LENGTH = 120;

function shown(name: string): string {
  return name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
}

function plain(code: number, codeName: string, errmsg: string, errorLabels: readonly string[] = []): ErrorAnswer {
  return { code, codeName, errmsg, errorLabels, baseBackoffMs: 0 };
}

/** A limit said no; nothing was sent. Drivers of 2026 retry after a wait, older ones surface it (protocol.md 5.4). */
export function limitRefused(limit: string, baseBackoffMs: number): ErrorAnswer {
  return {
    code: OVERLOAD_CODE,
    codeName: OVERLOAD,
    errmsg: `weir: limit '${limit}' refused this operation`,
    errorLabels: ['SystemOverloadedError', 'RetryableError', 'NoWritesPerformed'],
    baseBackoffMs,
  };
}

/** The wait queue holds all that it may. */
export function queueFull(maxWaiters: number): ErrorAnswer {
  return {
    code: OVERLOAD_CODE,
    codeName: OVERLOAD,
    errmsg: `weir: the wait queue is full (it holds ${maxWaiters} operations, and a bounded number of bytes)`,
    errorLabels: ['SystemOverloadedError', 'RetryableError', 'NoWritesPerformed'],
    baseBackoffMs: QUEUE_FULL_BACKOFF_MS,
  };
}

/** The queue's own bound passed. Without RetryableError: drivers would triple the wait (measured, protocol.md 5.5). */
export function waitTimedOut(waitedMs: number): ErrorAnswer {
  return plain(OVERLOAD_CODE, OVERLOAD, `weir: no connection became free within ${Math.round(waitedMs)} ms`, [
    'SystemOverloadedError',
    'NoWritesPerformed',
  ]);
}

/** The command's own maxTimeMS passed in the queue. */
export function maxTimeExpired(isRead: boolean): ErrorAnswer {
  const labels = isRead ? [] : ['NoWritesPerformed'];
  return plain(
    50,
    'MaxTimeMSExpired',
    'weir: operation exceeded its time limit while it waited for a connection',
    labels,
  );
}

/** The connection was lost while a reply was due, or (`wasWritten` false) before anything was sent. */
export function upstreamLost(kind: LossKind, wasWritten: boolean): ErrorAnswer {
  const labels = wasWritten ? LOSS_LABELS[kind] : [...LOSS_LABELS[kind], 'NoWritesPerformed'];
  const errmsg = wasWritten
    ? 'weir: the connection to the server was lost before its answer came'
    : 'weir: the server could not be reached';
  return plain(6, 'HostUnreachable', errmsg, labels);
}

/** A killCursors that names more cursors than weir looks up in one go. */
export function tooManyCursors(limit: number): ErrorAnswer {
  return plain(9, 'FailedToParse', `weir: a killCursors may name at most ${limit} cursors`);
}

/** Not this client's cursor, or gone with its server process. */
export function cursorNotFound(cursorId: bigint): ErrorAnswer {
  return plain(43, 'CursorNotFound', `cursor id ${cursorId} not found`);
}

export function authenticationFailed(): ErrorAnswer {
  return plain(
    18,
    'AuthenticationFailed',
    'weir: logins are not supported yet: remove the credentials from the connection string that points at weir',
  );
}

export function commandNotFound(name: string): ErrorAnswer {
  return plain(59, 'CommandNotFound', `no such command through weir: '${shown(name)}'`);
}

/** OP_QUERY with anything but a handshake command (servers since 5.1 answer the same). */
export function unsupportedOpQuery(name: string): ErrorAnswer {
  return plain(352, 'UnsupportedOpQueryCommand', `Unsupported OP_QUERY command: ${shown(name)}`);
}

export function unsupportedOpQueryFind(): ErrorAnswer {
  return plain(5739101, 'Location5739101', 'OP_QUERY is no longer supported except for handshakes');
}

/** A request that could not be read; code and name come from the table of decode reasons. */
export function malformed(code: number, codeName: string, errmsg: string): ErrorAnswer {
  return plain(code, codeName, errmsg);
}

/** The client's `client` document broke a rule of the handshake specification. */
export function badMetadata(code: 183 | 184 | 185 | 186, errmsg: string): ErrorAnswer {
  const names = {
    183: 'ClientMetadataMissingField',
    184: 'ClientMetadataAppNameTooLarge',
    185: 'ClientMetadataDocumentTooLarge',
    186: 'ClientMetadataCannotBeMutated',
  } as const;
  return plain(code, names[code], errmsg);
}
