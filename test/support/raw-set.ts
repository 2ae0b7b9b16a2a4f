// A scripted replica set on real ports: three servers whose primary can be moved, and who can be killed and restarted. Writes and
// reads at the primary are answered, all others refused as a secondary does. It replicates nothing but what a test can count.
// Invariant: `written` holds each write that was acknowledged, once.

import { type BsonDocument, Long, ObjectId } from '../../codecs/index.ts';
import { type RawRequest, RawServer } from './raw-server.ts';

const NOT_PRIMARY: BsonDocument = {
  ok: 0,
  code: 10_107,
  codeName: 'NotWritablePrimary',
  errmsg: 'not primary',
};
/** A secondary goes on with what it has begun. */
const ANYWHERE: ReadonlySet<string> = new Set(['getMore', 'killCursors']);

export class RawSet {
  readonly servers: readonly RawServer[] = [new RawServer(), new RawServer(), new RawServer()];
  /** Values of `v` of the writes that were acknowledged, in their order. */
  readonly written: unknown[] = [];
  /** Open cursors by the index of their member. */
  readonly cursors: ReadonlyMap<number, Set<bigint>> = new Map([0, 1, 2].map((index) => [index, new Set<bigint>()]));
  /** Open transactions, `lsid number`, of the present primary. */
  readonly #transactions: Set<string> = new Set();
  /** Committed ones; every member knows them. */
  readonly #committed: Set<string> = new Set();
  #primary: number | null = null;
  #term = 0;
  #lastCursor = 100n;

  async start(): Promise<void> {
    for (const server of this.servers) await server.start();
    for (const [index, server] of this.servers.entries()) server.script = (request) => this.#answer(index, request);
    this.elect(0);
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server.stop();
  }

  get ports(): readonly number[] {
    return this.servers.map(({ port }) => port);
  }

  get primary(): number | null {
    return this.#primary;
  }

  /** From now on this member is primary; null: nobody is. Transactions that were open end. */
  elect(index: number | null): void {
    this.#primary = index;
    this.#term++;
    this.#transactions.clear();
    for (const [at, server] of this.servers.entries()) server.hello = this.#helloOf(at);
  }

  /** The process dies, and with it its cursors. */
  async kill(index: number): Promise<void> {
    this.cursors.get(index)?.clear();
    if (this.#primary === index) this.elect(null);
    await this.servers[index]?.stop();
  }

  /** A new process on the port of the old one, as a secondary. */
  async restart(index: number): Promise<void> {
    const server = this.servers[index];
    if (server === undefined) return;
    server.processId = new ObjectId();
    server.hello = this.#helloOf(index);
    await server.start();
  }

  #helloOf(index: number): BsonDocument {
    const isPrimary = index === this.#primary;
    return {
      isWritablePrimary: isPrimary,
      secondary: !isPrimary,
      setName: 'rs0',
      setVersion: 1,
      hosts: this.ports.map((port) => `127.0.0.1:${port}`),
      me: `127.0.0.1:${this.ports[index] ?? 0}`,
      ...(isPrimary ? { electionId: new ObjectId(this.#term.toString(16).padStart(24, '0')) } : {}),
    };
  }

  #answer(index: number, request: RawRequest): void {
    const { name, document } = request;
    if (index !== this.#primary && !ANYWHERE.has(name)) {
      const labels = document['autocommit'] === false ? ['TransientTransactionError'] : ['RetryableWriteError'];
      request.reply(document['txnNumber'] === undefined ? NOT_PRIMARY : { ...NOT_PRIMARY, errorLabels: labels });
      return;
    }
    request.reply(this.#serve(index, name, document));
  }

  #serve(index: number, name: string, document: BsonDocument): BsonDocument {
    switch (name) {
      case 'insert':
        return this.#insert(document);
      case 'find': {
        const id = ++this.#lastCursor;
        this.cursors.get(index)?.add(id);
        return {
          cursor: { firstBatch: [{ at: index }], id: Long.fromBigInt(id), ns: `shop.${String(document['find'])}` },
        };
      }
      case 'getMore':
        return this.#getMore(index, document);
      case 'killCursors':
        return this.#killCursors(index, document);
      case 'commitTransaction':
        return this.#commit(document);
      default:
        return {};
    }
  }

  #insert(document: BsonDocument): BsonDocument {
    const key = transactionOf(document);
    if (document['startTransaction'] === true) this.#transactions.add(key);
    else if (document['autocommit'] === false && !this.#transactions.has(key)) return noSuchTransaction();
    this.written.push(document['v']);
    return { n: 1 };
  }

  #commit(document: BsonDocument): BsonDocument {
    const key = transactionOf(document);
    if (!this.#transactions.delete(key) && !this.#committed.has(key)) return noSuchTransaction();
    this.#committed.add(key);
    return {};
  }

  #getMore(index: number, document: BsonDocument): BsonDocument {
    const id = BigInt(String(document['getMore']));
    if (this.cursors.get(index)?.has(id) !== true) {
      return { ok: 0, code: 43, codeName: 'CursorNotFound', errmsg: `cursor id ${id} not found` };
    }
    const ns = `shop.${String(document['collection'])}`;
    return { cursor: { nextBatch: [{ at: index }], id: Long.fromBigInt(id), ns } };
  }

  #killCursors(index: number, document: BsonDocument): BsonDocument {
    const ids = (document['cursors'] as readonly unknown[]).map((id) => BigInt(String(id)));
    const killed = ids.filter((id) => this.cursors.get(index)?.delete(id) === true);
    return {
      cursorsKilled: killed.map((id) => Long.fromBigInt(id)),
      cursorsNotFound: ids.filter((id) => !killed.includes(id)).map((id) => Long.fromBigInt(id)),
      cursorsAlive: [],
      cursorsUnknown: [],
    };
  }
}

function transactionOf(document: BsonDocument): string {
  const { id } = (document['lsid'] ?? {}) as { id?: unknown };
  return `${String(id)} ${String(document['txnNumber'])}`;
}

function noSuchTransaction(): BsonDocument {
  const errorLabels = ['TransientTransactionError'];
  return { ok: 0, code: 251, codeName: 'NoSuchTransaction', errmsg: 'no such transaction', errorLabels };
}
