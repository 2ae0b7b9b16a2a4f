// What drivers say that they sent and heard, from their command events: the truth that weir's statistics must equal.
// It knows the call site only from the comment and, for cursors, from who opened them.
// Invariant: every started command is counted once; nothing is counted that no event told.

import type { CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent, Long, MongoClient } from 'mongodb';

/** Counts of one combination of names. */
export interface LedgerRow {
  operations: number;
  errors: number;
  documentsReturned: number;
  documentsChanged: number;
}

interface Sent {
  readonly row: LedgerRow;
  readonly key: LedgerKey;
}

/** What is read of replies. */
interface CommandReply {
  readonly cursor?: {
    readonly id: bigint | number | Long;
    readonly firstBatch?: unknown[];
    readonly nextBatch?: unknown[];
  };
  readonly writeErrors?: unknown[];
  readonly upserted?: unknown[];
  readonly lastErrorObject?: { readonly n?: number };
  readonly n?: number;
  readonly nModified?: number;
}

interface LedgerKey {
  readonly app: string;
  readonly callSite: string;
  readonly db: string;
  readonly collection: string;
  readonly command: string;
}

export const LABELS: readonly (keyof LedgerKey)[] = ['db', 'collection', 'command', 'callSite', 'app'];

const COLLECTIONLESS: ReadonlySet<string> = new Set([
  'ping',
  'buildInfo',
  'endSessions',
  'listCollections',
  'dropDatabase',
]);

export class Ledger {
  readonly #rows: Map<string, Sent> = new Map();
  readonly #origins: Map<string, string> = new Map();
  poolsCleared = 0;

  watch(client: MongoClient): void {
    const app = client.options.appName ?? '-';
    const sent = new Map<number, Sent>();
    client.on('commandStarted', (event) => sent.set(event.requestId, this.#started(app, event)));
    client.on('commandSucceeded', (event) => this.#succeeded(sent.get(event.requestId), event));
    client.on('commandFailed', (event) => this.#failed(sent.get(event.requestId), event));
    client.on('connectionPoolCleared', () => {
      this.poolsCleared++;
    });
  }

  /** Sums by some of the labels, joined with spaces. */
  by(read: (row: LedgerRow) => number, labels: readonly (keyof LedgerKey)[] = LABELS): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { key, row } of this.#rows.values()) {
      const value = read(row);
      const name = labels.map((label) => key[label]).join(' ');
      if (value > 0) sums[name] = (sums[name] ?? 0) + value;
    }
    return sums;
  }

  total(read: (row: LedgerRow) => number): number {
    let total = 0;
    for (const { row } of this.#rows.values()) total += read(row);
    return total;
  }

  #started(app: string, event: CommandStartedEvent): Sent {
    const { command } = event;
    const name = event.commandName;
    const isOnCursor = name === 'getMore' || name === 'killCursors';
    const cursor = name === 'getMore' ? String(command['getMore']) : String((command['cursors'] as unknown[])?.[0]);
    const comment: unknown = command['comment'];
    const key = {
      app,
      callSite: isOnCursor ? (this.#origins.get(cursor) ?? '-') : typeof comment === 'string' ? comment : '-',
      db: event.databaseName,
      collection: collectionOf(name, command),
      command: name,
    };
    const joined = LABELS.map((label) => key[label]).join('\0');
    const known = this.#rows.get(joined);
    const sent = known ?? { key, row: { operations: 0, errors: 0, documentsReturned: 0, documentsChanged: 0 } };
    if (known === undefined) this.#rows.set(joined, sent);
    sent.row.operations++;
    return sent;
  }

  #succeeded(sent: Sent | undefined, event: CommandSucceededEvent): void {
    if (sent === undefined) return;
    const reply = event.reply as CommandReply | undefined;
    if (reply === undefined) return;
    this.#hearCursor(sent, reply.cursor);
    sent.row.documentsChanged += changedBy(sent.key.command, reply);
    if ((reply.writeErrors ?? []).length > 0) sent.row.errors++;
  }

  #hearCursor(sent: Sent, cursor: CommandReply['cursor']): void {
    if (cursor === undefined) return;
    const id = cursor.id.toString();
    if (id !== '0') this.#origins.set(id, sent.key.callSite);
    sent.row.documentsReturned += (cursor.firstBatch ?? cursor.nextBatch ?? []).length;
  }

  #failed(sent: Sent | undefined, _event: CommandFailedEvent): void {
    if (sent !== undefined) sent.row.errors++;
  }
}

function collectionOf(name: string, command: Readonly<Record<string, unknown>>): string {
  if (COLLECTIONLESS.has(name)) return '';
  const value: unknown = name === 'getMore' ? command['collection'] : command[name];
  return typeof value === 'string' ? value : '';
}

function changedBy(name: string, reply: CommandReply): number {
  switch (name) {
    case 'insert':
    case 'delete':
      return reply.n ?? 0;
    case 'update':
      return (reply.nModified ?? 0) + (reply.upserted ?? []).length;
    case 'findAndModify':
      return reply.lastErrorObject?.n ?? 0;
    default:
      return 0;
  }
}
