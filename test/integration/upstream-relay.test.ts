// A crowd of clients while the network between weir and its server is broken again and again: nobody gets another's answer,
// each lost operation is told as protocol.md 5.6 says, each loss is counted by its reason, the cap holds, nothing leaks.
// Invariant of every test: no client loses its connection to weir.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { FaultRelay } from '../support/fault-relay.ts';
import { type Deed, FaultScript } from '../support/fault-script.ts';
import type { RawServer } from '../support/raw-server.ts';
import { askAll, echo } from './harness/crowd.ts';
import { eventually } from './harness/eventually.ts';
import { FaultBench, FIND } from './harness/fault-bench.ts';
import { hastyClock } from './harness/hasty-clock.ts';
import type { House, HouseOptions } from './harness/house.ts';
import type { RawClient } from './harness/raw-client.ts';

const CLIENTS = 6;
const TIMES = 30;
const CAP = 3;
const AWAIT_LANE = 2;
const MONITORS = 1;

const bench = new FaultBench();

afterEach(() => bench.clear());

interface Place {
  readonly server: RawServer;
  readonly relay: FaultRelay;
  readonly house: House;
  readonly clients: readonly RawClient[];
}

/** Without pipelining a broken connection costs one operation, which makes the losses countable. */
async function startPlace(options: Partial<HouseOptions> = {}, clients: number = CLIENTS): Promise<Place> {
  const server = await bench.startServer();
  server.script = echo;
  const relay = await bench.startRelay(server);
  const pool = { maxConnections: CAP, pipelining: 'off', ...options.pool } as const;
  const house = await bench.startHouse(relay, { ...options, pool });
  const connected: RawClient[] = [];
  for (let index = 0; index < clients; index++) connected.push(await bench.connectClient(house, `client${index}`));
  return { server, relay, house, clients: connected };
}

const onEvery = (every: number, deed: Deed): FaultScript =>
  new FaultScript([{ way: 'reply', app: 'weir pool', command: 'find', every, deed }]);

interface Breakage {
  readonly what: string;
  readonly deed: Deed;
  /** Why the connection is closed; absent: it is not. */
  readonly reasons: readonly string[];
  /** Operations lost by one strike, at least and at most. */
  readonly lost: readonly [least: number, most: number];
}

const BREAKAGES: readonly Breakage[] = [
  { what: 'closes', deed: { do: 'cut', after: 0, ending: 'close' }, reasons: ['peer_closed'], lost: [1, 1] },
  {
    what: 'closes in mid-header',
    deed: { do: 'cut', after: 9, ending: 'close' },
    reasons: ['peer_closed'],
    lost: [1, 1],
  },
  {
    what: 'closes in mid-reply',
    deed: { do: 'cut', after: 30, ending: 'close' },
    reasons: ['peer_closed'],
    lost: [1, 1],
  },
  { what: 'resets', deed: { do: 'cut', after: 0, ending: 'reset' }, reasons: ['socket_error'], lost: [1, 1] },
  {
    what: 'answers twice',
    deed: { do: 'repeat', times: 2 },
    // The second one comes with the first, behind it, or when the next request is out already.
    reasons: ['unexpected_reply', 'bytes_left', 'response_mismatch'],
    lost: [0, 1],
  },
  {
    what: 'answers another request',
    deed: { do: 'misaddress', by: 1 },
    reasons: ['response_mismatch'],
    lost: [1, 1],
  },
  {
    what: 'answers garbage',
    deed: { do: 'replace', with: Buffer.from('HTTP/1.1 502 Bad Gateway\r\n\r\n') },
    reasons: ['malformed_reply'],
    lost: [1, 1],
  },
  { what: 'answers and closes', deed: { do: 'half_close' }, reasons: ['peer_closed'], lost: [0, 1] },
  { what: 'answers in pieces of seven bytes', deed: { do: 'split', bytes: 7 }, reasons: [], lost: [0, 0] },
  { what: 'answers late', deed: { do: 'delay', ms: 20 }, reasons: [], lost: [0, 0] },
];

