// Every error that weir itself says: one row each, with a stable name, in the forms of protocol.md 5.5 and 5.6.
// It makes no answers (error-answers.ts fills in the sentences). docs/generated/errors.md is made from it.
// Invariants: never RetryableWriteError on a refusal; NoWritesPerformed only where nothing was sent.

export interface ErrorRow {
  readonly code: number;
  readonly codeName: string;
  readonly labels: readonly string[];
  /** When it is said. */
  readonly when: string;
  /** What a driver makes of it. */
  readonly effect: string;
}

/** What a lost request was, as far as the right label depends on it (protocol.md 5.6). */
export type LossKind =
  | 'read'
  | 'plain_write'
  | 'retryable_write'
  | 'transaction_statement'
  | 'commit_or_abort'
  | 'change_stream_get_more'
  | 'get_more';

export type ErrorName =
  | 'limit_refused'
  | 'queue_full'
  | 'wait_timed_out'
  | 'max_time_expired_read'
  | 'max_time_expired_write'
  | `lost_${LossKind}`
  | 'cursor_not_found'
  | 'cursor_killed'
  | 'interrupted'
  | 'interrupted_unsent'
  | 'too_many_cursors'
  | 'authentication_failed'
  | 'command_not_found'
  | 'no_replication'
  | 'session_kill_refused'
  | 'internal_client_refused'
  | 'half_awaitable_hello'
  | 'unsupported_op_query'
  | 'unsupported_op_query_find'
  | 'metadata_missing_field'
  | 'metadata_app_name_too_large'
  | 'metadata_too_large'
  | 'metadata_fixed';

/** code, codeName, labels, when, effect. */
type Cells = readonly [code: number, codeName: string, labels: readonly string[], when: string, effect: string];

function row([code, codeName, labels, when, effect]: Cells): ErrorRow {
  return { code, codeName, labels, when, effect };
}

const OVERLOAD = 'IngressRequestRateLimitExceeded';
const RETRIED = ['SystemOverloadedError', 'RetryableError', 'NoWritesPerformed'];
const RETRIED_LATER =
  'drivers of 2026 wait and try again, twice at most; older ones surface it; no driver drops the server or its pool';
const SURFACES = 'surfaces';

/** A lost connection: the client stays connected, and its driver's pool stays as it is. */
function lost(labels: readonly string[], when: string, effect: string): ErrorRow {
  return row([6, 'HostUnreachable', labels, when, effect]);
}

function metadata(code: number, codeName: string, when: string): ErrorRow {
  return row([code, codeName, [], when, 'the driver cannot connect']);
}

