// Whether the server can be reached: a probe at the start, another 10 s after each failure, and what clients find out.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../src/core/logger.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { Target } from '../../../src/passthrough/target.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeServer } from '../../support/fake-server.ts';

const POOL = { maxConnections: 1, maxConnecting: 1, waitQueueTimeoutMs: 1, maxWaiters: 1, awaitConnections: 1 };

let clock: FakeClock;
let server: FakeServer;
let target: Target;

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeServer(clock, new TurnFlusher(clock));
  const seeds = [{ host: 'db', port: 27017 }];
  target = new Target({
    options: { name: 'orders', seeds, replicaSet: null, connectTimeoutMs: 3000, pool: POOL },
    connector: server,
    clock,
    logger: silentLogger,
  });
});

describe('a target', () => {
  test('is up once a probe connected, which says nothing and is closed', () => {
    assert.equal(target.snapshot().state, 'unknown');
    target.start();
    clock.advance(0);
    assert.equal(target.isUp, true);
    assert.deepEqual([server.connections.length, server.live.length], [1, 0]);
    assert.equal(server.connections[0]?.received.length, 0);
    clock.advance(3_600_000);
    assert.equal(server.connections.length, 1, 'nobody asks again');
    assert.equal(target.snapshot().connects, 0, 'a probe is no connection of a client');
  });

  test('is asked again every 10 s while it is down', () => {
    server.isAccepting = false;
    target.start();
    clock.advance(0);
    assert.equal(target.snapshot().state, 'down');
    clock.advance(25_000);
    assert.equal(server.dialled.length, 3);
    server.isAccepting = true;
    clock.advance(10_000);
    assert.equal(target.isUp, true);
    clock.advance(100_000);
    assert.equal(server.dialled.length, 4);
  });

  test('learns from the connections of clients', () => {
    target.start();
    clock.advance(0);
    target.onUnreachable('ECONNREFUSED');
    target.onUnreachable('ECONNREFUSED');
    assert.equal(target.isUp, false);
    assert.equal(clock.timers, 1);
    target.onOpened();
    assert.equal(target.isUp, true);
    assert.equal(clock.timers, 0);
    target.onClosed('client_closed');
    const { lane, busy, connects, closed, maxConnections, endpoint } = target.snapshot();
    assert.deepEqual(
      { lane, busy, connects, closed, maxConnections, endpoint },
      {
        lane: 'passthrough',
        busy: 0,
        connects: 1,
        closed: { client_closed: 1 },
        maxConnections: 0,
        endpoint: 'db:27017',
      },
    );
  });

  test('gives a silent network up after the time of its uri', () => {
    server.isBlackHole = true;
    target.start();
    clock.advance(2999);
    assert.equal(target.snapshot().state, 'unknown');
    clock.advance(1);
    assert.equal(target.snapshot().state, 'down');
  });

  test('stops asking', () => {
    server.isBlackHole = true;
    target.start();
    target.stop();
    target.onUnreachable('ECONNREFUSED');
    target.stop();
    assert.equal(clock.timers, 0);
  });
});
