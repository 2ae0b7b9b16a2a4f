// Why an upstream connection dies: a closed list, counted by reason. In doubt a connection is destroyed, never reused.

export const PERISH_REASONS = [
  'connect_failed',
  'handshake_failed',
  'login_failed',
  'peer_closed',
  'socket_error',
  'response_mismatch',
  'unexpected_reply',
  'malformed_reply',
  'more_to_come',
  'reply_before_request',
  'bytes_left',
  'endpoint_silent',
  'endpoint_changed',
  'abandoned',
  'client_gone_cancel',
  'idle_time',
  'life_time',
  'recycled',
  'no_pong',
  'stopped',
] as const;

/**
 * - response_mismatch, unexpected_reply, malformed_reply, more_to_come, reply_before_request, bytes_left: the
 *   connection is not provably clean, so nobody may use it again (poolers.md 4.6)
 * - login_failed: the server refused weir's user, or could not prove itself (login/)
 * - endpoint_silent: the monitor's hello was not answered in time
 * - endpoint_changed: the endpoint is another server, or no longer writable
 * - idle_time, life_time, recycled: healthy, and no longer wanted (maxIdleTime, maxLifetime, `weir reconnect`)
 * - no_pong: idle for long, and a ping was not answered
 * - abandoned: the client left and the server never answered within the grace period
 * - client_gone_cancel: the client left, and its read was to end with it (`onClientGone: cancel`)
 */
export type PerishReason = (typeof PERISH_REASONS)[number];

const HARMLESS: ReadonlySet<PerishReason> = new Set([
  'abandoned',
  'client_gone_cancel',
  'idle_time',
  'life_time',
  'recycled',
  'stopped',
]);

/** Weir's own wish: it says nothing of the server. */
export function isHarmless(reason: PerishReason): boolean {
  return HARMLESS.has(reason);
}
