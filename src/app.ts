// Builds and wires everything, once, in the order of an operation's walk. No logic of its own.
// Invariants: components never import configuration; upward calls are callbacks given here; stop() ends all that start() began.

import { type AdminServer, startAdmin } from './admin/server.ts';
import { type Clock, type Random, systemClock, systemRandom } from './core/clock.ts';
import { type Logger, silentLogger } from './core/logger.ts';
import { type MachineFacts, readMachineFacts, readVersion } from './core/machine.ts';
import type { Snapshots } from './core/snapshots.ts';
import { Tally } from './core/tally.ts';
import { Dispatcher } from './downstream/dispatcher.ts';
import { DownstreamServer, OVER_LIMIT_HELD } from './downstream/server.ts';
import { Attribution } from './filters/attribution.ts';
import { CallSites } from './filters/call-sites.ts';
import { FilterChain } from './filters/chain.ts';
import { RateLimitFilter } from './filters/rate-limit.ts';
import { type Connector, TcpConnector } from './net/connector.ts';
import { TurnFlusher } from './net/turn-flusher.ts';
import type { ClusterOptions, HostPort, ListenerOptions, WeirOptions } from './options.ts';
import { createSnapshots } from './snapshots.ts';
import { OperationTable } from './stats/operation-table.ts';
import { createMetrics } from './stats/prometheus.ts';
import { Cluster } from './upstream/cluster.ts';
import { RequestIds } from './upstream/request-ids.ts';

/** What a test or an embedder may replace. */
export interface WeirParts {
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly connector?: Connector;
}

export interface Weir {
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly adminAddress: HostPort | null;
  readonly snapshots: Snapshots;
  readonly table: OperationTable;
  /** Stops accepting and lets what runs come to its end, at most until the drain deadline. */
  drain(): Promise<void>;
  /** Ends everything now. Idempotent. */
  stop(): Promise<void>;
}

/** A cluster with what serves its listeners. */
interface Lane {
  readonly cluster: Cluster;
  readonly dispatcher: Dispatcher;
}

/** Descriptors kept back for the admin server, log files and what Node itself holds open. */
const DESCRIPTOR_RESERVE = 128;
const UNKNOWN_DESCRIPTOR_LIMIT = 1024;
/** How long a stop waits for its own clean-up commands. */
const CLEAN_UP_MS = 500;
const CLEAN_UP_POLL_MS = 10;

/** Starts a weir. Rejects with the system's error when an address cannot be bound; an absent upstream is no error. */
export async function startWeir(options: WeirOptions, parts: WeirParts = {}): Promise<Weir> {
  const house = new House(options, parts);
  try {
    await house.start();
  } catch (error) {
    await house.stop();
    throw error;
  }
  return house;
}

class House implements Weir {
  readonly listeners: { name: string; host: string; port: number }[] = [];
  readonly table: OperationTable;
  readonly snapshots: Snapshots;
  readonly #options: WeirOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #flusher: TurnFlusher;
  readonly #connector: Connector;
  readonly #facts: MachineFacts = readMachineFacts();
  readonly #version: string = readVersion();
  readonly #ids: RequestIds = new RequestIds();
  readonly #decodeErrors: Tally<string> = new Tally();
  readonly #limits: RateLimitFilter;
  readonly #attribution: Attribution;
  readonly #lanes: Map<string, Lane> = new Map();
  readonly #servers: DownstreamServer[] = [];
  #admin: AdminServer | null = null;

