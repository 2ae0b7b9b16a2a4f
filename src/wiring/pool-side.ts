// Mode pool, built and wired: for each cluster its pool and the way of an operation to it, for each listener a server.
// No logic of its own. Invariants: upward calls are callbacks given here; stop() ends all that was begun.

import { type ObjectId, REAL_COMPRESSORS } from '../../codecs/index.ts';
import { Dispatcher } from '../downstream/dispatcher.ts';
import { DownstreamServer } from '../downstream/server.ts';
import { makeServiceId } from '../downstream/service-id.ts';
import { FilterChain } from '../filters/chain.ts';
import type { Connector } from '../net/connector.ts';
import { DnsSrvResolver } from '../net/srv-resolver.ts';
import { TlsConnector } from '../net/tls-connector.ts';
import type { ClusterOptions, ListenerOptions } from '../options.ts';
import { Cluster } from '../upstream/cluster.ts';
import { RequestIds } from '../upstream/request-ids.ts';
import { defaultMaxConnections, listenersOf, pooled } from './plan.ts';
import type { SharedParts } from './shared.ts';

/** How long a stop waits for its own clean-up commands. */
const CLEAN_UP_MS = 500;
const CLEAN_UP_POLL_MS = 10;

/** A cluster with what serves its listeners. */
interface Lane {
  readonly cluster: Cluster;
  readonly dispatcher: Dispatcher;
}

export class PoolSide {
  readonly lanes: readonly Lane[];
  readonly servers: readonly DownstreamServer[];
  readonly #shared: SharedParts;
  readonly #ids: RequestIds = new RequestIds();
  readonly #serviceId: ObjectId;

  constructor(shared: SharedParts) {
    this.#shared = shared;
    this.#serviceId = makeServiceId(shared.random);
    this.lanes = pooled(shared.options).map((cluster) => this.#makeLane(cluster));
    this.servers = listenersOf('pool', shared.options).map((listener) => this.#makeServer(listener));
  }

  /** Begins to look for the servers behind the clusters; the listeners are opened one by one. */
  start(): void {
    for (const { cluster } of this.lanes) cluster.start();
  }

  async drain(deadlineMs: number): Promise<void> {
    await Promise.all(this.servers.map((server) => server.drain(deadlineMs)));
  }

  /** What clients left open at the server is ended before the connections are. */
  async stop(): Promise<void> {
    await this.drain(0);
    for (const server of this.servers) server.stop();
    await this.#endCleanUp();
    for (const { cluster, dispatcher } of this.lanes) {
      dispatcher.router.cleanUp.stop();
      cluster.stop();
    }
  }

  async #endCleanUp(): Promise<void> {
    const { clock } = this.#shared;
    const cleanUps = this.lanes.map((lane) => lane.dispatcher.router.cleanUp);
    for (const cleanUp of cleanUps) cleanUp.abortAll();
    const deadlineMs = clock.nowMs() + CLEAN_UP_MS;
    while (cleanUps.some((cleanUp) => cleanUp.pending > 0) && clock.nowMs() < deadlineMs) {
      await new Promise<void>((resolve) => {
        clock.setTimer(CLEAN_UP_POLL_MS, resolve);
      });
    }
  }

  #makeLane(options: ClusterOptions): Lane {
    const { version, facts, clock, random, logger, compression, decodeErrors, limits, attribution } = this.#shared;
    const cluster: Cluster = new Cluster({
      options,
      identity: { version, osType: facts.osType, platform: facts.platform },
      connector: this.#connectorFor(options),
      srvResolver: this.#shared.srvResolver ?? new DnsSrvResolver(random),
      ids: this.#ids,
      clock,
      random,
      logger,
      compressionCounts: compression,
      events: {
        onFirstContact: () => dispatcher.onFirstContact(),
        onProcessChanged: (endpoint) => dispatcher.router.serverLost(endpoint),
        onMemberGone: (endpoint) => dispatcher.router.serverLost(endpoint),
        openTransactions: () => dispatcher.router.transactions.size,
        onDecodeError: (reason) => decodeErrors.add(`upstream|${reason}`),
      },
    });
    const dispatcher = new Dispatcher({
      cluster,
      chain: new FilterChain([limits]),
      attribution,
      clock,
      serviceId: this.#serviceId,
    });
    return { cluster, dispatcher };
  }

  #connectorFor({ tls }: ClusterOptions): Connector {
    if (tls === undefined || tls === null) return this.#shared.connector;
    return new TlsConnector({ ...this.#shared, tls });
  }

  #makeServer(listener: ListenerOptions): DownstreamServer {
    const {
      options,
      facts,
      flusher,
      clock,
      logger,
      decodeErrors,
      onFault,
      recorder,
      compression,
      budget,
      nextClientId,
    } = this.#shared;
    const lane = this.lanes.find(({ cluster }) => cluster.options.name === listener.cluster);
    if (lane === undefined) throw new Error(`listener ${listener.name}: no cluster ${listener.cluster}`);
    return new DownstreamServer({
      name: listener.name,
      bind: listener.bind,
      ...(listener.face === undefined ? {} : { face: listener.face }),
      ...(listener.allow === undefined ? {} : { allow: listener.allow }),
      maxConnections: listener.maxConnections ?? defaultMaxConnections('pool', options, facts.descriptorLimit),
      dispatcher: lane.dispatcher,
      flusher,
      clock,
      logger,
      decodeErrors,
      onFault,
      recorder,
      nextId: nextClientId,
      budget,
      ...(listener.slowClientTimeoutMs === undefined ? {} : { slowClientTimeoutMs: listener.slowClientTimeoutMs }),
      compression: { compressors: listener.compressors ?? REAL_COMPRESSORS, counts: compression },
    });
  }
}
