// Steady load for a number of seconds: durable inserts, cursors of several batches, transactions.
// Errors are counted, never fatal: what the tests ask is which errors came, and which acknowledged writes are still there.
// Invariant: an _id is reported as acknowledged only after the server said so with w:majority, j:true.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from 'mongodb';
import type { LatencyRow, ProgramReport } from '../../report.ts';
import { comment } from './comment.ts';
import type { ErrorLedger } from './error-ledger.ts';

export interface LoadOptions {
  readonly app: string;
  readonly seconds: number;
  readonly pauseMs: number;
  /** Of: insert, find, transaction. */
  readonly operations: readonly string[];
  readonly callSite: string;
}

interface Document {
  _id: string;
}

const DURABLE = { writeConcern: { w: 'majority', journal: true } } as const;
const SEED_DOCUMENTS = 12;
const BATCH = 5;
/** Between batches and statements, so that cursors and transactions are open when the server dies. */
const THINKING_MS = 5;

class LoadClient {
  readonly acknowledged: { id: string; atMs: number }[] = [];
  readonly latencies = new Map<string, number[]>();
  readonly #db: Db;
  readonly #name: string;
  readonly #callSite: string;
  #next = 0;

  constructor(db: Db, name: string, callSite: string) {
    this.#db = db;
    this.#name = name;
    this.#callSite = callSite;
  }

  async perform(operation: string): Promise<void> {
    const startedMs = performance.now();
    if (operation === 'insert') await this.#insert();
    else if (operation === 'find') await this.#find();
    else await this.#transaction();
    const list = this.latencies.get(operation) ?? [];
    list.push(performance.now() - startedMs);
    this.latencies.set(operation, list);
  }

  async #insert(): Promise<void> {
    const id = this.#nextId();
    const options = { ...DURABLE, comment: comment(`${this.#callSite}.insert`) };
    await this.#db.collection<Document>('load').insertOne({ _id: id }, options);
    this.acknowledged.push({ id, atMs: performance.now() });
  }

  async #find(): Promise<void> {
    const options = { batchSize: BATCH, comment: comment(`${this.#callSite}.find`) };
    let found = 0;
    for await (const _ of this.#db.collection<Document>('seed').find({}, options)) {
      found += 1;
      if (found % BATCH === 0) await sleep(THINKING_MS);
    }
    if (found !== SEED_DOCUMENTS) throw new Error(`a find returned ${String(found)} documents`);
  }

  async #transaction(): Promise<void> {
    const session = this.#db.client.startSession();
    const ids = [this.#nextId(), this.#nextId()];
    try {
      session.startTransaction(DURABLE);
      for (const id of ids) {
        const options = { session, comment: comment(`${this.#callSite}.transaction`) };
        await this.#db.collection<Document>(`txn_${this.#name}`).insertOne({ _id: id }, options);
        await sleep(THINKING_MS);
      }
      await session.commitTransaction();
      for (const id of ids) this.acknowledged.push({ id, atMs: performance.now() });
    } finally {
      await session.endSession();
    }
  }

  #nextId(): string {
    return `${this.#name}-${String(this.#next++)}`;
  }
}

export async function runLoad(
  databases: readonly Db[],
  errors: ErrorLedger,
  options: LoadOptions,
): Promise<Partial<ProgramReport>> {
  const seed = databases[0]?.collection<Document>('seed');
  await seed?.drop();
  await seed?.insertMany(Array.from({ length: SEED_DOCUMENTS }, (_, id) => ({ _id: String(id) })));
  const clients = databases.map((db, index) => new LoadClient(db, `${options.app}-${String(index)}`, options.callSite));
  process.stderr.write('load started\n');
  const endMs = performance.now() + options.seconds * 1000;
  await Promise.all(clients.map(async (client) => runClient(client, errors, options, endMs)));
  const acknowledged = clients.flatMap((client) => client.acknowledged);
  return {
    acknowledged: acknowledged.map(({ id }) => id),
    acknowledgedInLastThreeSeconds: acknowledged.filter(({ atMs }) => atMs > endMs - 3000).length,
    latencies: options.operations.map((operation) => latencyRow(operation, clients)),
  };
}

async function runClient(client: LoadClient, errors: ErrorLedger, options: LoadOptions, endMs: number): Promise<void> {
  while (performance.now() < endMs) {
    for (const operation of options.operations) {
      try {
        await client.perform(operation);
      } catch (error) {
        errors.add(operation, error);
        await sleep(20);
      }
    }
    if (options.pauseMs > 0) await sleep(options.pauseMs);
  }
}

function latencyRow(operation: string, clients: readonly LoadClient[]): LatencyRow {
  const all = clients.flatMap((client) => client.latencies.get(operation) ?? []).sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0) * 1000) / 1000;
  return { operation, count: all.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