  constructor(options: WeirOptions, parts: WeirParts) {
    this.#options = options;
    this.#logger = parts.logger ?? silentLogger;
    this.#clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? systemRandom;
    this.#flusher = new TurnFlusher(this.#clock);
    this.#connector = parts.connector ?? new TcpConnector(this.#clock, this.#flusher, this.#onFault);
    this.table = new OperationTable({ maxRows: options.stats.maxRows });
    this.#limits = new RateLimitFilter(options.limits, this.#random);
    this.#attribution = new Attribution(this.table, new CallSites());
    for (const cluster of options.clusters) this.#lanes.set(cluster.name, this.#makeLane(cluster));
    for (const listener of options.listeners) this.#servers.push(this.#makeServer(listener));
    this.snapshots = createSnapshots({
      version: this.#version,
      clock: this.#clock,
      table: this.table,
      clusters: [...this.#lanes.values()].map((lane) => lane.cluster),
      routers: [...this.#lanes.values()].map((lane) => lane.dispatcher.router),
      servers: this.#servers,
      limits: this.#limits,
      decodeErrors: this.#decodeErrors,
    });
  }

  get adminAddress(): HostPort | null {
    return this.#admin === null ? null : { host: this.#admin.host, port: this.#admin.port };
  }

  async start(): Promise<void> {
    for (const lane of this.#lanes.values()) lane.cluster.start();
    for (const server of this.#servers) {
      const address = await server.start();
      this.listeners.push({ name: server.name, ...address });
    }
    if (this.#options.admin !== null) this.#admin = await this.#startAdmin(this.#options.admin);
  }

  async #startAdmin(bind: HostPort): Promise<AdminServer> {
    const { table, snapshots } = this;
    return startAdmin({
      ...bind,
      snapshots,
      table,
      metrics: createMetrics({ table, snapshots, maxCallSites: this.#options.stats.maxCallSites }),
      isReady: () => snapshots.summary().upstreamReachable,
      logger: this.#logger,
    });
  }

  #makeLane(options: ClusterOptions): Lane {
    const cluster: Cluster = new Cluster({
      options,
      identity: { version: this.#version, osType: this.#facts.osType, platform: this.#facts.platform },
      connector: this.#connector,
      ids: this.#ids,
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      events: {
        onFirstContact: () => dispatcher.onFirstContact(),
        onProcessChanged: () => dispatcher.router.processChanged(),
        openTransactions: () => dispatcher.router.transactions.size,
        onDecodeError: (reason) => this.#decodeErrors.add(`upstream|${reason}`),
      },
    });
    const dispatcher = new Dispatcher({
      cluster,
      chain: new FilterChain([this.#limits]),
      attribution: this.#attribution,
      clock: this.#clock,
    });
    return { cluster, dispatcher };
  }

  #makeServer(listener: ListenerOptions): DownstreamServer {
    const lane = this.#lanes.get(listener.cluster);
    if (lane === undefined) throw new Error(`listener ${listener.name}: no cluster ${listener.cluster}`);
    return new DownstreamServer({
      name: listener.name,
      bind: listener.bind,
      maxConnections: listener.maxConnections ?? this.#defaultMaxConnections(),
      dispatcher: lane.dispatcher,
      flusher: this.#flusher,
      clock: this.#clock,
      logger: this.#logger,
      decodeErrors: this.#decodeErrors,
      onFault: this.#onFault,
    });
  }

  readonly #onFault = (error: unknown): void => {
    this.#decodeErrors.add('weir|internal_error');
    const stack = error instanceof Error ? error.stack : String(error);
    this.#logger.error({ stack }, 'a mistake of weir itself cost a connection, please report it');
  };

  /** What the descriptor limit leaves after upstream connections, held connections and files, shared by the listeners. */
  #defaultMaxConnections(): number {
    const limit = this.#facts.descriptorLimit ?? UNKNOWN_DESCRIPTOR_LIMIT;
    let upstream = 0;
    for (const { pool } of this.#options.clusters) upstream += pool.maxConnections + pool.awaitConnections + 1;
    const listeners = Math.max(1, this.#options.listeners.length);
    return Math.max(1, Math.floor((limit - upstream - DESCRIPTOR_RESERVE) / listeners) - OVER_LIMIT_HELD);
  }

  async drain(): Promise<void> {
    const deadlineMs = this.#clock.nowMs() + this.#options.drainTimeoutMs;
    await Promise.all(this.#servers.map((server) => server.drain(deadlineMs)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.drain(0)));
    for (const server of this.#servers) server.stop();
    await this.#endCleanUp();
    for (const { cluster, dispatcher } of this.#lanes.values()) {
      dispatcher.router.cleanUp.stop();
      cluster.stop();
    }
    await this.#admin?.stop();
  }

  /** What clients left open at the server is ended before the connections are. */
  async #endCleanUp(): Promise<void> {
    const cleanUps = [...this.#lanes.values()].map((lane) => lane.dispatcher.router.cleanUp);
    for (const cleanUp of cleanUps) cleanUp.abortAll();
    const deadlineMs = this.#clock.nowMs() + CLEAN_UP_MS;
    while (cleanUps.some((cleanUp) => cleanUp.pending > 0) && this.#clock.nowMs() < deadlineMs) {
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(CLEAN_UP_POLL_MS, resolve);
      });
    }
  }
}
