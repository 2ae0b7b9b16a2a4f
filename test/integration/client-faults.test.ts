// Clients that stop, trickle, half close, reset or read nothing, behind a relay that makes them: what they hold meanwhile,
// what becomes of it, and that nobody else feels it. Invariant: afterwards nothing of them is left.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Long } from '../../codecs/index.ts';
import type { PoolSnapshot } from '../../src/core/snapshots.ts';
import { FaultScript } from '../support/fault-script.ts';
import type { RawServer } from '../support/raw-server.ts';
import { askAll, echo } from './harness/crowd.ts';
import { eventually } from './harness/eventually.ts';
import { FaultBench } from './harness/fault-bench.ts';
import { hastyClock } from './harness/hasty-clock.ts';
import type { House } from './harness/house.ts';
import type { RawClient } from './harness/raw-client.ts';

const CURSOR = Long.fromNumber(77);

const bench = new FaultBench();

afterEach(() => bench.clear());

interface Place {
  readonly server: RawServer;
  readonly house: House;
  /** Its bytes come straight. */
  readonly healthy: RawClient;
}

async function startPlace(): Promise<Place> {
  const server = await bench.startServer();
  server.script = echo;
  const house = await bench.startHouse(server, { pool: { maxConnections: 1 } });
  return { server, house, healthy: await bench.connectClient(house, 'healthy') };
}

/** A client whose bytes go through a relay; the script is in force from the moment it has said hello. */
async function connectFaulty(house: House, script: FaultScript): Promise<RawClient> {
  const relay = await bench.startRelay(house, hastyClock(100));
  const client = await bench.connectClient(relay, 'faulty');
  relay.script = script;
  return client;
}

const ordinary = async (house: House): Promise<PoolSnapshot | undefined> =>
  (await house.pools()).find(({ lane }) => lane === 'ordinary');

async function assertUntouched({ house, healthy }: Place): Promise<void> {
  assert.equal((await askAll([healthy], 10)).answered, 10);
  assert.equal((await ordinary(house))?.busy, 0);
}

const left = async (house: House): Promise<void> =>
  eventually('weir knows that it left', async () => (await house.clients()).length === 1);

describe('a client that', () => {
  for (const after of [1, 15, 16, 30]) {
    test(`stops ${after} bytes into its request holds no connection, and nothing when it leaves`, async () => {
      const place = await startPlace();
      const deed = { do: 'cut', after, ending: 'silence' } as const;
      const client = await connectFaulty(place.house, new FaultScript([{ way: 'request', command: 'find', deed }]));
      client.say({ find: 'orders', number: 1 });
      await assertUntouched(place);
      assert.equal(client.isClosed, false);
      client.socket.resetAndDestroy();
      await left(place.house);
      assert.equal(place.server.requestsNamed('find').length, 10);
      await assertUntouched(place);
    });
  }

  test('sends a byte a second holds no connection until its request is whole', async () => {
    const place = await startPlace();
    const deed = { do: 'throttle', bytesPerSecond: 1 } as const;
    const client = await connectFaulty(place.house, new FaultScript([{ way: 'request', command: 'find', deed }]));
    const asked = client.ask({ find: 'orders', number: 1 });
    await assertUntouched(place);
    assert.equal(client.replies.length, 1, 'hello');
    assert.equal((await asked)['number'], 1);
  });

  test('reads a byte a second holds no connection', async () => {
    const place = await startPlace();
    const deed = { do: 'throttle', bytesPerSecond: 1 } as const;
    const client = await connectFaulty(place.house, new FaultScript([{ way: 'reply', command: 'find', deed }]));
    const asked = client.ask({ find: 'orders', number: 1 });
    await eventually('the answer begins', () => place.server.requestsNamed('find').length === 1);
    await assertUntouched(place);
    assert.equal((await asked)['number'], 1);
  });

  test('half closes behind its request has left: the answer goes nowhere, its connection is closed', async () => {
    const place = await startPlace();
    const deed = { do: 'half_close' } as const;
    const client = await connectFaulty(place.house, new FaultScript([{ way: 'request', command: 'find', deed }]));
    client.say({ find: 'orders', number: 1 });
    await client.closed();
    await left(place.house);
    await assertUntouched(place);
  });

  test('resets while the server works disturbs nobody', async () => {
    const place = await startPlace();
    const { server, house } = place;
    const answers: (() => void)[] = [];
    server.script = (request) => {
      answers.push(() => echo(request));
    };
    const client = await bench.connectClient(house, 'faulty');
    client.say({ find: 'orders', number: 1 });
    await eventually('it arrives', () => answers.length === 1);
    client.socket.resetAndDestroy();
    await left(house);
    server.script = echo;
    for (const answer of answers) answer();
    await assertUntouched(place);
    assert.deepEqual(await house.closed(), {});
  });

  for (const ending of ['close', 'reset'] as const) {
    test(`is cut off by a ${ending} in the middle of a reply that opens a cursor: the cursor is killed`, async () => {
      const place = await startPlace();
      const { server, house } = place;
      server.script = (request) => {
        if (request.name === 'find' && request.document['number'] === undefined)
          return request.reply({ cursor: { firstBatch: ['x'.repeat(100_000)], id: CURSOR, ns: 'shop.orders' } });
        echo(request);
      };
      const deed = { do: 'cut', after: 5000, ending } as const;
      const client = await connectFaulty(house, new FaultScript([{ way: 'reply', command: 'find', deed }]));
      client.say({ find: 'orders' });
      await client.closed();
      client.destroy();
      await left(house);
      await eventually('its cursor is killed', () => server.requestsNamed('killCursors').length === 1);
      assert.deepEqual(server.requestsNamed('killCursors')[0]?.document['cursors'], [77]);
      await assertUntouched(place);
    });
  }

  test('reads nothing of 16 MB holds no connection', async () => {
    const place = await startPlace();
    const { server, house } = place;
    const text = 'x'.repeat(16_000_000);
    server.script = (request) => (request.name === 'count' ? request.reply({ text }) : echo(request));
    const client = await bench.connectClient(house, 'faulty');
    client.socket.pause();
    client.say({ count: 'orders' });
    await eventually('it was asked', () => server.requestsNamed('count').length === 1);
    await assertUntouched(place);
    client.socket.resetAndDestroy();
    await left(house);
  });
});
