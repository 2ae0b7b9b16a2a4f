// How an operation ended. A closed list of reasons; no code compares texts.

export const OUTCOMES = [
  'ok',
  'command_error',
  'write_error',
  'refused',
  'dropped',
  'upstream_lost',
  'wait_timeout',
  'client_gone',
  'killed',
] as const;

/**
 * - ok: the server (or weir, for local commands) answered ok:1 without writeErrors or writeConcernError
 * - command_error: an answer with ok:0 that the server, or weir for a malformed command, gave
 * - write_error: ok:1 with writeErrors or writeConcernError
 * - refused: a limit said no and the client was told
 * - dropped: a limit said no to an unacknowledged write, which nobody can be told
 * - upstream_lost: the upstream connection was lost, or none could be had in time
 * - wait_timeout: the wait queue's bound or the command's maxTimeMS passed first, or the queue was full
 * - client_gone: the client closed before its answer could be given
 * - killed: a person ended it (weir kill operation)
 */
export type Outcome = (typeof OUTCOMES)[number];
