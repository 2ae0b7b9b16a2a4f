// weir as a user starts it: a child process of dist/, with flags or with a config file, asked through its admin address.
// Invariant: it is ready (an upstream has answered) before the test goes on, and ends by SIGTERM with exit 0.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child.ts';
import { weirEntry } from './places.ts';
import { freePort, withLog } from './server.ts';

/** `weir start --max-upstream`, and its documented extras: the lane of awaiting getMores and one monitor. */
export const MAX_UPSTREAM = 8;
export const AWAIT_LANE = 10;
export const MONITORS = 1;

const READY_DEADLINE_MS = 15_000;

/** A row of /api/v1/callsites, as far as the tests read it. */
export interface CallSiteRow {
  readonly app: string;
  readonly db: string;
  readonly collection: string;
  readonly command: string;
  readonly callSite: string;
  readonly operations: number;
}

export interface LimitRow {
  readonly name: string;
  readonly matched: number;
  readonly allowed: number;
  readonly refused: number;
}

/** A row of /api/v1/pools and of `weir show pools --json`, as far as the tests read it. */
export interface PoolRow {
  readonly lane: string;
  readonly maxConnections: number;
  readonly idle: number;
  readonly busy: number;
  readonly connecting: number;
  readonly waiters: number;
  readonly longestWaitMs: number;
  readonly inFlight?: number;
  readonly depth?: number;
  readonly pipelined?: number;
  readonly connects: number;
  readonly closed: Readonly<Record<string, number>>;
}

export class Weir {
  readonly uri: string;
  readonly port: number;
  readonly #admin: string;
  readonly #child: Child;

  constructor(port: number, adminPort: number, child: Child) {
    this.uri = `mongodb://127.0.0.1:${String(port)}`;
    this.port = port;
    this.#admin = `http://127.0.0.1:${String(adminPort)}`;
    this.#child = child;
  }

  get log(): string {
    return this.#child.log;
  }

  async callSites(): Promise<readonly CallSiteRow[]> {
    return (await this.#get('/api/v1/callsites').then((response) => response.json())) as CallSiteRow[];
  }

  async limits(): Promise<readonly LimitRow[]> {
    return (await this.#get('/api/v1/limits').then((response) => response.json())) as LimitRow[];
  }

  async pools(): Promise<readonly PoolRow[]> {
    return (await this.#get('/api/v1/pools').then((response) => response.json())) as PoolRow[];
  }

  /** What `weir show pools --json` prints. */
  async showPools(): Promise<readonly PoolRow[]> {
    const admin = this.#admin.replace('http://', '');
    const show = new Child(process.execPath, [weirEntry(), 'show', 'pools', '--json', '--admin', admin], {
      name: 'weir show',
    });
    assert.deepEqual(await show.ended, { code: 0, signal: null }, show.log);
    return JSON.parse(show.stdout) as PoolRow[];
  }

  async metrics(): Promise<string> {
    return this.#get('/metrics').then((response) => response.text());
  }

  /** Resolves when no application is connected: what the programs sent before they ended has been read and counted. */
  async quiet(): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (!/^weir_downstream_connections 0$/m.test(await this.metrics())) {
      if (Date.now() > deadline) throw new Error(`applications stay connected\n${this.log}`);
      await sleep(20);
    }
  }

  /** Resolves when /readyz has said that. */
  async ready(readyz: RegExp = /^ok$/m): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    for (;;) {
      if (readyz.test(await this.#readyz())) return;
      if (Date.now() > deadline) throw new Error(`weir was not ready in time\n${this.log}`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    const end = await this.#child.stop();
    assert.deepEqual(end, { code: 0, signal: null }, `weir must end by SIGTERM with exit 0\n${this.log}`);
  }

  async #readyz(): Promise<string> {
    try {
      return await fetch(`${this.#admin}/readyz`).then((response) => response.text());
    } catch {
      return '';
    }
  }

  async #get(path: string): Promise<Response> {
    const response = await fetch(`${this.#admin}${path}`);
    assert.equal(response.status, 200, `GET ${path}`);
    return response;
  }
}

export interface WeirSetup {
  /** YAML for the config key of that name. */
  readonly limits?: string;
  /** Default pool. */
  readonly mode?: 'pool' | 'passthrough';
  /** Mode pool; default mongos. */
  readonly face?: 'mongos' | 'direct';
  /** Rows of the operation table, where weir's own default is too few to count each client's collection by itself. */
  readonly maxRows?: number;
  /** What /readyz says before the test begins; default ok. */
  readonly readyz?: RegExp;
}

/** Runs with `weir start` in front of this server. */
export async function withWeir(
  upstream: string,
  run: (weir: Weir) => Promise<void>,
  setup: WeirSetup = {},
): Promise<void> {
  const { mode = 'pool' } = setup;
  const needsConfig = [setup.limits, setup.face, setup.maxRows].some((value) => value !== undefined);
  const folder = await mkdtemp(join(tmpdir(), 'weir-config-'));
  const [port, adminPort] = [await freePort(), await freePort()];
  const flags = ['--upstream', upstream, '--listen', `127.0.0.1:${String(port)}`];
  flags.push('--admin', `127.0.0.1:${String(adminPort)}`);
  flags.push(...(mode === 'pool' ? ['--max-upstream', String(MAX_UPSTREAM)] : ['--mode', mode]));
  const config = join(folder, 'weir.yaml');
  if (needsConfig) await writeFile(config, configText(upstream, setup));
  const args = [weirEntry(), 'start', ...(needsConfig ? ['--config', config] : []), ...flags];
  const weir = new Weir(port, adminPort, new Child(process.execPath, args, { name: 'weir' }));
  try {
    await weir.ready(setup.readyz);
    await run(weir);
  } catch (error) {
    throw withLog(error, weir.log);
  } finally {
    await weir.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function configText(upstream: string, { limits, face = 'mongos', maxRows }: WeirSetup): string {
  return `listeners:
  - {name: main, bind: "127.0.0.1:0", cluster: real, face: ${face}}
clusters:
  - {name: real, uri: "${upstream}"}
${maxRows === undefined ? '' : `stats: {rows: {max: ${String(maxRows)}}}\n`}${limits === undefined ? '' : `limits:\n${limits}`}`;
}
