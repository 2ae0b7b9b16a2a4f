// The real server behind the tests: secantusd-rs on a port of its own, or the one that WEIR_TEST_URI names.
// Invariant: a server started here lives in a temporary folder and is gone, process and data, when its user is done.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { Child } from './child.ts';
import { serverBinary } from './places.ts';

const START_DEADLINE_MS = 30_000;

export interface RealServer {
  readonly uri: string;
  /** Port on 127.0.0.1 of a server started here; null for one that the user named. */
  readonly port: number | null;
  readonly log: string;
}

/** A server of our own that can be killed, started again on the same port and data, stopped and continued. */
export class OwnServer implements RealServer {
  readonly port: number;
  readonly #folder: string;
  readonly #flags: readonly string[];
  #child: Child;

  private constructor(port: number, folder: string, flags: readonly string[], child: Child) {
    this.port = port;
    this.#folder = folder;
    this.#flags = flags;
    this.#child = child;
  }

  static async start(flags: readonly string[] = []): Promise<OwnServer> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-real-'));
    const port = await freePort();
    const child = spawnServer(port, folder, flags);
    const server = new OwnServer(port, folder, flags, child);
    await server.#listening();
    return server;
  }

  get uri(): string {
    return `mongodb://127.0.0.1:${String(this.port)}`;
  }

  get log(): string {
    return this.#child.log;
  }

  /** SIGKILL: nothing is flushed, as in a power cut of the process. */
  async kill(): Promise<void> {
    this.#child.signal('SIGKILL');
    await this.#child.ended;
  }

  async startAgain(): Promise<void> {
    this.#child = spawnServer(this.port, this.#folder, this.#flags);
    await this.#listening();
  }

  suspend(): void {
    this.#child.signal('SIGSTOP');
  }

  resume(): void {
    this.#child.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    await this.#child.waitForLine(/listening on/, START_DEADLINE_MS);
  }
}

function spawnServer(port: number, folder: string, flags: readonly string[]): Child {
  const storage = ['--storage-path', folder, '--cache-size', '256M', '--log-file-max', '16MB'];
  const args = ['--port', String(port), '--host', '127.0.0.1', '--log-level', 'WARNING', ...storage, ...flags];
  return new Child(serverBinary(), args, { name: 'secantusd-rs', cwd: folder });
}

/** Runs with the server that WEIR_TEST_URI names, else with one of our own; its log goes into a failure's message. */
export async function withServer(
  run: (server: RealServer) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const named = process.env['WEIR_TEST_URI'];
  if (named !== undefined) {
    await answers(named);
    return run({ uri: named, port: null, log: '' });
  }
  return withOwnServer(run, flags);
}

/** Fails at once, in the driver's own words, when the user's server cannot be used: else every step would wait for it. */
async function answers(uri: string): Promise<void> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5000 });
  try {
    await client.db('admin').command({ ping: 1 });
  } finally {
    await client.close();
  }
}

/** Runs with a server that may be killed. */
export async function withOwnServer(
  run: (server: OwnServer) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const server = await OwnServer.start(flags);
  try {
    await run(server);
  } catch (error) {
    throw withLog(error, server.log);
  } finally {
    await server.stop();
  }
}

/**
 * Makes a user that may do everything; a server that asks for logins lets one from its own host do that once.
 * `query`: further options of the uri, such as those of TLS.
 */
export async function createUser(uri: string, name: string, password: string, query: string = ''): Promise<void> {
  const client = new MongoClient(`${uri}/?directConnection=true&${query}`, { serverSelectionTimeoutMS: 5000 });
  try {
    await client.db('admin').command({ createUser: name, pwd: password, roles: ['root'] });
  } finally {
    await client.close();
  }
}

/** The error with a process's log behind its message, so that a failed CI run can be read afterwards. */
export function withLog(error: unknown, log: string): unknown {
  if (error instanceof Error && !error.message.includes(log)) error.message += `\n${log}`;
  return error;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
