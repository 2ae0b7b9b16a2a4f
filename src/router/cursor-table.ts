// Which cursor belongs to whom. A driver's client is many connections, so the owner is the lsid of the opening command,
// without one the peer; never the connection (protocol.md 3.2). No I/O. Invariants: an id that is not here belongs to
// nobody; the table never holds more than `maxCursors`,
// and makes room by giving up the one asked longest ago.

import type { Peer } from '../core/client.ts';

/** How a getMore on it behaves: `none` answers at once, the others wait at the server for news. */
export type AwaitKind = 'none' | 'tailable' | 'change_stream';

export interface CursorEntry {
  readonly id: bigint;
  /** Session of the opening command; '' if it had none. */
  readonly lsidKey: string;
  readonly peer: Peer;
  readonly database: string;
  readonly collection: string;
  /** `cursor.ns` of the opening reply, for answers made here. */
  readonly namespace: string;
  readonly callSite: string;
  readonly awaits: AwaitKind;
}

export const MAX_CURSORS = 100_000;

export class CursorTable {
  readonly #maxCursors: number;
  readonly #entries: Map<bigint, CursorEntry> = new Map();
  readonly #byPeer: Map<Peer, Set<CursorEntry>> = new Map();

  constructor(maxCursors: number = MAX_CURSORS) {
    this.#maxCursors = maxCursors;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds a cursor; returns the oldest one if it had to make room, which then must be killed. */
  add(entry: CursorEntry): CursorEntry | null {
    this.remove(entry.id);
    const evicted = this.#entries.size >= this.#maxCursors ? this.#oldest() : null;
    if (evicted !== null) this.remove(evicted.id);
    this.#entries.set(entry.id, entry);
    const ofPeer = this.#byPeer.get(entry.peer);
    if (ofPeer === undefined) this.#byPeer.set(entry.peer, new Set([entry]));
    else ofPeer.add(entry);
    return evicted;
  }

  /** The cursor, if this asker owns it; else null, whether it exists or not. */
  owned(id: bigint, lsidKey: string, peer: Peer): CursorEntry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    return entry.lsidKey === '' && lsidKey === '' ? sameOrNull(entry, peer) : entry.lsidKey === lsidKey ? entry : null;
  }

  /** As owned(), and a killer without a session may be the opener's peer: drivers kill collected cursors that way. */
  killable(id: bigint, lsidKey: string, peer: Peer): CursorEntry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    return lsidKey === '' ? sameOrNull(entry, peer) : this.owned(id, lsidKey, peer);
  }

  /** Was asked: the oldest that makes room is the one asked longest ago. */
  touch(entry: CursorEntry): void {
    this.#entries.delete(entry.id);
    this.#entries.set(entry.id, entry);
  }

  remove(id: bigint): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    const ofPeer = this.#byPeer.get(entry.peer);
    ofPeer?.delete(entry);
    if (ofPeer?.size === 0) this.#byPeer.delete(entry.peer);
  }

  /** Takes out all cursors of a peer whose last connection is gone; they must be killed. */
  takePeer(peer: Peer): CursorEntry[] {
    const entries = [...(this.#byPeer.get(peer) ?? [])];
    for (const entry of entries) this.remove(entry.id);
    return entries;
  }

  /** The server process that knew them is gone. */
  clear(): void {
    this.#entries.clear();
    this.#byPeer.clear();
  }

  #oldest(): CursorEntry | null {
    for (const entry of this.#entries.values()) return entry;
    return null;
  }
}

function sameOrNull(entry: CursorEntry, peer: Peer): CursorEntry | null {
  return entry.peer === peer ? entry : null;
}
