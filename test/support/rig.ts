// The whole proxy but its listener, on a fake clock and memory sockets: clients on one side, a scripted server on the other.
// Tests drive it with send(), answer() and clock.advance(). Invariant: no real time, port or randomness is involved.

import type { BsonDocument, CompressorName } from '../../codecs/index.ts';
import { ByteBudget } from '../../src/core/byte-budget.ts';
import type { Random } from '../../src/core/clock.ts';
import { CompressionCounts } from '../../src/core/compression-counts.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { Tally } from '../../src/core/tally.ts';
import { Dispatcher } from '../../src/downstream/dispatcher.ts';
import { DownstreamServer } from '../../src/downstream/server.ts';
import { makeServiceId } from '../../src/downstream/service-id.ts';
import { Attribution } from '../../src/filters/attribution.ts';
import { CallSites } from '../../src/filters/call-sites.ts';
import { FilterChain } from '../../src/filters/chain.ts';
import { RateLimitFilter } from '../../src/filters/rate-limit.ts';
import type { SrvResolver } from '../../src/net/srv-resolver.ts';
import { TurnFlusher } from '../../src/net/turn-flusher.ts';
import type {
  ClusterOptions,
  Compressor,
  HostPort,
  LimitOptions,
  ListenerOptions,
  PoolOptions,
} from '../../src/options.ts';
import { OperationTable } from '../../src/stats/operation-table.ts';
import { Cluster } from '../../src/upstream/cluster.ts';
import { RequestIds } from '../../src/upstream/request-ids.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeServer, type ServerRequest } from './fake-server.ts';
import { MemorySocket } from './memory-socket.ts';
import { TestClient } from './test-client.ts';

export interface Rig {
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly cluster: Cluster;
  readonly dispatcher: Dispatcher;
  readonly downstream: DownstreamServer;
  readonly table: OperationTable;
  readonly limits: RateLimitFilter;
  readonly decodeErrors: Tally<string>;
  readonly compression: CompressionCounts;
  readonly budget: ByteBudget;
  connectClient(address?: string): TestClient;
  /** A client that has said hello as this application. */
  app(name: string, address?: string): TestClient;
  /** Answers the oldest open request of this command and ends the turn. */
  answer(name: string, document?: BsonDocument): ServerRequest;
  /** Runs what waits for the end of the turn. */
  settle(): void;
}

export interface RigOptions {
  readonly pool?: Partial<PoolOptions>;
  readonly limits?: readonly LimitOptions[];
  readonly random?: Random;
  readonly maxConnections?: number;
  readonly listener?: Pick<ListenerOptions, 'face' | 'allow'>;
  /** What clients may hold; 256 MiB unless a test says so. */
  readonly bufferBytes?: number;
  readonly slowClientTimeoutMs?: number;
  readonly replicaSet?: string;
  readonly seeds?: readonly HostPort[];
  readonly cluster?: Partial<ClusterOptions>;
  readonly srvResolver?: SrvResolver;
  /** What clients are offered; none unless a test says so. */
  readonly compressors?: readonly CompressorName[];
  /** What weir asks the server for. */
  readonly upstreamCompressors?: readonly Compressor[];
}

/** A proxy that knows its upstream. */
export function startRig(options: RigOptions = {}): Rig {
  const rig = makeRig(options);
  rig.cluster.start();
  rig.clock.advance(0);
  return rig;
}

/** Builds the proxy. Nothing is started: call cluster.start() and clock.advance(0) for a known upstream. */
export function makeRig(options: RigOptions = {}): Rig {
  const clock = new FakeClock();
  const flusher = new TurnFlusher(clock);
  const server = new FakeServer(clock, flusher);
  const decodeErrors = new Tally<string>();
  const compression = new CompressionCounts();
  const random = options.random ?? (() => 0.5);
  const table = new OperationTable({ maxRows: 1000 });
  const limits = new RateLimitFilter(options.limits ?? [], random);
  const cluster: Cluster = new Cluster({
    options: {
      name: 'test',
      seeds: options.seeds ?? [{ host: 'db', port: 27017 }],
      replicaSet: options.replicaSet ?? null,
      ...options.cluster,
      compressors: options.upstreamCompressors ?? [],
      pool: {
        maxConnections: 8,
        maxConnecting: 2,
        waitQueueTimeoutMs: 5000,
        maxWaiters: 10_000,
        awaitConnections: 10,
        ...options.pool,
      },
    },
    identity: { version: '0', osType: 'Test', platform: 'test' },
    connector: server,
    ...(options.srvResolver === undefined ? {} : { srvResolver: options.srvResolver }),
    ids: new RequestIds(),
    clock,
    random,
    logger: silentLogger,
    compressionCounts: compression,
    events: {
      onFirstContact: () => dispatcher.onFirstContact(),
      onProcessChanged: (endpoint) => dispatcher.router.serverLost(endpoint),
      onMemberGone: (endpoint) => dispatcher.router.serverLost(endpoint),
      openTransactions: () => dispatcher.router.transactions.size,
      onDecodeError: (reason) => decodeErrors.add(`upstream|${reason}`),
    },
  });
  const chain = new FilterChain([limits]);
  const attribution = new Attribution(table, new CallSites());
  const dispatcher = new Dispatcher({ cluster, chain, attribution, clock, serviceId: makeServiceId(random) });
  const budget = new ByteBudget(options.bufferBytes ?? 268_435_456);
  const downstream = new DownstreamServer({
    name: 'main',
    bind: { host: '127.0.0.1', port: 0 },
    maxConnections: options.maxConnections ?? 10_000,
    ...options.listener,
    budget,
    ...(options.slowClientTimeoutMs === undefined ? {} : { slowClientTimeoutMs: options.slowClientTimeoutMs }),
    dispatcher,
    flusher,
    clock,
    logger: silentLogger,
    decodeErrors,
    compression: { compressors: options.compressors ?? [], counts: compression },
    onFault: (error) => {
      throw error;
    },
  });
  const connectClient = (address?: string): TestClient => {
    const socket = new MemorySocket(flusher, address);
    downstream.accept(socket);
    return new TestClient(socket, clock);
  };
  const app = (name: string, address?: string): TestClient => {
    const client = connectClient(address);
    client.hello(name);
    return client;
  };
  const settle = (): void => clock.flushTurn();
  const answer = (name: string, document: BsonDocument = {}): ServerRequest => {
    const request = server.take(name);
    request.reply(document);
    settle();
    return request;
  };
  const parts = { clock, server, cluster, dispatcher, downstream, table, limits, decodeErrors, compression, budget };
  return { ...parts, connectClient, app, answer, settle };
}
