// A three-member scripted replica set behind weir, over real sockets: the primary is killed, steps down, comes back; weir follows
// within one heartbeat or one error. Invariants of every test: clients stay connected, what they see is in protocol.md 5.6, and
// no write is acknowledged that no primary has.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type BsonDocument, Long, UUID } from '../../codecs/index.ts';
import { RawSet } from '../support/raw-set.ts';
import { eventually } from './harness/eventually.ts';
import { hastyClock } from './harness/hasty-clock.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';

/** Ten heartbeats pass in a second. */
const SPEED = 10;

let set: RawSet;
let house: House;
let clients: RawClient[] = [];

beforeEach(async () => {
  set = new RawSet();
  await set.start();
  const [first = 0, ...others] = set.ports;
  house = await House.start({
    upstreamPort: first,
    moreSeeds: others.slice(0, 1),
    clock: hastyClock(SPEED),
    pool: { waitQueueTimeoutMs: 60_000 },
  });
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  await house.stop();
  await set.stop();
});

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(house.port);
  clients.push(client);
  await client.hello('failover');
  return client;
}

const insert = (v: number, over: BsonDocument = {}): BsonDocument => ({ insert: 'x', v, ...over });
const sessionOf = (): BsonDocument => ({ id: new UUID() });
const inTransaction = (lsid: BsonDocument): BsonDocument => ({
  lsid,
  txnNumber: Long.fromNumber(1),
  autocommit: false,
});

async function primaryShown(): Promise<string | undefined> {
  return (await house.servers()).find(({ isInWindow }) => isInWindow)?.address;
}

const addressOf = (index: number): string => `127.0.0.1:${set.ports[index] ?? 0}`;

describe('a primary that is killed', () => {
  test('those who come meanwhile wait, and go on at the next one', async () => {
    const [before, during] = [await connect(), await connect()];
    assert.equal((await before.ask(insert(1)))['ok'], 1);
    await set.kill(0);
    await eventually('it is known to be gone', async () => (await primaryShown()) === undefined);
    const waiting = during.ask(insert(2));
    await eventually('it waits', async () => (await house.pools()).some(({ waiters }) => waiters === 1));
    set.elect(1);
    assert.equal((await waiting)['ok'], 1);
    assert.equal(await primaryShown(), addressOf(1));
    assert.deepEqual(set.written, [1, 2]);
    assert.deepEqual([before.isClosed, during.isClosed], [false, false]);
  });

  test('under load, again and again: only 6, with the right label, and no acknowledged write without a primary', async () => {
    const lsids = Array.from({ length: 8 }, sessionOf);
    const acknowledged: number[] = [];
    const failures = new Map<string, number>();
    let isOver = false;
    const work = lsids.map(async (lsid, worker) => {
      const client = await connect();
      for (let round = 0; !isOver; round++) {
        const v = worker * 1_000_000 + round;
        const answer = await client.ask(insert(v, { lsid, txnNumber: Long.fromNumber(round + 1) }));
        if (answer['ok'] === 1) acknowledged.push(v);
        else {
          const labels = (answer['errorLabels'] as string[] | undefined)?.join(' ') ?? '';
          const shown = `${String(answer['code'])} ${labels}`;
          failures.set(shown, (failures.get(shown) ?? 0) + 1);
        }
      }
      assert.equal(client.isClosed, false);
    });
    for (let round = 0; round < 4; round++) {
      const [old, next] = [round % 3, (round + 1) % 3];
      const before = acknowledged.length;
      await set.kill(old);
      set.elect(next);
      await set.restart(old);
      await eventually('writes go on', () => acknowledged.length > before + 50);
    }
    isOver = true;
    await Promise.all(work);
    const allowed = ['6 RetryableWriteError', '6 RetryableWriteError NoWritesPerformed'];
    for (const shown of failures.keys()) assert.ok(allowed.includes(shown), shown);
    const written = new Set(set.written);
    assert.deepEqual(
      acknowledged.filter((v) => !written.has(v)),
      [],
    );
    const pools = await house.pools();
    assert.ok(pools.every(({ lane, idle, busy }) => lane !== 'ordinary' || idle + busy <= 4));
  });
});

