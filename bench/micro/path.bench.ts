// What weir itself costs an operation, without the kernel: the whole path on stub sockets, 64 clients on 8 connections,
// a canned reply, statistics, call sites and one limit on. Prints ns per operation; asserts nothing.

import { encodeMessage, Int32, Long, UUID } from '../../codecs/index.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
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
import type { ByteSocket, SocketEvents } from '../../src/net/byte-socket.ts';
import type { ConnectEvents, Connector } from '../../src/net/connector.ts';
import { TurnFlusher } from '../../src/net/turn-flusher.ts';
import { OperationTable } from '../../src/stats/operation-table.ts';
import { Cluster } from '../../src/upstream/cluster.ts';
import { RequestIds } from '../../src/upstream/request-ids.ts';

const CLIENTS = 64;
const ROUNDS = 12;
const TURNS_A_ROUND = 20_000;

class StubSocket implements ByteSocket {
  readonly remoteAddress: string = '127.0.0.1';
  readonly remotePort: number = 1;
  readonly unwrittenBytes: number = 0;
  readonly gatheredBytes: number = 0;
  readonly bytesIn = 0;
  readonly bytesOut = 0;
  readonly isClosed: boolean = false;
  events: SocketEvents | null = null;
  onWrite: (chunk: Buffer) => void = () => {};
  attach(events: SocketEvents): void {
    this.events = events;
  }
  write(chunk: Buffer): void {
    this.onWrite(chunk);
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
  runGuarded(work: () => void): void {
    work();
  }
}

const reply = encodeMessage(
  {
    cursor: {
      firstBatch: [
        { _id: Long.fromNumber(42), name: 'Ada Lovelace', email: 'ada@example.org', score: 0.5, active: true },
      ],
      id: Long.ZERO,
      ns: 'app.users',
    },
    ok: 1,
  },
  1,
  0,
);
const helloReply = encodeMessage({ isWritablePrimary: true, maxWireVersion: 25, minWireVersion: 0, ok: 1 }, 1, 0);

/** Upstream requests that were written and not answered yet. */
const due: { socket: StubSocket; id: number }[] = [];

const connector: Connector = {
  connect(_address, _timeoutMs, events: ConnectEvents) {
    const socket = new StubSocket();
    let greeted = false;
    socket.onWrite = (chunk) => {
      const id = chunk.readInt32LE(4);
      if (greeted) {
        due.push({ socket, id });
        return;
      }
      greeted = true;
      const answer = Buffer.from(helloReply);
      answer.writeInt32LE(id, 8);
      setImmediate(() => socket.events?.onData(answer));
    };
    setImmediate(() => events.onConnected(socket));
    return { cancel: () => {} };
  },
};

const clock: Clock = systemClock;
const flusher = new TurnFlusher(clock);
const limit = {
  name: 'l',
  match: { callSite: 'UserService.*' },
  per: [],
  ratePerSecond: 1e9,
  burst: 1e9,
  mode: 'enforce',
} as const;
const table = new OperationTable({ maxRows: 1000 });
const pool = { maxConnections: 8, maxConnecting: 8, waitQueueTimeoutMs: 5000, maxWaiters: 10_000, awaitConnections: 1 };
const cluster: Cluster = new Cluster({
  options: { name: 'c', seeds: [{ host: 'x', port: 1 }], replicaSet: null, pool },
  identity: { version: '0', osType: 'x', platform: 'x' },
  connector,
  ids: new RequestIds(),
  clock,
  random: () => 0.5,
  logger: silentLogger,
  compressionCounts: new CompressionCounts(),
  events: {
    onFirstContact: () => dispatcher.onFirstContact(),
    onProcessChanged: () => {},
    onMemberGone: () => {},
    openTransactions: () => dispatcher.router.transactions.size,
    onDecodeError: () => {},
  },
});
const dispatcher = new Dispatcher({
  cluster,
  chain: new FilterChain([new RateLimitFilter([limit])]),
  attribution: new Attribution(table, new CallSites()),
  clock,
  serviceId: makeServiceId(() => 0.5),
});
const server = new DownstreamServer({
  name: 'm',
  bind: { host: '', port: 0 },
  maxConnections: 1000,
  dispatcher,
  flusher,
  clock,
  logger: silentLogger,
  decodeErrors: new Tally<string>(),
  compression: { compressors: [], counts: new CompressionCounts() },
  onFault: (error) => console.error(error),
});

/** Clients whose reply came, in the order of the replies. */
const ready: number[] = [];
const sockets: StubSocket[] = [];
const requests: Buffer[] = [];
for (let at = 0; at < CLIENTS; at++) {
  const socket = new StubSocket();
  socket.onWrite = () => ready.push(at);
  sockets.push(socket);
  server.accept(socket);
  requests.push(
    encodeMessage(
      {
        find: 'users',
        filter: { _id: Long.fromNumber(42) },
        limit: new Int32(1),
        singleBatch: true,
        comment: '{"callingFunction":"UserService.get","hostname":"web-12","httpUniqueId":"00000000"}',
        lsid: { id: new UUID() },
        $db: 'app',
      },
      at,
      0,
    ),
  );
}

function runTurns(turns: number): void {
  for (let turn = 0; turn < turns; turn++) {
    for (const at of ready.splice(0)) sockets[at]?.events?.onData(Buffer.from(requests[at] as Buffer));
    for (const { socket, id } of due.splice(0)) {
      const answer = Buffer.from(reply);
      answer.writeInt32LE(id, 8);
      socket.events?.onData(answer);
    }
  }
}

cluster.start();
for (let i = 0; i < CLIENTS; i++) sockets[i]?.events?.onData(Buffer.from(requests[i] as Buffer));
await new Promise((done) => setTimeout(done, 100));
let best = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS; round++) {
  const before = table.totals.operations;
  const startMs = performance.now();
  runTurns(TURNS_A_ROUND);
  const ns = ((performance.now() - startMs) * 1e6) / (table.totals.operations - before);
  best = Math.min(best, ns);
}
console.log(
  `the path of an operation: ${best.toFixed(0)} ns (best of ${ROUNDS} rounds, ${table.totals.operations} operations)`,
);
process.exit(0);
