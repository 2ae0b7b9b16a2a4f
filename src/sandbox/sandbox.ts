// The sandbox: an embedded server that speaks enough of MongoDB's protocol for demos and tests. Not a database: everything is in memory,
// one process, no users, no transactions; every query that does not name `_id` reads the whole collection; decimals are stored and
// compared but not computed with; keys that look like whole numbers come first in their document.
// This file wires the parts, once. Invariant: after stop() no socket and no timer of it is left.

import { createServer } from 'node:net';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Logger, silentLogger } from '../core/logger.ts';
import type { ServerState } from './command.ts';
import { CursorTable } from './cursors.ts';
import { Dispatcher } from './dispatcher.ts';
import { ObjectId } from './documents.ts';
import { loadEngine } from './engine.ts';
import { createKnobs, type SandboxKnobs } from './knobs.ts';
import { bindServer, SocketTable, stopServer } from './server.ts';
import { Store } from './store.ts';

export { SANDBOX_NOTICE } from './commands/handshake.ts';
export type { SandboxKnobs } from './knobs.ts';

const MAX_CONNECTIONS = 10_000;
const DEFAULT_LIMIT_BYTES = 256 * 1024 * 1024;

/** How to start a sandbox; everything has a default. */
export interface SandboxOptions {
  /** Default 127.0.0.1: there are no users, so it should not be reachable from elsewhere. */
  readonly host?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly knobs?: Partial<SandboxKnobs>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Poses as the only member of a replica set of this name. */
  readonly replicaSet?: string;
  /** BSON bytes of all documents; default 256 MiB, then inserts fail with 14031. */
  readonly limitBytes?: number;
}

/** Counted since the start. */
export interface SandboxStats {
  readonly connections: number;
  readonly peakConnections: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Commands that arrived, by name; those the sandbox does not know are under `unknown`. */
  readonly operations: ReadonlyMap<string, number>;
  readonly openCursors: number;
}

/** A running sandbox. */
export interface Sandbox {
  readonly host: string;
  readonly port: number;
  /** What a client puts into its connection string. */
  readonly uri: string;
  readonly knobs: SandboxKnobs;
  stats(): SandboxStats;
  /** Destroys every connection without a word; new ones are accepted. Returns how many there were. */
  killConnections(): number;
  /** Answers nothing from now on, as a stopped process: connections are accepted and bytes taken. */
  freeze(): void;
  /** Answers everything that came meanwhile, and goes on. */
  thaw(): void;
  /** Closes the port and every connection. The documents are gone. */
  stop(): Promise<void>;
}

/** Binds and serves. Rejects with the system's error (EADDRINUSE …). */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { host = '127.0.0.1', port = 0, clock = systemClock, logger = silentLogger } = options;
  const engine = await loadEngine(clock);
  const sockets = new SocketTable();
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => sockets.accept(socket));
  server.maxConnections = MAX_CONNECTIONS;
  const boundPort = await bindServer(server, host, port);
  const address = host.includes(':') ? `[${host}]:${boundPort}` : `${host}:${boundPort}`;
  const state: ServerState = {
    store: new Store(options.limitBytes ?? DEFAULT_LIMIT_BYTES),
    cursors: new CursorTable(),
    engine,
    clock,
    processId: new ObjectId(),
    startedMs: clock.nowMs(),
    address,
    replicaSet: options.replicaSet ?? null,
    connections: () => sockets.size,
  };
  const knobs = createKnobs(options.knobs);
  const dispatcher = new Dispatcher(state, logger);
  sockets.open({ dispatcher, knobs, clock, logger, processId: state.processId });
  return {
    host,
    port: boundPort,
    uri: `mongodb://${address}`,
    knobs,
    stats: () => ({
      ...sockets.stats(),
      operations: new Map(dispatcher.counts),
      openCursors: state.cursors.size,
    }),
    killConnections: () => sockets.kill(),
    freeze: () => sockets.freeze(),
    thaw: () => sockets.thaw(),
    stop: () => stopServer(server, sockets),
  };
}
