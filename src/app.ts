// Builds and wires everything, once, in the order of an operation's walk. No logic of its own.
// Invariants: components never import configuration; upward calls are callbacks given here; stop() ends all that start() began.

import { hasCompressor, loadCompressors, REAL_COMPRESSORS } from '../codecs/index.ts';
import { type AdminServer, startAdmin } from './admin/server.ts';
import { type Clock, type Random, systemClock, systemRandom } from './core/clock.ts';
import { CompressionCounts } from './core/compression-counts.ts';
import { type Logger, silentLogger } from './core/logger.ts';
import { type MachineFacts, readMachineFacts, readVersion } from './core/machine.ts';
import type { Snapshots } from './core/snapshots.ts';
import { Tally } from './core/tally.ts';
import { Dispatcher } from './downstream/dispatcher.ts';
import { DownstreamServer } from './downstream/server.ts';
import { Attribution } from './filters/attribution.ts';
import { CallSites } from './filters/call-sites.ts';
import { FilterChain } from './filters/chain.ts';
import { RateLimitFilter } from './filters/rate-limit.ts';
import { type Connector, TcpConnector } from './net/connector.ts';
import { OVER_LIMIT_HELD } from './net/over-limit.ts';
import { TurnFlusher } from './net/turn-flusher.ts';
import type { ClusterOptions, HostPort, ListenerOptions, WeirOptions } from './options.ts';
import { PassthroughServer } from './passthrough/server.ts';
import { Target } from './passthrough/target.ts';
import { Recorder } from './recording/recorder.ts';
import { createSnapshots } from './snapshots.ts';
import { Sniffer } from './sniff/sniffer.ts';
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
  readonly #compression: CompressionCounts = new CompressionCounts();
  readonly #limits: RateLimitFilter;
  readonly #attribution: Attribution;
  readonly #recorder: Recorder;
  readonly #lanes: Map<string, Lane> = new Map();
  readonly #servers: DownstreamServer[] = [];
  readonly #targets: Map<string, Target> = new Map();
  readonly #passthroughServers: PassthroughServer[] = [];
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
    this.#recorder = new Recorder(this.#clock, `weir ${this.#version}`);
    for (const cluster of options.clusters) this.#prepareCluster(cluster);
    for (const listener of options.listeners) {
      if (listener.mode === 'passthrough') this.#passthroughServers.push(this.#makePassthroughServer(listener));
      else this.#servers.push(this.#makeServer(listener));
    }
    this.snapshots = createSnapshots({
      version: this.#version,
      clock: this.#clock,
      table: this.table,
      clusters: [...this.#lanes.values()].map((lane) => lane.cluster),
      routers: [...this.#lanes.values()].map((lane) => lane.dispatcher.router),
      servers: this.#servers,
      passthroughServers: this.#passthroughServers,
      targets: [...this.#targets.values()],
      limits: this.#limits,
      decodeErrors: this.#decodeErrors,
      compression: this.#compression,
    });
  }

  get adminAddress(): HostPort | null {
    return this.#admin === null ? null : { host: this.#admin.host, port: this.#admin.port };
  }

  async start(): Promise<void> {
    await loadCompressors();
    this.#warnOfAbsentCompressors();
    for (const lane of this.#lanes.values()) lane.cluster.start();
    for (const target of this.#targets.values()) target.start();
    this.#warnOfIdleLimits();
    for (const server of [...this.#servers, ...this.#passthroughServers]) {
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
      recorder: this.#recorder,
      logger: this.#logger,
    });
  }

  /** A cluster that only pass-through listeners use gets no pool and no monitor: weir sends it nothing of its own. */
  #prepareCluster(cluster: ClusterOptions): void {
    const modes = this.#options.listeners
      .filter((listener) => listener.cluster === cluster.name)
      .map((listener) => listener.mode ?? 'pool');
    if (modes.includes('passthrough')) {
      this.#targets.set(
        cluster.name,
        new Target({ options: cluster, connector: this.#connector, clock: this.#clock, logger: this.#logger }),
      );
      if (!modes.includes('pool')) return;
    }
    this.#lanes.set(cluster.name, this.#makeLane(cluster));
  }

  /** Named in the configuration, but its optional package is not installed or does not work here. */
  #warnOfAbsentCompressors(): void {
    const named = [...this.#options.listeners, ...this.#options.clusters].flatMap(
      ({ compressors = [] }) => compressors,
    );
    for (const compressor of new Set(named.filter((name) => !hasCompressor(name)))) {
      this.#logger.warn({ compressor }, 'this compressor is not installed, so it is not used');
    }
  }

  #warnOfIdleLimits(): void {
    if (this.#options.limits.length === 0) return;
    for (const { name } of this.#passthroughServers) {
      this.#logger.warn({ listener: name }, 'limits do not apply to this listener: its mode is passthrough');
    }
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
      compressionCounts: this.#compression,
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
      recorder: this.#recorder,
      compression: { compressors: listener.compressors ?? REAL_COMPRESSORS, counts: this.#compression },
    });
  }

  #makePassthroughServer(listener: ListenerOptions): PassthroughServer {
    const target = this.#targets.get(listener.cluster);
    if (target === undefined) throw new Error(`listener ${listener.name}: no cluster ${listener.cluster}`);
    return new PassthroughServer({
      name: listener.name,
      bind: listener.bind,
      // Each connection has two descriptors.
      maxConnections: listener.maxConnections ?? Math.ceil(this.#defaultMaxConnections() / 2),
      idleTimeoutMs: listener.idleTimeoutMs ?? null,
      target,
      attribution: this.#attribution,
      decodeErrors: this.#decodeErrors,
      makeSniffer: (parts) => new Sniffer(parts),
      recorder: this.#recorder,
      clock: this.#clock,
      logger: this.#logger,
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
    for (const { cluster } of this.#lanes.values()) {
      const { pool } = cluster.options;
      upstream += pool.maxConnections + pool.awaitConnections + 1;
    }
    const listeners = Math.max(1, this.#options.listeners.length);
    return Math.max(1, Math.floor((limit - upstream - DESCRIPTOR_RESERVE) / listeners) - OVER_LIMIT_HELD);
  }

  async drain(): Promise<void> {
    const deadlineMs = this.#clock.nowMs() + this.#options.drainTimeoutMs;
    await Promise.all([...this.#servers, ...this.#passthroughServers].map((server) => server.drain(deadlineMs)));
  }

  async stop(): Promise<void> {
    this.#recorder.stop();
    const servers = [...this.#servers, ...this.#passthroughServers];
    await Promise.all(servers.map((server) => server.drain(0)));
    for (const server of servers) server.stop();
    for (const target of this.#targets.values()) target.stop();
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
