// A whole weir: what is there once, the two modes (wiring/), the admin side; started, drained and stopped in one visible
// order. No logic of its own. Invariants: components never import configuration; stop() ends all that start() began.

import { hasCompressor, loadCompressors, watchCompressors } from '../codecs/index.ts';
import { type AdminServer, startAdmin } from './admin/server.ts';
import { ByteBudget, DEFAULT_BUFFER_BYTES } from './core/byte-budget.ts';
import { type Clock, type Random, systemClock, systemRandom } from './core/clock.ts';
import { CompressionCounts } from './core/compression-counts.ts';
import { type Logger, silentLogger } from './core/logger.ts';
import { readMachineFacts, readVersion } from './core/machine.ts';
import { Seldom } from './core/seldom.ts';
import type { Snapshots } from './core/snapshots.ts';
import { Tally } from './core/tally.ts';
import { Attribution } from './filters/attribution.ts';
import { CallSites } from './filters/call-sites.ts';
import { RateLimitFilter } from './filters/rate-limit.ts';
import { type Connector, TcpConnector } from './net/connector.ts';
import { TurnFlusher } from './net/turn-flusher.ts';
import type { HostPort, WeirOptions } from './options.ts';
import { Recorder } from './recording/recorder.ts';
import { createSnapshots } from './snapshots.ts';
import { OperationTable } from './stats/operation-table.ts';
import { createMetrics } from './stats/prometheus.ts';
import { createVerbs } from './verbs.ts';
import { PassthroughSide } from './wiring/passthrough-side.ts';
import { passedThrough } from './wiring/plan.ts';
import { PoolSide } from './wiring/pool-side.ts';
import type { SharedParts } from './wiring/shared.ts';

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
  /**
   * Resolves when a drain was asked for over the admin address, with its time in milliseconds: it has begun, and whoever
   * started this weir stops it afterwards.
   */
  readonly drainAsked: Promise<number>;
  /**
   * Stops accepting and lets what runs come to its end, at most for `timeoutMs` (default: the configured time). Another
   * call while one runs waits for the same end.
   */
  drain(timeoutMs?: number): Promise<void>;
  /** Ends everything now. Idempotent. */
  stop(): Promise<void>;
}

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
  readonly #shared: SharedParts;
  readonly #pool: PoolSide;
  readonly #passthrough: PassthroughSide;
  #admin: AdminServer | null = null;
  #drain: { readonly deadlineMs: number; readonly ended: Promise<void> } | null = null;
  readonly drainAsked: Promise<number>;
  #sayDrainAsked: (timeoutMs: number) => void = () => {};

  constructor(options: WeirOptions, parts: WeirParts) {
    this.table = new OperationTable({ maxRows: options.stats.maxRows });
    this.#shared = makeShared(options, parts, this.table);
    this.#pool = new PoolSide(this.#shared);
    this.#passthrough = new PassthroughSide(this.#shared);
    const { version, clock, limits, decodeErrors, compression, budget } = this.#shared;
    const { lanes, servers } = this.#pool;
    this.snapshots = createSnapshots({
      version,
      clock,
      table: this.table,
      clusters: lanes.map((lane) => lane.cluster),
      routers: lanes.map((lane) => lane.dispatcher.router),
      servers,
      passthroughServers: this.#passthrough.servers,
      targets: this.#passthrough.targets,
      limits,
      decodeErrors,
      compression,
      budget,
      isDraining: () => this.#drain !== null,
    });
    this.drainAsked = new Promise((resolve) => {
      this.#sayDrainAsked = resolve;
    });
  }

  get adminAddress(): HostPort | null {
    return this.#admin === null ? null : { host: this.#admin.host, port: this.#admin.port };
  }

  async start(): Promise<void> {
    watchCompressors(this.#shared.clock);
    await loadCompressors();
    this.#warnOfAbsentCompressors();
    this.#pool.start();
    this.#passthrough.start();
    for (const server of [...this.#pool.servers, ...this.#passthrough.servers]) {
      const address = await server.start();
      this.listeners.push({ name: server.name, ...address });
    }
    const { admin } = this.#shared.options;
    if (admin !== null) this.#admin = await this.#startAdmin(admin);
  }

  async #startAdmin(bind: HostPort): Promise<AdminServer> {
    const { table, snapshots } = this;
    const { options, recorder, logger } = this.#shared;
    return startAdmin({
      ...bind,
      snapshots,
      table,
      metrics: createMetrics({ table, snapshots, maxCallSites: options.stats.maxCallSites }),
      isReady: () => snapshots.summary().upstreamReachable,
      recorder,
      logger,
      verbs: createVerbs({
        clusters: this.#pool.lanes.map((lane) => lane.cluster),
        passedThrough: passedThrough(options).map(({ name }) => name),
        servers: this.#pool.servers,
        passthroughServers: this.#passthrough.servers,
        drain: (timeoutMs) => this.#obeyDrain(timeoutMs),
      }),
    });
  }

  /** Milliseconds until its end. */
  #obeyDrain(timeoutMs: number | null): number {
    const running = this.#drain;
    const { clock, options } = this.#shared;
    const givenMs = timeoutMs ?? options.drainTimeoutMs;
    this.#beginDrain(givenMs);
    const leftMs = running === null ? givenMs : Math.max(0, running.deadlineMs - clock.nowMs());
    this.#sayDrainAsked(leftMs);
    return leftMs;
  }

  #beginDrain(timeoutMs: number): { readonly deadlineMs: number; readonly ended: Promise<void> } {
    if (this.#drain !== null) return this.#drain;
    const deadlineMs = this.#shared.clock.nowMs() + timeoutMs;
    const sides = [this.#pool.drain(deadlineMs), this.#passthrough.drain(deadlineMs)];
    this.#drain = { deadlineMs, ended: Promise.all(sides).then(() => {}) };
    return this.#drain;
  }

  /** Named in the configuration, but its optional package is not installed or does not work here. */
  #warnOfAbsentCompressors(): void {
    const { options, logger } = this.#shared;
    const named = [...options.listeners, ...options.clusters].flatMap(({ compressors = [] }) => compressors);
    for (const compressor of new Set(named.filter((name) => !hasCompressor(name)))) {
      logger.warn({ compressor }, 'this compressor is not installed, so it is not used');
    }
  }

  async drain(timeoutMs: number = this.#shared.options.drainTimeoutMs): Promise<void> {
    await this.#beginDrain(timeoutMs).ended;
  }

  async stop(): Promise<void> {
    this.#shared.recorder.stop();
    await Promise.all([this.#pool.stop(), this.#passthrough.stop()]);
    await this.#admin?.stop();
  }
}

function makeShared(options: WeirOptions, parts: WeirParts, table: OperationTable): SharedParts {
  const { logger = silentLogger, clock = systemClock, random = systemRandom } = parts;
  const version = readVersion();
  const flusher = new TurnFlusher(clock);
  const decodeErrors: Tally<string> = new Tally();
  const seldom = new Seldom();
  let lastClientId = 0;
  const onFault = (error: unknown): void => {
    decodeErrors.add('weir|internal_error');
    if (!seldom.isDue(clock.nowMs())) return;
    logger.error({ stack: stackOf(error) }, 'a mistake of weir itself cost a connection, please report it');
  };
  const onRecordingFault = (error: unknown): void => {
    logger.error({ stack: stackOf(error) }, 'a mistake of weir itself ended a recording, please report it');
  };
  return {
    options,
    version,
    facts: readMachineFacts(),
    logger,
    clock,
    random,
    flusher,
    connector: parts.connector ?? new TcpConnector(clock, flusher, onFault),
    attribution: new Attribution(table, new CallSites()),
    limits: new RateLimitFilter(options.limits, random),
    recorder: new Recorder(clock, `weir ${version}`, onRecordingFault),
    decodeErrors,
    compression: new CompressionCounts(),
    budget: new ByteBudget(options.bufferBytes ?? DEFAULT_BUFFER_BYTES),
    nextClientId: () => ++lastClientId,
    onFault,
  };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
