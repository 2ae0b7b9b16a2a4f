// Why an upstream connection dies: a closed list, counted by reason. In doubt a connection is destroyed, never reused.

export const PERISH_REASONS = [
  'connect_failed',
  'handshake_failed',
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
  'stopped',
] as const;

/**
 * - response_mismatch, unexpected_reply, malformed_reply, more_to_come, reply_before_request, bytes_left: the
 *   connection is not provably clean, so nobody may use it again (poolers.md 4.6)
 * - endpoint_silent: the monitor's hello was not answered in time
 * - endpoint_changed: the endpoint is another server, or no longer writable
 * - abandoned: the client left and the server never answered within the grace period
 */
export type PerishReason = (typeof PERISH_REASONS)[number];
