// What the sample applications play on: a server (the sandbox, or a real one) with a weir in front of it.
// It starts no application. Invariant: stop() ends everything that openStage() began, also when it failed half-way.

import { startWeir, type Weir } from '../app.ts';
import type { Upstream } from '../config/upstream-uri.ts';
import { type Clock, systemRandom } from '../core/clock.ts';
import type { HostPort, LimitOptions, WeirOptions } from '../options.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { type DatabaseNames, within } from './application.ts';

export const UPSTREAM_CONNECTIONS = 8;
/** The limit of the demo; one bucket for all report workers together. */
export const REPORT_LIMIT: LimitOptions = {
  name: 'reports',
  match: { callSite: 'Reports.*' },
  per: [],
  ratePerSecond: 20,
  burst: 10,
  mode: 'enforce',
};

const ADMIN_PORT = 9118;
const DRAIN_MS = 1000;
const STOP_MS = 2000;
const CONTACT_MS = 5000;
const CONTACT_POLL_MS = 20;
const LOOPBACK = '127.0.0.1';

export interface Stage {
  readonly weir: Weir;
  /** What the applications connect to. */
  readonly uri: string;
  /** Where the data is put in: the sandbox itself, so that the tables show the applications alone, or through weir. */
  readonly dataUri: string;
  /** As people call it: `sandbox`, or the real server's address. */
  readonly serverName: string;
  readonly isSandbox: boolean;
  readonly names: DatabaseNames;
  stop(): Promise<void>;
}

/** No server answered in time; the message names no address. */
export class NoServerError extends Error {
  constructor() {
    super('no server answered');
    this.name = 'NoServerError';
  }
}

/** `upstream` null: the sandbox. Rejects with the system's error, or NoServerError. */
export async function openStage(upstream: Upstream | null, clock: Clock): Promise<Stage> {
  const sandbox = upstream === null ? await startSandbox({ knobs: { latencyMs: believableLatency } }) : null;
  let weir: Weir | null = null;
  const stop = async (): Promise<void> => {
    if (weir !== null) {
      await within(clock, DRAIN_MS, weir.drain());
      await within(clock, STOP_MS, weir.stop());
    }
    if (sandbox !== null) await within(clock, STOP_MS, sandbox.stop());
  };
  try {
    weir = await startOnFreePort(planWeir(upstream ?? seedOf(sandbox)));
    await waitForContact(weir, clock);
  } catch (error) {
    await stop();
    throw error;
  }
  const uri = `mongodb://${LOOPBACK}:${weir.listeners[0]?.port ?? 0}`;
  return {
    weir,
    uri,
    dataUri: sandbox?.uri ?? uri,
    serverName: upstream === null ? 'sandbox' : nameOf(upstream),
    isSandbox: upstream === null,
    // On a real server names that nobody else would choose, for the demo clears them.
    names: upstream === null ? { shop: 'shop', catalogue: 'catalogue' } : REAL_NAMES,
    stop,
  };
}

const REAL_NAMES: DatabaseNames = { shop: 'weir_demo_shop', catalogue: 'weir_demo_catalogue' };

function seedOf(sandbox: Sandbox | null): Upstream {
  if (sandbox === null) throw new Error('neither a sandbox nor a server');
  return { seeds: [{ host: sandbox.host, port: sandbox.port }], replicaSet: null };
}

function nameOf({ seeds }: Upstream): string {
  const [first] = seeds;
  if (first === undefined) return 'server';
  return seeds.length === 1 ? `${first.host}:${first.port}` : `${first.host}:${first.port} and others`;
}

/** Milliseconds that a server with disks and work would need: aggregates longer than reads by `_id`. */
function believableLatency(command: Readonly<Record<string, unknown>>): number {
  if ('hello' in command || 'isMaster' in command || 'ismaster' in command || 'ping' in command) return 0;
  if ('aggregate' in command) return 10 + 20 * systemRandom();
  if ('insert' in command || 'update' in command || 'findAndModify' in command) return 2 + 4 * systemRandom();
  return 1 + 2 * systemRandom();
}

function planWeir(upstream: Upstream): (admin: HostPort) => WeirOptions {
  return (admin) => ({
    listeners: [{ name: 'demo', bind: { host: LOOPBACK, port: 0 }, cluster: 'demo', maxConnections: null }],
    clusters: [
      {
        name: 'demo',
        seeds: upstream.seeds,
        replicaSet: upstream.replicaSet,
        credential: upstream.credential ?? null,
        directConnection: upstream.direct ?? false,
        pool: {
          maxConnections: UPSTREAM_CONNECTIONS,
          maxConnecting: 2,
          waitQueueTimeoutMs: 5000,
          maxWaiters: 10_000,
          awaitConnections: 2,
        },
      },
    ],
    limits: [REPORT_LIMIT],
    stats: { maxRows: 1000, maxCallSites: 200 },
    admin,
    drainTimeoutMs: DRAIN_MS,
  });
}

/** The usual admin port, or any free one while another weir holds it. */
async function startOnFreePort(plan: (admin: HostPort) => WeirOptions): Promise<Weir> {
  try {
    return await startWeir(plan({ host: LOOPBACK, port: ADMIN_PORT }));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    return startWeir(plan({ host: LOOPBACK, port: 0 }));
  }
}

async function waitForContact(weir: Weir, clock: Clock): Promise<void> {
  const deadlineMs = clock.nowMs() + CONTACT_MS;
  while (!weir.snapshots.summary().upstreamReachable) {
    if (clock.nowMs() >= deadlineMs) throw new NoServerError();
    await new Promise<void>((resolve) => {
      clock.setTimer(CONTACT_POLL_MS, resolve);
    });
  }
}
