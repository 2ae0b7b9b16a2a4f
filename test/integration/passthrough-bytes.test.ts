// Any bytes through a whole weir of mode passthrough: none is lost, changed or held back, whatever the reader makes of
// them, and what the server's absence does. Invariant: memory does not grow with what is passed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { eventually } from './harness/eventually.ts';
import { hastyClock } from './harness/hasty-clock.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';

const MIB = 1_048_576;
const HEADER_BYTES = 16;
const OP_MSG = 2013;

let upstream: Server;
let accepted: Socket[];
let house: House;
let opened: Socket[];

beforeEach(async () => {
  opened = [];
  accepted = [];
  upstream = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    accepted.push(socket);
  });
  upstream.listen({ host: '127.0.0.1', port: 0 });
  await once(upstream, 'listening');
});

afterEach(async () => {
  for (const socket of [...opened, ...accepted]) socket.destroy();
  await house.stop();
  upstream.close();
});

const upstreamPort = (): number => (upstream.address() as AddressInfo).port;

async function begin(): Promise<void> {
  house = await House.start({ upstreamPort: upstreamPort(), mode: 'passthrough' });
}

/** A client's socket and the one that the server has for it. */
async function openPair(): Promise<{ client: Socket; server: Socket }> {
  await eventually('the probe of the start came first', () => accepted.length > 0);
  const known = accepted.length;
  const client = connect({ host: '127.0.0.1', port: house.port, noDelay: true, allowHalfOpen: true });
  client.on('error', () => {});
  opened.push(client);
  await eventually('the server has it', () => accepted.length > known);
  const server = accepted.at(-1);
  assert.ok(server !== undefined);
  return { client, server };
}

function garbage(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

/** Messages with right lengths and an opcode that is read, full of garbage. */
function garbageMessages(seed: number, total: number): Buffer {
  const bytes = garbage(seed, total);
  for (let at = 0, turn = 0; at < total; turn++) {
    const wish = HEADER_BYTES + 5 + (bytes.readUInt32LE((turn * 8) % (total - 8)) % (turn % 5 === 0 ? 200_000 : 400));
    const length = total - at - wish < 1000 ? total - at : wish;
    bytes.writeInt32LE(length, at);
    bytes.writeInt32LE(turn, at + 4);
    bytes.writeInt32LE(turn % 2 === 0 ? turn : 0, at + 8);
    bytes.writeInt32LE(turn % 7 === 0 ? 2004 + (turn % 9) : OP_MSG, at + 12);
    bytes.writeInt32LE(0, at + HEADER_BYTES);
    bytes.writeUInt8(0, at + HEADER_BYTES + 4);
    at += length;
  }
  return bytes;
}

async function send(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = 1 + ((turn * 7919) % (turn % 4 === 0 ? 90_000 : 700));
    if (!socket.write(bytes.subarray(at, at + size))) await once(socket, 'drain');
    at += size;
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

describe('bytes pass through unchanged, both ways at once', { timeout: 60_000 }, () => {
  for (const [what, make] of [
    ['garbage', garbage],
    ['garbage in messages', garbageMessages],
  ] as const) {
    test(`5 MB of ${what}`, async () => {
      await begin();
      const { client, server } = await openPair();
      const request = make(0x5eed, 5 * MIB);
      const reply = make(0xbeef, 5 * MIB);
      const [atServer, atClient] = await Promise.all([
        readAll(server),
        readAll(client),
        send(client, request),
        send(server, reply),
      ]);
      assert.ok(atServer.equals(request));
      assert.ok(atClient.equals(reply));
      await eventually('it is closed', async () => (await house.summary()).downstreamConnections === 0);
      const metrics = await house.metrics();
      assert.equal(metrics.sum('weir_sniffing_ended_total', { reason: 'internal_error' }), 0);
      assert.equal(metrics.sum('weir_operations_active'), 0);
      const misread = metrics.sum('weir_decode_errors_total') + metrics.sum('weir_sniffing_ended_total');
      assert.ok(misread > 0, 'what could not be read is counted');
    });
  }

  test('a message of 48 MB to a client that does not read stops its sender, and arrives whole later', async () => {
    await begin();
    const { client, server } = await openPair();
    const reply = garbage(3, 48_000_000);
    reply.writeInt32LE(reply.length, 0);
    reply.writeInt32LE(OP_MSG, 12);
    client.pause();
    const sent = sendAll(server, reply);
    // Whatever the kernels of both connections take, it is far from all of it.
    const taken = await eventuallyStill(() => server.bytesWritten - server.writableLength);
    assert.ok(taken > 0 && taken < 40_000_000, `${taken} bytes were taken from the sender`);
    assert.ok((await readAll(client)).equals(reply));
    await sent;
  });
});

async function sendAll(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += MIB) {
    if (!socket.write(bytes.subarray(at, at + MIB))) await once(socket, 'drain');
  }
  socket.end();
}

/** A number that no longer changes while the event loop turns. */
async function eventuallyStill(read: () => number): Promise<number> {
  let last = -1;
  let turns = 0;
  await eventually('it stands still', () => {
    const now = read();
    turns = now === last ? turns + 1 : 0;
    last = now;
    return turns > 20;
  });
  return last;
}

describe('an absent server', { timeout: 60_000 }, () => {
  test('closes the clients that come, shows in readiness, and is found when it is back', async () => {
    const port = upstreamPort();
    upstream.close();
    await once(upstream, 'close');
    house = await House.start({
      upstreamPort: port,
      mode: 'passthrough',
      isUpstreamAbsent: true,
      clock: hastyClock(100),
    });
    await eventually('it is known to be down', async () => (await house.pools())[0]?.state === 'down');
    assert.equal((await house.get('/readyz')).status, 503);
    const client = await RawClient.connect(house.port);
    await client.closed();
    assert.equal(client.bytesRead, 0);
    await eventually('it is counted', async () => {
      const metrics = await house.metrics();
      return metrics.sum('weir_downstream_closed_total', { reason: 'connect_failed' }) === 1;
    });
    upstream.listen({ host: '127.0.0.1', port });
    await eventually('it is ready', async () => (await house.get('/readyz')).status === 200);
    assert.equal((await house.pools())[0]?.connects, 0);
  });

  test('says nothing to a server that nobody uses', async () => {
    await begin();
    const { client, server } = await openPair();
    client.end('x');
    assert.equal((await readAll(server)).toString(), 'x');
    assert.equal(accepted.length, 2, 'one probe, one client');
    assert.equal(accepted[0]?.bytesRead, 0);
  });
});
