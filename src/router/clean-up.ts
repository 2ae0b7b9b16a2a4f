// Commands that weir sends on its own: kills the cursors and aborts the transactions of clients that are gone, and passes
// endSessions on. Nobody waits for the answers. Invariant: at most `MAX_PENDING` such commands are under way; what is
// beyond that is left to the server's own timeouts, counted.

import { Binary, type BsonDocument, type CommandView, encodeMessage, Frame, Long } from '../../codecs/index.ts';
import type { Peer } from '../core/client.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { Tally } from '../core/tally.ts';
import type { Cluster } from '../upstream/cluster.ts';
import { type AdmissionClass, type EndpointKey, Exchange, type ExchangeOwner } from '../upstream/exchange.ts';
import type { CursorEntry, CursorTable } from './cursor-table.ts';
import { readEndedSessions } from './ended-sessions.ts';
import type { TransactionEntry, TransactionTable } from './transaction-table.ts';

export type CleanUpKind =
  | 'cursors_killed'
  | 'cursors_evicted'
  | 'transactions_aborted'
  | 'transactions_expired'
  | 'sessions_passed_on'
  | 'skipped';

const MAX_PENDING = 1000;
const UUID_SUBTYPE = 4;
const SWEEP_MS = 1000;
const CURSORS_A_COMMAND = 1000;

/** What a command is for, and the only member that can do it; null: any. */
interface Errand {
  readonly kind: CleanUpKind;
  readonly count: number;
  readonly pin: EndpointKey | null;
}

export class CleanUp implements ExchangeOwner {
  readonly counts: Tally<CleanUpKind> = new Tally();
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #cursors: CursorTable;
  readonly #transactions: TransactionTable;
  #pending = 0;
  #sweepTimer: Timer | null = null;

  constructor(cluster: Cluster, clock: Clock, cursors: CursorTable, transactions: TransactionTable) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#cursors = cursors;
    this.#transactions = transactions;
  }

  /** Kills all cursors of a peer that has no connection left; of one that was a connection, its transactions end too. */
  peerGone(peer: Peer): void {
    this.killCursors(this.#cursors.takePeer(peer), 'cursors_killed');
    if (!peer.isConnection) return;
    const transactions = this.#transactions.takeOwned(peer);
    for (const entry of transactions) this.abort(entry);
    if (transactions.length > 0) this.#cluster.onTransactionClosed();
  }

  killCursors(entries: readonly CursorEntry[], kind: 'cursors_killed' | 'cursors_evicted'): void {
    const byNamespace = new Map<string, CursorEntry[]>();
    for (const entry of entries) {
      const key = `${entry.server}\0${entry.database}\0${collectionOf(entry)}`;
      const group = byNamespace.get(key);
      if (group === undefined) byNamespace.set(key, [entry]);
      else group.push(entry);
    }
    for (const group of byNamespace.values()) {
      for (let at = 0; at < group.length; at += CURSORS_A_COMMAND) {
        this.#kill(group.slice(at, at + CURSORS_A_COMMAND), kind);
      }
    }
  }

  #kill(group: readonly CursorEntry[], kind: 'cursors_killed' | 'cursors_evicted'): void {
    const first = group[0];
    if (first === undefined) return;
    const cursors = group.map((entry) => Long.fromBigInt(entry.id));
    const command = { killCursors: collectionOf(first), cursors, $db: first.database };
    this.#say(command, { kind, count: group.length, pin: first.server });
  }

  /** A transaction is open: look after it until it ends. */
  watchTransactions(): void {
    this.#sweepTimer ??= this.#clock.setTimer(SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    this.#sweepTimer = null;
    const { orphans, idle } = this.#transactions.sweep(this.#clock.nowMs());
    for (const entry of orphans) this.abort(entry);
    if (idle.length > 0) this.counts.add('transactions_expired', idle.length);
    if (orphans.length + idle.length > 0) this.#cluster.onTransactionClosed();
    if (this.#transactions.size > 0) this.watchTransactions();
  }

  /** Aborts a transaction that was taken out of the table. */
  abort(entry: TransactionEntry): void {
    const command = {
      abortTransaction: 1,
      lsid: { id: new Binary(Buffer.from(entry.lsidKey, 'latin1'), UUID_SUBTYPE) },
      txnNumber: Long.fromBigInt(entry.txnNumber),
      autocommit: false,
      $db: 'admin',
    };
    const pin = this.#cluster.transactionPin(entry.server, true);
    this.#say(command, { kind: 'transactions_aborted', count: 1, pin });
  }

  /** Sessions that a client ends take their transactions with them. */
  sessionsEnded(command: CommandView): void {
    let closed = 0;
    for (const lsidKey of readEndedSessions(command)) if (this.#transactions.closeSession(lsidKey)) closed++;
    if (closed > 0) this.#cluster.onTransactionClosed();
  }

  /** Sends a client's frame on without anyone waiting for the answer. */
  passOn(frame: Frame): void {
    this.#submit(frame, 'ordinary', { kind: 'sessions_passed_on', count: 1, pin: null });
  }

  /** Before a stop: nobody will end these any more. Cursors were killed as their clients were closed. */
  abortAll(): void {
    for (const entry of this.#transactions.takeAll()) this.abort(entry);
  }

  get pending(): number {
    return this.#pending;
  }

  stop(): void {
    this.#sweepTimer?.cancel();
  }

  #say(command: BsonDocument, errand: Errand): void {
    this.#submit(Frame.of(encodeMessage(command, 0, 0)), 'privileged', errand);
  }

  #submit(frame: Frame, admission: AdmissionClass, { kind, count, pin }: Errand): void {
    if (this.#pending >= MAX_PENDING) {
      this.counts.add('skipped', count);
      return;
    }
    this.counts.add(kind, count);
    this.#pending++;
    this.#cluster.submit(
      'ordinary',
      new Exchange({
        owner: this,
        frame,
        admission,
        fence: null,
        waitBound: 'queue',
        pin,
        nowMs: this.#clock.nowMs(),
        maxWaitMs: this.#cluster.options.pool.waitQueueTimeoutMs,
      }),
    );
  }

  onReply(): void {
    this.#pending--;
  }

  onFailed(): void {
    this.#pending--;
  }
}

/** The collection part of the cursor's own namespace, e.g. `$cmd.aggregate`: what killCursors must name. */
function collectionOf(entry: CursorEntry): string {
  const dot = entry.namespace.indexOf('.');
  return dot < 0 ? entry.collection : entry.namespace.slice(dot + 1);
}