describe('a primary that steps down', () => {
  test('one error tells: the next write finds its successor', async () => {
    const client = await connect();
    assert.equal((await client.ask(insert(1)))['ok'], 1);
    const lsid = sessionOf();
    set.elect(2);
    const answer = await client.ask(insert(2, { lsid, txnNumber: Long.fromNumber(1) }));
    // A heartbeat may have been faster.
    if (answer['ok'] !== 1) {
      assert.deepEqual([answer['code'], answer['errorLabels']], [6, ['RetryableWriteError']]);
      assert.equal((await client.ask(insert(2, { lsid, txnNumber: Long.fromNumber(1) })))['ok'], 1);
    }
    assert.deepEqual(set.written, [1, 2]);
    assert.equal(await primaryShown(), addressOf(2));
  });

  test('nobody asks anything: a heartbeat tells', async () => {
    set.elect(1);
    await eventually('weir follows', async () => (await primaryShown()) === addressOf(1));
  });

  test('cursors that it opened are asked and killed there', async () => {
    const client = await connect();
    const lsid = sessionOf();
    const opened = await client.ask({ find: 'x', lsid });
    const { id } = opened['cursor'] as { id: number };
    set.elect(1);
    await eventually('weir follows', async () => (await primaryShown()) === addressOf(1));
    const more = await client.ask({ getMore: Long.fromNumber(id), collection: 'x', lsid });
    assert.deepEqual((more['cursor'] as { nextBatch: unknown }).nextBatch, [{ at: 0 }]);
    const newer = (await client.ask({ find: 'x', lsid }))['cursor'] as { id: number; firstBatch: unknown };
    assert.deepEqual(newer.firstBatch, [{ at: 1 }]);
    const killed = await client.ask({
      killCursors: 'x',
      cursors: [Long.fromNumber(id), Long.fromNumber(newer.id), Long.fromNumber(9999)],
      lsid,
    });
    assert.deepEqual([killed['cursorsKilled'], killed['cursorsNotFound']], [[id, newer.id], [9999]]);
    assert.deepEqual(
      [...set.cursors.values()].map((cursors) => cursors.size),
      [0, 0, 0],
    );
    assert.equal((await house.summary()).upstreamReachable, true);
  });

  test('a transaction: its statement fails with TransientTransactionError, its commit is not made up', async () => {
    const client = await connect();
    const lsid = sessionOf();
    assert.equal((await client.ask(insert(1, { ...inTransaction(lsid), startTransaction: true })))['ok'], 1);
    set.elect(1);
    const statement = await client.ask(insert(2, inTransaction(lsid)));
    assert.equal(statement['ok'], 0);
    assert.deepEqual(statement['errorLabels'], ['TransientTransactionError']);
    await eventually('weir follows', async () => (await primaryShown()) === addressOf(1));
    const commit = await client.ask({ commitTransaction: 1, ...inTransaction(lsid), $db: 'admin' });
    assert.deepEqual([commit['ok'], commit['code']], [0, 251]);
  });

  test('a commit that is sent again after a failover finds its outcome', async () => {
    const client = await connect();
    const lsid = sessionOf();
    const commit = { commitTransaction: 1, ...inTransaction(lsid), $db: 'admin' };
    assert.equal((await client.ask(insert(1, { ...inTransaction(lsid), startTransaction: true })))['ok'], 1);
    assert.equal((await client.ask(commit))['ok'], 1);
    await set.kill(0);
    set.elect(2);
    let again = await client.ask(commit);
    if (again['ok'] !== 1) {
      assert.deepEqual([again['code'], again['errorLabels']], [6, ['RetryableWriteError']]);
      again = await client.ask(commit);
    }
    assert.equal(again['ok'], 1);
  });
});

describe('a member that dies', () => {
  test('its cursors are not found at once when another is primary; those of others live', async () => {
    const client = await connect();
    const lsid = sessionOf();
    const { id } = (await client.ask({ find: 'x', lsid }))['cursor'] as { id: number };
    await set.kill(0);
    set.elect(1);
    await eventually('weir follows', async () => (await primaryShown()) === addressOf(1));
    const newer = (await client.ask({ find: 'x', lsid }))['cursor'] as { id: number };
    await eventually('its loss is certain', async () => {
      const answer = await client.ask({ getMore: Long.fromNumber(id), collection: 'x', lsid });
      assert.equal(answer['ok'], 0);
      return answer['code'] === 43;
    });
    assert.equal((await client.ask({ getMore: Long.fromNumber(newer.id), collection: 'x', lsid }))['ok'], 1);
  });

  test('a secondary comes and goes: nobody notices', async () => {
    const client = await connect();
    for (const round of [1, 2, 3]) {
      await set.kill(2);
      assert.equal((await client.ask(insert(round)))['ok'], 1);
      await set.restart(2);
    }
    await eventually('all answer', async () => (await house.servers()).every(({ state }) => state === 'up'));
    assert.deepEqual(set.written, [1, 2, 3]);
  });
});
