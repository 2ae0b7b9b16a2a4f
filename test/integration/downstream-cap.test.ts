// maxConnections towards applications: beyond it a connection is accepted, left unread, then closed, and counted.
// Invariant: those inside the cap feel nothing of those outside.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { emptyCursor, RawServer } from '../support/raw-server.ts';
import { eventually } from './harness/eventually.ts';
import { hastyClock } from './harness/hasty-clock.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';

const CAP = 3;
const FIND = { find: 'orders', filter: {} };

let server: RawServer;
let house: House;
const clients: RawClient[] = [];

beforeEach(async () => {
  server = new RawServer();
  server.script = (request) => request.reply(emptyCursor());
  await server.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await house.stop();
  await server.stop();
});

/** What is beyond the cap is held for 1000 ms of this clock. */
async function begin(speed: number): Promise<void> {
  house = await House.start({ upstreamPort: server.port, maxConnections: CAP, clock: hastyClock(speed) });
}

async function open(): Promise<RawClient> {
  const client = await RawClient.connect(house.port);
  clients.push(client);
  return client;
}

async function openInside(): Promise<RawClient[]> {
  const inside = await Promise.all(Array.from({ length: CAP }, () => open()));
  for (const [index, client] of inside.entries()) await client.hello(`inside-${index}`);
  return inside;
}

const fate = async (result: string): Promise<number> =>
  (await house.metrics()).sum('weir_downstream_connections_total', { listener: 'main', result });

describe('connections beyond the cap', () => {
  test('are left unread, closed and counted; those inside go on', async () => {
    await begin(2);
    const inside = await openInside();
    const outside = await open();
    outside.say({ hello: 1, $db: 'admin' });
    await eventually('it is counted', async () => (await fate('over_limit')) === 1);
    assert.equal((await house.summary()).downstreamConnections, CAP);
    for (const client of inside) assert.equal((await client.ask(FIND))['ok'], 1);
    await outside.closed();
    assert.equal(outside.bytesRead, 0);
    for (const client of inside) assert.equal((await client.ask(FIND))['ok'], 1);
    assert.equal(await fate('served'), CAP);
  });

  test('are not closed at once, so that drivers do not come back at once', async () => {
    await begin(1);
    await openInside();
    const beganMs = performance.now();
    const outside = await open();
    await outside.closed();
    assert.ok(performance.now() - beganMs >= 900);
  });

  test('a slot that becomes free is used again', async () => {
    await begin(20);
    const [first] = await openInside();
    const outside = await open();
    await outside.closed();
    first?.destroy();
    await eventually('the slot is free', async () => (await house.summary()).downstreamConnections === CAP - 1);
    const next = await open();
    assert.equal((await next.hello('next'))['ok'], 1);
    assert.equal((await next.ask(FIND))['ok'], 1);
    assert.equal(await fate('served'), CAP + 1);
    assert.equal(await fate('over_limit'), 1);
  });

  test('a crowd of them is bounded: what cannot be held is closed at once', async () => {
    await begin(1);
    const [first] = await openInside();
    const crowd = await Promise.all(Array.from({ length: 80 }, () => open()));
    await eventually('some are closed', () => crowd.filter((client) => client.isClosed).length >= 80 - 64);
    assert.equal(await fate('over_limit'), 80);
    assert.equal((await first?.ask(FIND))?.['ok'], 1);
    await eventually('all are closed', () => crowd.every((client) => client.isClosed));
  });

  test('a peer that never closes its side gives its slot and its socket back all the same', async () => {
    await begin(20);
    await openInside();
    const stubborn = await RawClient.connect(house.port, true);
    clients.push(stubborn);
    await stubborn.closed();
    await eventually('the socket is gone', () => {
      stubborn.send(Buffer.alloc(16));
      return stubborn.socket.destroyed || stubborn.socket.errored !== null;
    });
  });
});
