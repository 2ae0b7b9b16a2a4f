// The transactions that are open through weir, by session. For a transaction the lsid is its own proof of ownership.
// Pure: no timer, no I/O, time is an argument. Invariants: one transaction per session; `size` counts only those that
// the server has begun; the table never holds more than `maxTransactions`.

import type { Client, Peer } from '../core/client.ts';
import type { EndpointKey } from '../upstream/exchange.ts';

/** After this time without a statement the server has aborted it (transactionLifetimeLimitSeconds is 60 by default). */
export const IDLE_LIMIT_MS = 120_000;
/** How long after the last connection of its session closed a transaction may live (design.md decision 7). */
export const ORPHAN_GRACE_MS = 30_000;
export const MAX_TRANSACTIONS = 10_000;

export interface TransactionEntry {
  /** The 16 bytes of the session's UUID as latin1 text. */
  readonly lsidKey: string;
  readonly txnNumber: bigint;
  /** The member that it was begun at. */
  readonly server: EndpointKey;
  readonly callSite: string;
  readonly openedMs: number;
  lastStatementMs: number;
  /** The connection that it ends with at once, where that is its owner (loadBalanced); else null: the session is. */
  readonly owner: Peer | null;
  /** Connections that carried its statements and are still open. */
  readonly carriers: Set<Client>;
  /** When the last carrier closed; null while there is one. */
  orphanedMs: number | null;
  /** Its commit or abort was sent: nobody but the server decides on it any more. */
  isEnding: boolean;
}

interface EndedTransaction {
  readonly txnNumber: bigint;
  readonly server: EndpointKey;
}

export class TransactionTable {
  readonly #entries: Map<string, TransactionEntry> = new Map();
  /** Where each session's last transaction was, once it is over: its commit may be sent again. Oldest first, bounded. */
  readonly #ended: Map<string, EndedTransaction> = new Map();
  readonly #maxTransactions: number;

  constructor(maxTransactions: number = MAX_TRANSACTIONS) {
    this.#maxTransactions = maxTransactions;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(lsidKey: string): TransactionEntry | null {
    return this.#entries.get(lsidKey) ?? null;
  }

  /** The server answered the first statement. A newer number replaces an older transaction of the session. */
  open(
    opened: Omit<TransactionEntry, 'carriers' | 'orphanedMs' | 'lastStatementMs' | 'isEnding' | 'owner'>,
    carrier: Client,
  ): void {
    if (this.#entries.size >= this.#maxTransactions && !this.#entries.has(opened.lsidKey)) return;
    const entry: TransactionEntry = {
      ...opened,
      lastStatementMs: opened.openedMs,
      carriers: new Set(),
      orphanedMs: null,
      isEnding: false,
      owner: carrier.peer.isConnection ? carrier.peer : null,
    };
    this.#entries.set(opened.lsidKey, entry);
    carry(entry, carrier, opened.openedMs);
  }

  /** A statement passed on `carrier`. */
  touch(entry: TransactionEntry, carrier: Client, nowMs: number): void {
    entry.lastStatementMs = nowMs;
    carry(entry, carrier, nowMs);
  }

  /** Committed, aborted or lost. True if it was there; a late word about an older number closes nothing. */
  close(lsidKey: string, txnNumber: bigint): boolean {
    const entry = this.#entries.get(lsidKey);
    if (entry?.txnNumber !== txnNumber) return false;
    this.#noteEnded(entry);
    return this.#entries.delete(lsidKey);
  }

  /** Where this transaction is or was; null if it is not known any more. */
  serverOf(lsidKey: string, txnNumber: bigint): EndpointKey | null {
    const entry = this.#entries.get(lsidKey) ?? this.#ended.get(lsidKey);
    return entry?.txnNumber === txnNumber ? entry.server : null;
  }

  #noteEnded({ lsidKey, txnNumber, server }: TransactionEntry): void {
    this.#ended.delete(lsidKey);
    this.#ended.set(lsidKey, { txnNumber, server });
    if (this.#ended.size <= this.#maxTransactions) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      return;
    }
  }

  /** Its commit or abort never left: it is as open as before. */
  endNotSent(lsidKey: string, txnNumber: bigint): void {
    const entry = this.#entries.get(lsidKey);
    if (entry?.txnNumber === txnNumber) entry.isEnding = false;
  }

  /** The session is over, and whatever it had open. True if there was something. */
  closeSession(lsidKey: string): boolean {
    this.#ended.delete(lsidKey);
    return this.#entries.delete(lsidKey);
  }

  clientClosed(client: Client, nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.carriers.delete(client) && entry.carriers.size === 0) entry.orphanedMs = nowMs;
    }
  }

  /** Takes out those of a connection that is gone and was their owner; those whose end is under way stay. */
  takeOwned(owner: Peer): TransactionEntry[] {
    const taken: TransactionEntry[] = [];
    for (const entry of this.#entries.values()) if (entry.owner === owner && !entry.isEnding) taken.push(entry);
    for (const entry of taken) this.#entries.delete(entry.lsidKey);
    return taken;
  }

  isCarrier(client: Client): boolean {
    for (const entry of this.#entries.values()) if (entry.carriers.has(client)) return true;
    return false;
  }

  /** Takes out those that nobody will end: orphans past their grace (to be aborted) and idle ones (aborted by the server). */
  sweep(nowMs: number): { orphans: TransactionEntry[]; idle: TransactionEntry[] } {
    const orphans: TransactionEntry[] = [];
    const idle: TransactionEntry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.orphanedMs !== null && !entry.isEnding && nowMs - entry.orphanedMs >= ORPHAN_GRACE_MS)
        orphans.push(entry);
      else if (nowMs - entry.lastStatementMs >= IDLE_LIMIT_MS) idle.push(entry);
    }
    for (const entry of [...orphans, ...idle]) this.#entries.delete(entry.lsidKey);
    return { orphans, idle };
  }

  /** Takes out all, for a last clean-up. */
  takeAll(): TransactionEntry[] {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    return all;
  }

  /** The server process that had them is gone, or out of reach. True if there were any. */
  forgetServer(server: EndpointKey): boolean {
    const lost = [...this.#entries.values()].filter((entry) => entry.server === server);
    for (const { lsidKey } of lost) this.#entries.delete(lsidKey);
    return lost.length > 0;
  }
}

/** A carrier that closed while its statement was under way leaves an orphan. */
function carry(entry: TransactionEntry, carrier: Client, nowMs: number): void {
  if (!carrier.isClosed) {
    entry.carriers.add(carrier);
    entry.orphanedMs = null;
  } else if (entry.carriers.size === 0) {
    entry.orphanedMs ??= nowMs;
  }
}
