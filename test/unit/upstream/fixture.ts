// Exchanges whose end is recorded, one upstream connection on a memory socket, and one pool on a scripted server.
// It judges nothing. Invariant: `ends` has one line for each call that an owner got, in their order.

import { type BsonDocument, encodeMessage, Frame, Int32 } from '../../../codecs/index.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { ByteSocket } from '../../../src/net/byte-socket.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { UpstreamConnection } from '../../../src/upstream/connection.ts';
import {
  type AdmissionClass,
  Exchange,
  type ExchangeOwner,
  type ExchangeRequest,
} from '../../../src/upstream/exchange.ts';
import { encodeFirstHello, helloOnly } from '../../../src/upstream/handshake.ts';
import { Pool } from '../../../src/upstream/pool.ts';
import type { PoolParts } from '../../../src/upstream/pool-parts.ts';
import { RequestIds } from '../../../src/upstream/request-ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeServer } from '../../support/fake-server.ts';
import { MemorySocket } from '../../support/memory-socket.ts';

export const IDENTITY = { version: '0', osType: 'Test', platform: 'test' } as const;

/** Makes exchanges named by the test and writes down how each ended: `a reply`, `b lost`. */
export class Recorder {
  readonly ends: string[] = [];
  readonly clock: FakeClock;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  exchange(name: string, over: Partial<ExchangeRequest> = {}): Exchange {
    const owner: ExchangeOwner = {
      onReply: () => void this.ends.push(`${name} reply`),
      onFailed: (_exchange, failure) => void this.ends.push(`${name} ${failure}`),
    };
    return new Exchange({
      owner,
      frame: Frame.of(encodeMessage({ find: name, $db: 'shop' }, 77, 0)),
      admission: 'ordinary',
      fence: null,
      waitBound: 'queue',
      nowMs: this.clock.nowMs(),
      maxWaitMs: 5000,
      ...over,
    });
  }

  privileged(name: string): Exchange {
    return this.exchange(name, { admission: 'privileged' satisfies AdmissionClass });
  }
}

/** The bytes of a reply. */
export function reply(responseTo: number, document: BsonDocument = {}, flags = 0): Buffer {
  return encodeMessage({ ok: 1, ...document }, 9, responseTo, flags);
}

export interface ConnectionBench {
  readonly clock: FakeClock;
  readonly socket: MemorySocket;
  readonly connection: UpstreamConnection;
  readonly recorder: Recorder;
  /** Calls of the connection's own events. */
  readonly events: string[];
  /** Everything that was written, a chunk a flush. */
  readonly written: Buffer[];
  /** Sends and ends the turn. */
  send(exchange: Exchange): void;
}

/** A connection that has been greeted, unless `isGreeted` is false. */
export function makeConnection(isGreeted = true): ConnectionBench {
  const clock = new FakeClock();
  const socket = new MemorySocket(new TurnFlusher(clock));
  const events: string[] = [];
  const written: Buffer[] = [];
  socket.onWritten = (bytes) => written.push(bytes);
  const byteSocket: ByteSocket = socket;
  const connection = new UpstreamConnection({
    id: 1,
    generation: 0,
    socket: byteSocket,
    ids: new RequestIds(),
    clock,
    events: {
      onGreeted: () => void events.push('greeted'),
      onIdle: () => void events.push('idle'),
      onClosed: (_gone, reason) => void events.push(`closed ${reason}`),
      onDecodeError: (reason) => void events.push(`decode ${reason}`),
    },
  });
  connection.greet(
    helloOnly((id) => encodeFirstHello(IDENTITY, 'pool', id)),
    10_000,
  );
  clock.flushTurn();
  if (isGreeted) {
    socket.feed(reply(1));
    events.length = 0;
    written.length = 0;
  }
  const send = (exchange: Exchange): void => {
    connection.send(exchange, clock.nowMs());
    clock.flushTurn();
  };
  return { clock, socket, connection, recorder: new Recorder(clock), events, written, send };
}

export interface PoolBench {
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly pool: Pool;
  readonly recorder: Recorder;
  /** What the pool may ask of its endpoint; tests change it. */
  readonly host: { isUp: boolean; openTransactions: number; accepts: boolean; troubles: number };
  /** Submits in this order and ends the turn. */
  submit(...exchanges: Exchange[]): void;
  /** The `find` values that the server has, in order of arrival. */
  seen(): string[];
}

export function makePool(over: Partial<PoolParts> = {}): PoolBench {
  const clock = new FakeClock();
  const server = new FakeServer(clock, new TurnFlusher(clock));
  const host = { isUp: true, openTransactions: 0, accepts: true, troubles: 0 };
  const pool = new Pool({
    lane: 'ordinary',
    cap: 4,
    maxConnecting: 2,
    maxWaiters: 100,
    connectTimeoutMs: 10_000,
    connector: server,
    ids: new RequestIds(),
    clock,
    random: () => 0.5,
    logger: silentLogger,
    openTransactions: () => host.openTransactions,
    ...over,
    host: {
      reachableAddress: () => (host.isUp ? { host: 'db', port: 27017 } : null),
      makeHandshake: () => helloOnly((id) => encodeMessage({ hello: new Int32(1), $db: 'admin' }, id, 0)),
      onGreeted: () => host.accepts,
      onTrouble: () => {
        host.troubles++;
      },
      onDecodeError: () => {},
    },
  });
  const submit = (...exchanges: Exchange[]): void => {
    for (const exchange of exchanges) pool.submit(exchange);
    clock.flushTurn();
  };
  const seen = (): string[] => server.requests.map((request) => String(request.document['find']));
  return { clock, server, pool, recorder: new Recorder(clock), host, submit, seen };
}

/** Fine at the top level, a string that runs past its document one level down. */
export function malformedHello(responseTo: number): Buffer {
  const bytes = reply(responseTo, { isWritablePrimary: true, tags: { dc: 'abcdefgh' } });
  bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
  return bytes;
}
