// The states of a client connection as a table. Pure. Invariant: a transition that is not in the table throws.

export type ClientState = 'ready' | 'busy' | 'draining' | 'closed';
export type ClientEvent = 'asked' | 'answered' | 'drain' | 'closed';

const TRANSITIONS: Readonly<Record<ClientState, Partial<Record<ClientEvent, ClientState>>>> = {
  ready: { asked: 'busy', closed: 'closed' },
  busy: { answered: 'ready', drain: 'draining', closed: 'closed' },
  // The last operation of a connection that is to be closed.
  draining: { drain: 'draining', closed: 'closed' },
  closed: {},
};

/** The state after `event`. Throws on a pair that must not happen: that is weir's own mistake, never a peer's. */
export function nextClientState(state: ClientState, event: ClientEvent): ClientState {
  const next = TRANSITIONS[state][event];
  if (next === undefined) throw new Error(`client connection: '${event}' in state '${state}'`);
  return next;
}
