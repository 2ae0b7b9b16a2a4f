// Which cursor belongs to whom. A driver's client is many connections, so the owner is the lsid of the opening command,
// without one the peer; the connection only for clients that said loadBalanced (protocol.md 3.2, 2.8). No I/O. Invariants: an id that is not here belongs to
// nobody; the table never holds more than `maxCursors`,
// and makes room by giving up the one asked longest ago.

import type { Peer } from '../core/client.ts';
import type { EndpointKey } from '../upstream/exchange.ts';

/** How a getMore on it behaves: `none` answers at once, the others wait at the server for news. */
export type AwaitKind = 'none' | 'tailable' | 'change_stream';

export interface CursorEntry {
  readonly id: bigint;
  /** The member that keeps it: only there it can be asked or killed. */
  readonly server: EndpointKey;
  /** Session of the opening command; '' if it had none. */
  readonly lsidKey: string;
  readonly peer: Peer;
  readonly database: string;
  readonly collection: string;
  /** `cursor.ns` of the opening reply. */
  readonly namespace: string;
  readonly callSite: string;
  readonly awaits: AwaitKind;
  /** Application of the opening connection. */
  readonly app: string;
  readonly openedMs: number;
  /** When it was opened or asked for more. */
  usedMs: number;
}

export const MAX_CURSORS = 100_000;

/** What a request says of where its cursor belongs. */
export type CursorPlace = Pick<CursorEntry, 'database' | 'collection'>;

export class CursorTable {
  readonly #maxCursors: number;
  readonly #entries: Map<bigint, CursorEntry> = new Map();
  /** Further cursors of the same id, at other members: servers draw ids by themselves. Nearly always empty. */
  readonly #namesakes: Map<bigint, readonly CursorEntry[]> = new Map();
  #size = 0;
  readonly #byPeer: Map<Peer, Set<CursorEntry>> = new Map();

  constructor(maxCursors: number = MAX_CURSORS) {
    this.#maxCursors = maxCursors;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a cursor; returns the oldest one if it had to make room, which then must be killed. */
  add(entry: CursorEntry): CursorEntry | null {
    const before = this.at(entry.server, entry.id);
    if (before !== null) this.remove(before);
    const evicted = this.#size >= this.#maxCursors ? this.#oldest() : null;
    if (evicted !== null) this.remove(evicted);
    this.#size++;
    if (this.#entries.has(entry.id)) this.#namesakes.set(entry.id, [...this.#othersOf(entry.id), entry]);
    else this.#entries.set(entry.id, entry);
    const ofPeer = this.#byPeer.get(entry.peer);
    if (ofPeer === undefined) this.#byPeer.set(entry.peer, new Set([entry]));
    else ofPeer.add(entry);
    return evicted;
  }

  /** The cursor of this member. */
  at(server: EndpointKey, id: bigint): CursorEntry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.server === server) return entry ?? null;
    return this.#othersOf(id).find((other) => other.server === server) ?? null;
  }

  /**
   * The cursor, if this asker owns it; else null, whether it exists or not. If it owns several of this id, the one in the
   * place that is named; null if that does not tell either.
   */
  owned(id: bigint, lsidKey: string, peer: Peer, place?: CursorPlace): CursorEntry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    if (this.#namesakes.size === 0) return isOwned(entry, lsidKey, peer) ? entry : null;
    return this.#oneOf(id, place, (candidate) => isOwned(candidate, lsidKey, peer));
  }

  /** As owned(), and a killer without a session may be the opener's peer: drivers kill collected cursors that way. */
  killable(id: bigint, lsidKey: string, peer: Peer, place?: CursorPlace): CursorEntry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    if (this.#namesakes.size === 0) return isKillable(entry, lsidKey, peer) ? entry : null;
    return this.#oneOf(id, place, (candidate) => isKillable(candidate, lsidKey, peer));
  }

  #oneOf(id: bigint, place: CursorPlace | undefined, isRight: (entry: CursorEntry) => boolean): CursorEntry | null {
    const right = this.#allOf(id).filter(isRight);
    if (right.length < 2 || place === undefined) return right[0] ?? null;
    const namespace = `${place.database}.${place.collection}`;
    const [named, ...more] = right.filter((entry) => entry.namespace === namespace);
    return more.length > 0 ? null : (named ?? null);
  }

  #othersOf(id: bigint): readonly CursorEntry[] {
    return this.#namesakes.get(id) ?? [];
  }

  #allOf(id: bigint): readonly CursorEntry[] {
    const entry = this.#entries.get(id);
    return entry === undefined ? [] : [entry, ...this.#othersOf(id)];
  }

  /** Was asked: the oldest that makes room is the one asked longest ago. */
  touch(entry: CursorEntry, nowMs: number): void {
    entry.usedMs = nowMs;
    const first = this.#entries.get(entry.id);
    if (first === undefined) return;
    this.#entries.delete(entry.id);
    this.#entries.set(entry.id, first);
  }

  /** Later calls for the same cursor do nothing. */
  remove(entry: CursorEntry): void {
    if (!this.isOpen(entry)) return;
    this.#size--;
    const [first, ...others] = this.#allOf(entry.id).filter((other) => other !== entry);
    if (first === undefined) this.#entries.delete(entry.id);
    else this.#entries.set(entry.id, first);
    if (others.length > 0) this.#namesakes.set(entry.id, others);
    else this.#namesakes.delete(entry.id);
    const ofPeer = this.#byPeer.get(entry.peer);
    ofPeer?.delete(entry);
    if (ofPeer?.size === 0) this.#byPeer.delete(entry.peer);
  }

  /** Takes one out, whoever owns it; it must be killed. Null if it is not open. */
  takeOpen(server: EndpointKey, id: bigint): CursorEntry | null {
    const entry = this.at(server, id);
    if (entry !== null) this.remove(entry);
    return entry;
  }

  /** Whether it is still this cursor, and in the table. */
  isOpen(entry: CursorEntry): boolean {
    return this.#entries.get(entry.id) === entry || this.#othersOf(entry.id).includes(entry);
  }

  /** Those asked longest ago come first. */
  *all(): Iterable<CursorEntry> {
    for (const entry of this.#entries.values()) {
      yield entry;
      yield* this.#othersOf(entry.id);
    }
  }

  /** Takes out all cursors of a peer whose last connection is gone; they must be killed. */
  takePeer(peer: Peer): CursorEntry[] {
    const entries = [...(this.#byPeer.get(peer) ?? [])];
    for (const entry of entries) this.remove(entry);
    return entries;
  }

  /** The server process that knew them is gone, or out of reach. */
  forgetServer(server: EndpointKey): void {
    for (const entry of [...this.all()]) if (entry.server === server) this.remove(entry);
  }

  #oldest(): CursorEntry | null {
    for (const entry of this.#entries.values()) return entry;
    return null;
  }
}

function isOwned(entry: CursorEntry, lsidKey: string, peer: Peer): boolean {
  if (isAnothersConnection(entry, peer)) return false;
  return entry.lsidKey === '' && lsidKey === '' ? entry.peer === peer : entry.lsidKey === lsidKey;
}

function isKillable(entry: CursorEntry, lsidKey: string, peer: Peer): boolean {
  return lsidKey === '' ? entry.peer === peer : isOwned(entry, lsidKey, peer);
}

/** Opened on a connection that is its own owner, and this is not that one: knowing the session is no right there. */
function isAnothersConnection(entry: CursorEntry, peer: Peer): boolean {
  return entry.peer.isConnection && entry.peer !== peer;
}
