// The relay between real sockets: the same bytes, in both directions, with their ends, resets and pauses.
// Invariant: no test waits for a time; each waits for what a socket says.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Clock, systemClock } from '../../../src/core/clock.ts';
import type { Listener } from '../../../src/net/listener.ts';
import type { Relay, RelayEnd, RelayEvents } from '../../../src/net/relay.ts';
import { listenForRelays } from '../../../src/net/relay-listener.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MIB = 1_048_576;
/** HIGH_WATER_BYTES and one chunk. */
const MOST_UNSENT = 2 * 65_536;

/** What the relay told. */
class Witness implements RelayEvents {
  readonly fromClient: Buffer[] = [];
  readonly fromServer: Buffer[] = [];
  readonly ends: [RelayEnd, string][] = [];
  mostUnsent = 0;
  isConnected = false;
  readonly relay: Relay;
  #tell: () => void = () => {};
  readonly closed: Promise<void> = new Promise((resolve) => {
    this.#tell = resolve;
  });

  constructor(relay: Relay) {
    this.relay = relay;
  }

  onConnected(): void {
    this.isConnected = true;
  }

  onClientBytes(chunk: Buffer): void {
    this.fromClient.push(Buffer.from(chunk));
    this.mostUnsent = Math.max(this.mostUnsent, this.relay.unsentBytes);
  }

  onServerBytes(chunk: Buffer): void {
    this.fromServer.push(Buffer.from(chunk));
    this.mostUnsent = Math.max(this.mostUnsent, this.relay.unsentBytes);
  }

  onClosed(end: RelayEnd, detail: string): void {
    this.ends.push([end, detail]);
    this.#tell();
  }
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly witness: Witness;
}

let upstream: Server;
let listener: Listener;
let sockets: Socket[];
let onAccept: (relay: Relay) => void;

beforeEach(async () => {
  sockets = [];
  upstream = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => keep(socket));
  upstream.listen({ host: '127.0.0.1', port: 0 });
  await once(upstream, 'listening');
  listener = await listenForRelays({ host: '127.0.0.1', port: 0 }, (relay) => onAccept(relay));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  upstream.close();
  await listener.stop();
});

function keep(socket: Socket): Socket {
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

const upstreamPort = (): number => (upstream.address() as AddressInfo).port;

function dial(): Socket {
  const { host, port } = listener.address;
  return keep(connect({ host, port, noDelay: true, allowHalfOpen: true }));
}

async function openPair(clock: Clock = systemClock): Promise<Pair> {
  let witness: Witness | null = null;
  onAccept = (relay) => {
    witness = new Witness(relay);
    const address = { host: '127.0.0.1', port: upstreamPort() };
    relay.open({ address, connectTimeoutMs: 10_000 }, clock, witness);
  };
  const accepted = once(upstream, 'connection');
  const client = dial();
  const [server] = (await accepted) as [Socket];
  assert.ok(witness !== null);
  return { client, server, witness };
}

/** Bytes that no codec has seen, the same for the same seed. */
function garbage(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let at = 0; at + 4 <= length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, at);
  }
  return bytes;
}

