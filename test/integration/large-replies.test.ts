// Large replies on real sockets: a client that reads slowly, not at all, or dies, and a server that dies, while others go on.
// What is counted and every cut is tested in unit/downstream/reply-stream.test.ts. Invariants tested: nobody else waits longer
// than a transfer; what weir holds stays small; what arrives is what was sent.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { serialize } from '../../codecs/index.ts';
import { assertNothingLeft } from '../support/leaks.ts';
import { emptyCursor, RawServer } from '../support/raw-server.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';

const MEBIBYTE = 1_048_576;
const ends: (() => Promise<void>)[] = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

function element(type: number, name: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
}

function document(...elements: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), ...elements, Buffer.alloc(1)]);
  bytes.writeInt32LE(bytes.length, 0);
  return bytes;
}

/** The reply to a find with so many documents of 64 KiB; the bson library would not make one of 40 MB. */
function largeReply(count: number, responseTo: number): Buffer {
  const one = serialize({ text: Buffer.alloc(65_536, responseTo & 0xff) });
  const batch = document(...Array.from({ length: count }, (_, index) => element(3, String(index), one)));
  const id = element(0x12, 'id', Buffer.alloc(8));
  const namespace = element(2, 'ns', Buffer.from('\x0c\0\0\0shop.orders\0', 'latin1'));
  const cursor = document(element(4, 'firstBatch', batch), id, namespace);
  const body = document(element(3, 'cursor', cursor), element(1, 'ok', serialize({ a: 1.5 }).subarray(7, 15)));
  const head = Buffer.alloc(21);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(4711, 4);
  head.writeInt32LE(responseTo, 8);
  head.writeInt32LE(2013, 12);
  return Buffer.concat([head, body]);
}

interface Place {
  readonly house: House;
  readonly server: RawServer;
  /** Asks for the large reply. */
  readonly slow: RawClient;
  readonly quick: RawClient;
  /** The reply, once the server has begun to send it. */
  readonly sent: () => Buffer | null;
}

async function startPlace(maxConnections: number, slowClientTimeoutMs = 10_000): Promise<Place> {
  let sent: Buffer | null = null;
  const server = new RawServer();
  await server.start();
  ends.push(() => server.stop());
  server.script = (request) => {
    if (request.document['find'] !== 'large') return request.reply(emptyCursor());
    sent = largeReply(600, request.id);
    request.connection.send(sent);
  };
  const house = await House.start({ upstreamPort: server.port, pool: { maxConnections }, slowClientTimeoutMs });
  ends.push(() => house.stop());
  const [slow, quick] = [await RawClient.connect(house.port), await RawClient.connect(house.port)];
  ends.push(async () => {
    slow.destroy();
    quick.destroy();
  });
  await slow.hello('slow');
  await quick.hello('quick');
  return { house, server, slow, quick, sent: () => sent };
}

const held = ({ house }: Place): number => house.weir.snapshots.counters().bufferBytes;
const closedFor = ({ house }: Place, reason: string): number =>
  house.weir.snapshots.counters().downstreamClosed.get(reason) ?? 0;

/** Asks for the large reply, and reads nothing. */
async function askAndStop(place: Place): Promise<number> {
  place.slow.socket.removeAllListeners('data');
  place.slow.socket.pause();
  const id = place.slow.say({ find: 'large' });
  await eventually('weir holds a part of the reply', () => held(place) > MEBIBYTE);
  return id;
}

async function finds(client: RawClient, count: number): Promise<void> {
  for (let done = 0; done < count; done++) assert.equal((await client.ask({ find: 'small' }))['ok'], 1);
}

async function assertFree(place: Place): Promise<void> {
  place.slow.destroy();
  place.quick.destroy();
  await eventually('weir has seen them leave', async () => (await place.house.clients()).length === 0);
  assertNothingLeft(place.house.weir);
}

describe('a reply of 40 MB', { timeout: 60_000 }, () => {
  test('to a client that reads slowly arrives whole, costs weir little, and others go on', async () => {
    const place = await startPlace(2);
    const id = await askAndStop(place);
    let most = 0;
    const hash = createHash('sha256');
    let bytes = 0;
    place.slow.socket.on('data', (chunk: Buffer) => {
      most = Math.max(most, held(place));
      hash.update(bytes === 0 ? withoutIds(chunk) : chunk);
      bytes += chunk.length;
      if (bytes === chunk.length) assert.equal(chunk.readInt32LE(8), id);
    });
    await finds(place.quick, 100);
    most = Math.max(most, held(place));
    place.slow.socket.resume();
    await finds(place.quick, 100);
    await eventually('the whole reply has arrived', () => bytes === place.sent()?.length);
    assert.ok(most < 3 * MEBIBYTE, `${most} bytes were held`);
    assert.equal(
      hash.digest('hex'),
      createHash('sha256')
        .update(withoutIds(place.sent() as Buffer))
        .digest('hex'),
    );
    const row = place.house.weir.table.rows().find(({ app, command }) => app === 'slow' && command === 'find');
    assert.deepEqual([row?.documentsReturned, row?.replyBytes], [600, bytes]);
    await assertFree(place);
  });

  test('to a client that reads nothing costs that client its connection, and the only server connection is free again', async () => {
    const place = await startPlace(1, 400);
    await askAndStop(place);
    await finds(place.quick, 10);
    assert.equal(closedFor(place, 'slow_reader'), 1);
    assert.equal(place.server.poolConnections.length, 1);
    await assertFree(place);
  });

  test('to a client that dies is read to its end, and its connection serves on', async () => {
    const place = await startPlace(1);
    await askAndStop(place);
    place.slow.destroy();
    await finds(place.quick, 10);
    assert.equal(place.server.accepted, 2, 'the monitor and one more');
    await assertFree(place);
  });

  test('from a server that dies ends the connection of its client, and nobody else’s', async () => {
    const place = await startPlace(1);
    await askAndStop(place);
    for (const connection of place.server.poolConnections) connection.destroy();
    place.slow.socket.resume();
    await place.slow.closed();
    assert.equal(closedFor(place, 'reply_cut'), 1);
    await finds(place.quick, 10);
    await assertFree(place);
  });
});

/** A copy of the first bytes of a message whose ids are 0. */
function withoutIds(bytes: Buffer): Buffer {
  return Buffer.from(bytes).fill(0, 4, 12);
}