describe('a server that on every tenth message', () => {
  for (const { what, deed, reasons, lost } of BREAKAGES) {
    test(`${what}: ${lost.join(' to ')} lost a time`, async () => {
      const { server, relay, house, clients } = await startPlace();
      relay.script = onEvery(10, deed);
      const { answered, errors } = await askAll(clients, TIMES);

      const struck = relay.script.struck[0] ?? 0;
      const gone = CLIENTS * TIMES - answered;
      // A request on a connection that half closed has no reply for the relay to count.
      assert.ok(struck >= Math.floor(answered / 10) && struck <= Math.floor((CLIENTS * TIMES) / 10));
      assert.ok(gone >= struck * lost[0] && gone <= struck * lost[1], `${gone} lost by ${struck} strikes`);
      assert.deepEqual(errors, gone === 0 ? {} : { 6: gone }, 'reads that were lost: 6 without a label');
      assert.ok(server.peak <= CAP + AWAIT_LANE + MONITORS, `${server.peak} connections at the server`);
      await assertClosedFor(house, reasons, struck);
      assert.deepEqual(
        clients.map(({ isClosed }) => isClosed),
        clients.map(() => false),
      );
    });
  }
});

/** Each strike is one closed connection, by one of these reasons. */
async function assertClosedFor(house: House, reasons: readonly string[], struck: number): Promise<void> {
  const closed = async (): Promise<number> =>
    Object.values(await house.closed()).reduce((total, count) => total + count, 0);
  const expected = reasons.length === 0 ? 0 : struck;
  await eventually('every loss is counted', async () => (await closed()) >= expected);
  assert.equal(await closed(), expected);
  for (const reason of Object.keys(await house.closed())) assert.ok(reasons.includes(reason), reason);
  const mismatches = (await house.metrics()).sum('weir_protocol_mismatches_total');
  assert.equal(mismatches, (await house.closed())['response_mismatch'] ?? 0);
}

describe('with operations that share connections', () => {
  for (const { what, deed } of BREAKAGES) {
    test(`a server that on every fiftieth message ${what}: own answers or 6, all goes on`, async () => {
      const { server, relay, clients } = await startPlace({ pool: { maxConnections: 1, pipelining: 'adaptive' } });
      await askAll(clients, TIMES);
      relay.script = onEvery(50, deed);
      const { answered, errors } = await askAll(clients, TIMES);
      assert.ok((relay.script.struck[0] ?? 0) > 0);
      const kinds = Object.keys(errors).filter((kind) => kind !== '6' && kind !== '6 NoWritesPerformed');
      assert.deepEqual(kinds, []);
      assert.ok(answered > 0);
      assert.ok(server.peak <= 1 + AWAIT_LANE + MONITORS);
      relay.script = new FaultScript();
      assert.equal((await askAll(clients, 1)).answered, CLIENTS);
    });
  }
});