/** Pieces of 1 byte to 100 KB. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = 1 + (bytes.readUInt32LE((turn * 4) % (bytes.length - 4)) % (turn % 3 === 0 ? 100_000 : 300));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function sendInPieces(socket: Socket, bytes: Buffer): Promise<void> {
  for (const piece of pieces(bytes)) {
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  socket.end();
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

async function errorOf(socket: Socket): Promise<string> {
  // A reset may find the other side idle: only somebody who reads or writes notices it.
  socket.resume();
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code ?? '';
}

describe('a relay', { timeout: 30_000 }, () => {
  test('passes 5 MB of garbage both ways at once, unchanged, and shows the same bytes', async () => {
    const { client, server, witness } = await openPair();
    const request = garbage(0x5eed, 5 * MIB);
    const reply = garbage(0xbeef, 5 * MIB);
    const [, , atServer, atClient] = await Promise.all([
      sendInPieces(client, request),
      sendInPieces(server, reply),
      readAll(server),
      readAll(client),
    ]);
    await witness.closed;
    assert.ok(atServer.equals(request));
    assert.ok(atClient.equals(reply));
    assert.ok(Buffer.concat(witness.fromClient).equals(request));
    assert.ok(Buffer.concat(witness.fromServer).equals(reply));
    assert.ok(witness.mostUnsent <= 2 * MOST_UNSENT);
  });

  for (const [who, end] of [
    ['client', 'client_closed'],
    ['server', 'server_closed'],
  ] as const) {
    test(`passes the end of the ${who} on, and what the other still says after it`, async () => {
      const clock = new FakeClock();
      const { client, server, witness } = await openPair(clock);
      const [first, second] = who === 'client' ? [client, server] : [server, client];
      first.end('last words of the first');
      assert.equal((await readAll(second)).toString(), 'last words of the first');
      assert.deepEqual(witness.ends, [], 'half open');
      second.end('an answer all the same');
      assert.equal((await readAll(first)).toString(), 'an answer all the same');
      await witness.closed;
      assert.deepEqual(witness.ends, [[end, '']]);
      assert.equal(witness.relay.isConnected, false);
      assert.equal(clock.timers, 0);
    });
  }

  for (const who of ['client', 'server'] as const) {
    test(`gives a pair up a minute after the end of the ${who}, if the other says nothing more`, async () => {
      const clock = new FakeClock();
      const { client, server, witness } = await openPair(clock);
      const [first, second] = who === 'client' ? [client, server] : [server, client];
      first.end();
      await readAll(second);
      clock.advance(59_999);
      second.write('still there');
      await once(first, 'data');
      clock.advance(60_000);
      assert.deepEqual(witness.ends, [], 'something was said in the first minute');
      clock.advance(1);
      assert.deepEqual(witness.ends, [[`${who}_closed`, '']]);
      assert.equal(clock.timers, 0);
      await readAll(first);
    });

    test(`a ${who} that does not read stops the other, and gets every byte in the end`, async () => {
      const { client, server, witness } = await openPair();
      const [reader, sender] = who === 'client' ? [client, server] : [server, client];
      const bytes = garbage(7, 48 * MIB);
      reader.pause();
      sender.write(bytes);
      sender.end();
      const seen = who === 'client' ? witness.fromServer : witness.fromClient;
      await untilStill(() => seen.length);
      const taken = seen.reduce((total, chunk) => total + chunk.length, 0);
      assert.ok(taken > 0 && taken < bytes.length, `${taken} bytes were taken from a sender whom nobody reads`);
      assert.ok(witness.relay.unsentBytes > 0);
      assert.ok((await readAll(reader)).equals(bytes));
      assert.ok(witness.mostUnsent <= MOST_UNSENT, `${witness.mostUnsent} bytes were held`);
    });
  }

  test('passes a reset of the client on to the server', async () => {
    const { client, server, witness } = await openPair();
    client.write('x');
    await once(server, 'data');
    const failed = errorOf(server);
    client.resetAndDestroy();
    assert.equal(await failed, 'ECONNRESET');
    assert.deepEqual(witness.ends, [['client_broken', 'ECONNRESET']]);
  });

  test('passes a reset of the server on to the client', async () => {
    const { client, server, witness } = await openPair();
    server.write('x');
    await once(client, 'data');
    const failed = errorOf(client);
    server.resetAndDestroy();
    assert.equal(await failed, 'ECONNRESET');
    assert.deepEqual(witness.ends, [['server_broken', 'ECONNRESET']]);
  });

  test('closes both sides once when it is destroyed', async () => {
    const { client, server, witness } = await openPair();
    client.write('x');
    await once(server, 'data');
    witness.relay.destroy('stopped');
    witness.relay.destroy('drained');
    await Promise.all([readAll(client), readAll(server)]);
    assert.deepEqual(witness.ends, [['stopped', '']]);
  });

  test('resets the client when the server refuses', async () => {
    const address = { host: '127.0.0.1', port: upstreamPort() };
    upstream.close();
    await once(upstream, 'close');
    const told = new Promise<Witness>((resolve) => {
      onAccept = (relay) => {
        const witness = new Witness(relay);
        relay.open({ address, connectTimeoutMs: 10_000 }, systemClock, witness);
        resolve(witness);
      };
    });
    const client = dial();
    client.write('asked too early');
    assert.equal(await errorOf(client), 'ECONNRESET');
    const witness = await told;
    assert.deepEqual(witness.ends, [['connect_failed', 'ECONNREFUSED']]);
    assert.deepEqual(witness.fromClient, [], 'nothing is read before there is a server');
    upstream = createServer();
  });

  test('gives a server up that does not answer in time', async () => {
    const clock = new FakeClock();
    const told = new Promise<Witness>((resolve) => {
      onAccept = (relay) => {
        const witness = new Witness(relay);
        const address = { host: '127.0.0.1', port: upstreamPort() };
        relay.open({ address, connectTimeoutMs: 500 }, clock, witness);
        clock.advance(499);
        assert.deepEqual(witness.ends, []);
        clock.advance(1);
        resolve(witness);
      };
    });
    const client = dial();
    assert.equal(await errorOf(client), 'ECONNRESET');
    assert.deepEqual((await told).ends, [['connect_timeout', '']]);
    assert.equal(clock.timers, 0);
  });
});

/** Resolves when a number has not changed for some turns of the event loop. */
async function untilStill(read: () => number): Promise<void> {
  let last = -1;
  let still = 0;
  while (still < 200) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const now = read();
    still = now === last && now > 0 ? still + 1 : 0;
    last = now;
  }
}
