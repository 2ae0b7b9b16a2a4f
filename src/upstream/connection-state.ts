// The states of an upstream connection as a table. Pure. Invariant: a transition that is not in the table throws.

export type ConnectionState = 'handshaking' | 'idle' | 'busy' | 'closed';
export type ConnectionEvent = 'greeted' | 'sent' | 'drained' | 'closed';

const TRANSITIONS: Readonly<Record<ConnectionState, Partial<Record<ConnectionEvent, ConnectionState>>>> = {
  handshaking: { greeted: 'idle', closed: 'closed' },
  idle: { sent: 'busy', closed: 'closed' },
  busy: { sent: 'busy', drained: 'idle', closed: 'closed' },
  closed: {},
};

/** The state after `event`. Throws on a pair that must not happen: that is weir's own mistake, never a peer's. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const next = TRANSITIONS[state][event];
  if (next === undefined) throw new Error(`upstream connection: '${event}' in state '${state}'`);
  return next;
}