export const ERROR_TABLE: Readonly<Record<ErrorName, ErrorRow>> = {
  limit_refused: row([462, OVERLOAD, RETRIED, 'a limit refused it; nothing was sent', RETRIED_LATER]),
  queue_full: row([
    462,
    OVERLOAD,
    RETRIED,
    'the wait queue holds as many operations or bytes as it may',
    RETRIED_LATER,
  ]),
  wait_timed_out: row([
    462,
    OVERLOAD,
    ['SystemOverloadedError', 'NoWritesPerformed'],
    'no connection came free within `waitQueueTimeout`',
    'surfaces: a retry would wait as long again, so it is not asked for',
  ]),
  max_time_expired_read: row([
    50,
    'MaxTimeMSExpired',
    [],
    'the `maxTimeMS` of a read passed in the queue',
    "the driver's error for a time limit",
  ]),
  max_time_expired_write: row([
    50,
    'MaxTimeMSExpired',
    ['NoWritesPerformed'],
    'the `maxTimeMS` of anything else passed in the queue',
    "the driver's error for a time limit",
  ]),
  lost_read: lost([], 'a read, not in a transaction', 'retried once, by its code'),
  lost_plain_write: lost([], 'a write without `txnNumber`, a change of the schema, an unknown command', SURFACES),
  lost_retryable_write: lost(
    ['RetryableWriteError'],
    'a write with `txnNumber`, not in a transaction',
    'retried once; the server knows whether it had arrived',
  ),
  lost_transaction_statement: lost(
    ['TransientTransactionError'],
    'in a transaction, but for its end',
    'the application, or withTransaction, starts the transaction anew',
  ),
  lost_commit_or_abort: lost(
    ['RetryableWriteError'],
    '`commitTransaction`, `abortTransaction`',
    'retried once; the driver adds UnknownTransactionCommitResult to a commit',
  ),
  lost_change_stream_get_more: lost(
    ['ResumableChangeStreamError'],
    'a `getMore` of a change stream',
    'the stream is opened anew behind its last event',
  ),
  lost_get_more: lost([], 'any other `getMore`, not in a transaction', 'surfaces; the cursor may live'),
  cursor_not_found: row([
    43,
    'CursorNotFound',
    [],
    "not this client's cursor, or not open; also once its server is gone",
    'surfaces; change streams are opened anew behind their last event',
  ]),
  cursor_killed: row([
    237,
    'CursorKilled',
    [],
    'a `getMore` waited for its turn at the server, and meanwhile its client killed the cursor',
    SURFACES,
  ]),
  interrupted: row([11_601, 'Interrupted', [], '`weir kill` ended it; it was sent and may take effect', SURFACES]),
  interrupted_unsent: row([
    11_601,
    'Interrupted',
    ['NoWritesPerformed'],
    '`weir kill` ended it before it was sent',
    SURFACES,
  ]),
  too_many_cursors: row([9, 'FailedToParse', [], 'a `killCursors` names more cursors than weir looks up', SURFACES]),
  authentication_failed: row([
    18,
    'AuthenticationFailed',
    [],
    'a login: `saslStart`, `saslContinue`, `authenticate`',
    'the driver cannot connect, and says so',
  ]),
  command_not_found: row([
    59,
    'CommandNotFound',
    [],
    'a command of the connection that a mongos does not know either, or one between servers',
    SURFACES,
  ]),
  no_replication: row([
    76,
    'NoReplicationEnabled',
    [],
    'face direct: a command for members of a replica set, as a server without a set says it',
    SURFACES,
  ]),
  session_kill_refused: row([
    13,
    'Unauthorized',
    [],
    '`killAllSessions`, `killAllSessionsByPattern` or a `killSessions` without ids, and the listener does not `allow` it',
    SURFACES,
  ]),
  internal_client_refused: row([
    13,
    'Unauthorized',
    [],
    'a hello with `internalClient`: a server of a deployment, not an application',
    'it cannot connect; drivers never send it',
  ]),
  half_awaitable_hello: row([
    51_760,
    'Location51760',
    [],
    'a hello with only one of `topologyVersion` and `maxAwaitTimeMS`',
    'drivers never send it',
  ]),
  unsupported_op_query: row([
    352,
    'UnsupportedOpQueryCommand',
    [],
    'OP_QUERY with a command that servers since 5.1 take in OP_MSG only',
    SURFACES,
  ]),
  unsupported_op_query_find: row([
    5_739_101,
    'Location5739101',
    [],
    'OP_QUERY that is no command; said as `$err` with the queryFailure flag',
    SURFACES,
  ]),
  metadata_missing_field: metadata(183, 'ClientMetadataMissingField', 'a hello whose `client` lacks a required field'),
  metadata_app_name_too_large: metadata(
    184,
    'ClientMetadataAppNameTooLarge',
    'a hello whose application name is above 128 bytes',
  ),
  metadata_too_large: metadata(185, 'ClientMetadataDocumentTooLarge', 'a hello whose `client` is above its limit'),
  metadata_fixed: metadata(186, 'ClientMetadataCannotBeMutated', 'a hello that changes `client`'),
};

/** Where weir says nothing on purpose: an answer would do harm. */
export interface Silence {
  readonly when: string;
  readonly instead: string;
}

export const SILENCES: readonly Silence[] = [
  {
    when: 'more connections than the listener may have',
    instead: 'the new one is left unread for a second, then closed: an error would mark the server as unknown',
  },
  {
    when: 'drain: weir is about to stop',
    instead: 'nobody new is accepted, exchanges are finished, idle clients are closed between exchanges',
  },
  {
    when: 'a refused write that wants no answer (`w: 0`)',
    instead: 'dropped and counted: an answer would put the driver out of step',
  },
  {
    when: 'a write that wants no answer, lost with its connection',
    instead: 'counted: nobody can be told',
  },
  {
    when: 'a hello while no server was ever reached',
    instead: 'the connection waits, then is closed: an error on hello clears the pool of the driver',
  },
  {
    when: 'an awaiting `getMore` whose turn at the server does not come in time',
    instead: 'an empty batch, with the resume token of its last turn; the cursor lives on',
  },
];
