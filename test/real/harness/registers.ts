// Clients that write and read registers for a while through whatever is at a URI, and note what they were told.
// They judge nothing (history.ts does). Invariant: a write is noted before it is sent, and as done only when the server
// said so with w:majority and j:true.
import { MongoClient } from 'mongodb';
import { ErrorLedger } from '../drivers/node/error-ledger.ts';
import type { ErrorRow } from '../report.ts';
import type { ReadEvent, StoredRegister, WriteEvent } from './history.ts';

const REGISTERS = ['r0', 'r1', 'r2'];
const COLLECTION = 'registers';
const NEW = { upsert: true, returnDocument: 'after', projection: { version: 1 } } as const;
const DURABLE = { writeConcern: { w: 'majority', journal: true } } as const;

interface Register extends StoredRegister {
  readonly value: string;
}

export interface RegisterRun {
  readonly writes: readonly WriteEvent[];
  readonly reads: readonly ReadEvent[];
  readonly stored: readonly StoredRegister[];
  readonly errors: readonly ErrorRow[];
  /** Pools that a driver cleared. */
  readonly poolsCleared: number;
  readonly acknowledged: number;
}

export interface RegisterOptions {
  /** Through whatever breaks connections. */
  readonly uri: string;
  /** Straight at the server, for the truth in the end. */
  readonly directUri: string;
  readonly database: string;
  readonly clients: number;
  readonly seconds: number;
}

export async function runRegisters(options: RegisterOptions): Promise<RegisterRun> {
  const errors = new ErrorLedger();
  const clients = Array.from(
    { length: options.clients },
    () => new MongoClient(options.uri, { appName: options.database, serverSelectionTimeoutMS: 5000 }),
  );
  let poolsCleared = 0;
  for (const client of clients) client.on('connectionPoolCleared', () => poolsCleared++);
  const endMs = performance.now() + options.seconds * 1000;
  const notes = clients.map((client, index) => new Clerk(client, options.database, `c${index}`, errors));
  try {
    await Promise.all(notes.map(async (clerk) => clerk.work(endMs)));
  } finally {
    await Promise.all(clients.map(async (client) => client.close()));
  }
  const writes = notes.flatMap((clerk) => clerk.writes);
  return {
    writes,
    reads: notes.flatMap((clerk) => clerk.reads),
    stored: await readStored(options),
    errors: errors.rows(),
    poolsCleared,
    acknowledged: writes.filter(({ version }) => version > 0).length,
  };
}

async function readStored({ directUri, database }: RegisterOptions): Promise<readonly StoredRegister[]> {
  const client = new MongoClient(directUri);
  try {
    return await client.db(database).collection<Register>(COLLECTION).find({}).toArray();
  } finally {
    await client.close();
  }
}

/** One client and its notes. */
class Clerk {
  readonly writes: WriteEvent[] = [];
  readonly reads: ReadEvent[] = [];
  readonly #registers;
  readonly #name: string;
  readonly #errors: ErrorLedger;

  constructor(client: MongoClient, database: string, name: string, errors: ErrorLedger) {
    this.#registers = client.db(database).collection<Register>(COLLECTION);
    this.#name = name;
    this.#errors = errors;
  }

  async work(endMs: number): Promise<void> {
    for (let turn = 0; performance.now() < endMs; turn++) {
      const register = REGISTERS[turn % REGISTERS.length] ?? '';
      try {
        if (turn % 2 === 0) await this.#write(register, `${this.#name}-${turn}`);
        else await this.#read(register);
      } catch (error) {
        this.#errors.add(turn % 2 === 0 ? 'write' : 'read', error);
      }
    }
  }

  async #write(register: string, value: string): Promise<void> {
    const attempt = { register, value, startMs: performance.now(), endMs: Number.POSITIVE_INFINITY, version: 0 };
    const at = this.writes.push(attempt) - 1;
    const change = { $inc: { version: 1 }, $set: { value }, $push: { values: value } };
    const after = await this.#registers.findOneAndUpdate({ _id: register }, change, { ...NEW, ...DURABLE });
    this.writes[at] = { ...attempt, endMs: performance.now(), version: after?.version ?? 0 };
  }

  async #read(register: string): Promise<void> {
    const startMs = performance.now();
    const found = await this.#registers.findOne({ _id: register }, { projection: { version: 1, value: 1 } });
    const { version = 0, value = '' } = found ?? {};
    this.reads.push({ register, startMs, endMs: performance.now(), version, value });
  }
}