describe('a server that', () => {
  test('never answers one request: the others go on, and its connection is given up 30 s after the client left', async () => {
    const options = { clock: hastyClock(50), pool: { waitQueueTimeoutMs: 600_000 } };
    const { relay, house, clients } = await startPlace(options, 3);
    const [stuck, ...others] = clients;
    assert.ok(stuck);
    relay.script = new FaultScript([
      { way: 'reply', app: 'weir pool', command: 'count', nth: 1, deed: { do: 'cut', after: 0, ending: 'silence' } },
    ]);
    stuck.say({ count: 'orders' });
    await eventually('the answer is lost', () => relay.script.struck[0] === 1);
    assert.equal((await askAll(others, TIMES)).answered, 2 * TIMES);
    stuck.destroy();
    await eventually('it is given up', async () => (await house.closed())['abandoned'] === 1);
    assert.equal((await askAll(others, 1)).answered, 2);
  });

  test('stops in mid-reply: the same', async () => {
    const options = { clock: hastyClock(50), pool: { waitQueueTimeoutMs: 600_000 } };
    const { relay, house, clients } = await startPlace(options, 2);
    const [stuck, other] = clients;
    assert.ok(stuck && other);
    relay.script = new FaultScript([
      { way: 'reply', app: 'weir pool', command: 'count', nth: 1, deed: { do: 'cut', after: 20, ending: 'silence' } },
    ]);
    stuck.say({ count: 'orders' });
    await eventually('half of the answer is lost', () => relay.script.struck[0] === 1);
    stuck.destroy();
    await eventually('it is given up', async () => (await house.closed())['abandoned'] === 1);
    assert.equal((await askAll([other], 1)).answered, 1);
  });

  test('answers after the client left: nobody gets it, and the connection is used again', async () => {
    const { server, house, clients } = await startPlace({ pool: { maxConnections: 1 } }, 2);
    const [leaver, stayer] = clients;
    assert.ok(leaver && stayer);
    let answerLate = (): void => {};
    server.script = (request) => {
      answerLate = () => request.reply({ secret: 1 });
    };
    leaver.say(FIND);
    await eventually('it arrives', () => server.requests.length === 1);
    leaver.destroy();
    await eventually('weir knows it', async () => (await house.clients()).length === 1);
    const before = server.accepted;
    server.script = echo;
    const asked = stayer.ask({ find: 'orders', number: 7 });
    answerLate();
    const answer = await asked;
    assert.equal(answer['number'], 7);
    assert.equal(answer['secret'], undefined);
    assert.equal(server.accepted, before, 'no new connection');
    assert.deepEqual(await house.closed(), {});
  });

  test('accepts and never speaks: 6 at the deadline, and all goes on when it speaks', async () => {
    const { server, relay, house, clients } = await startPlace({
      clock: hastyClock(20),
      pool: { waitQueueTimeoutMs: 40_000 },
    });
    relay.welcome = 'silence';
    relay.breakAll();
    const { answered, errors } = await askAll(clients, 1);
    assert.equal(answered, 0);
    assert.equal(
      Object.values(errors).reduce((total, count) => total + count, 0),
      CLIENTS,
    );
    assert.deepEqual(
      Object.keys(errors).filter((kind) => kind !== '6' && kind !== '6 NoWritesPerformed'),
      [],
    );
    relay.welcome = 'serve';
    relay.breakAll();
    await eventually('it is found again', async () => (await house.summary()).upstreamReachable);
    assert.equal((await askAll(clients, 1)).answered, CLIENTS);
    assert.ok(server.peak <= CAP + AWAIT_LANE + MONITORS);
  });

  test('comes back under another port, behind the same address: all goes on', async () => {
    const { server, relay, clients } = await startPlace();
    assert.equal((await askAll(clients, 1)).answered, CLIENTS);
    const other = await bench.startServer();
    other.script = echo;
    await server.stop();
    relay.target = other.port;
    relay.breakAll();
    assert.equal((await askAll(clients, 1)).answered, CLIENTS);
    assert.ok(other.peak <= CAP + AWAIT_LANE + MONITORS);
  });

  test('is the primary of a set and dies: the other seed takes over, nobody is disconnected', async () => {
    const [first, second] = [await bench.startServer(), await bench.startServer()];
    const hosts = [first, second].map(({ port }) => `127.0.0.1:${port}`);
    for (const [index, server] of [first, second].entries()) {
      server.script = echo;
      const isPrimary = index === 0;
      server.hello = { setName: 'rs0', hosts, me: hosts[index], isWritablePrimary: isPrimary, secondary: !isPrimary };
    }
    const options = { moreSeeds: [second.port], replicaSet: 'rs0', clock: hastyClock(10) };
    const house = await bench.startHouse(first, options);
    const clients = [await bench.connectClient(house, 'a'), await bench.connectClient(house, 'b')];
    assert.equal((await askAll(clients, 5)).answered, 10);
    assert.equal(second.requests.length, 0);

    second.hello = { ...second.hello, isWritablePrimary: true, secondary: false, setVersion: 2 };
    await first.stop();
    const { answered, errors } = await askAll(clients, 5);
    assert.ok(answered >= 8, JSON.stringify(errors));
    assert.equal(second.requests.length, answered);
    assert.deepEqual(
      clients.map(({ isClosed }) => isClosed),
      [false, false],
    );
    // It comes back as a secondary, for the end of the test.
    first.hello = { ...first.hello, isWritablePrimary: false, secondary: true };
  });
});
