// Which connections belong to the same application process, to weir's knowledge (core/client.ts, Peer).
// Invariant: a peer is here exactly while it has a connection; one that is a connection itself is never here.

import { Peer } from '../core/client.ts';

export class Peers {
  readonly #peers: Map<string, Peer> = new Map();
  readonly #onGone: (peer: Peer) => void;

  /** `onGone`: the last connection of a peer closed. */
  constructor(onGone: (peer: Peer) => void) {
    this.#onGone = onGone;
  }

  /** `metadata`: the bytes of the hello's `client` document as latin1 text; '' before the hello, or without one. */
  join(address: string, metadata: string): Peer {
    const key = `${address}\0${metadata}`;
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      peer = new Peer(key);
      this.#peers.set(key, peer);
    }
    peer.connections++;
    return peer;
  }

  /** A peer of its own for one connection, whoever else looks like it. */
  single(address: string): Peer {
    const peer = new Peer(address, true);
    peer.connections = 1;
    return peer;
  }

  leave(peer: Peer): void {
    peer.connections--;
    if (peer.connections > 0) return;
    if (this.#peers.get(peer.key) === peer) this.#peers.delete(peer.key);
    this.#onGone(peer);
  }

  all(): IterableIterator<Peer> {
    return this.#peers.values();
  }
}
