// Who sent an operation: one client connection, and the peer (process) that it belongs to.
// No sockets here: the nouns that downstream fills and router compares. Invariant: a Peer's key never changes.

/**
 * All connections with the same remote address and the identical hello `client` document: to weir's knowledge one
 * application process (or its twins). Cursors opened without a session belong to it, and all of its cursors are killed
 * when its last connection is gone (protocol.md 3.2, 3.4).
 */
export class Peer {
  readonly key: string;
  /** It is one connection that said loadBalanced: the owner of what it opens, which ends with it (protocol.md 2.8). */
  readonly isConnection: boolean;
  /** Open connections, the driver's monitor included. */
  connections = 0;

  constructor(key: string, isConnection = false) {
    this.key = key;
    this.isConnection = isConnection;
  }
}

/** One client connection, as the router and the filters see it. */
export interface Client {
  readonly id: number;
  readonly listener: string;
  readonly peer: Peer;
  /** `application.name` of the hello, cleaned; `-` when it sent none. */
  readonly app: string;
  /** It said `backpressure: "2"`: it understands baseBackoffMS (protocol.md 5.4). */
  readonly understandsBackoff: boolean;
  readonly isClosed: boolean;
}
