// Whether the server can be reached: a probe at the start, another 10 s after each failure, and what clients find out.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { type Logger, silentLogger } from '../../../src/core/logger.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { Target } from '../../../src/passthrough/target.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeServer } from '../../support/fake-server.ts';

const POOL = { maxConnections: 1, maxConnecting: 1, waitQueueTimeoutMs: 1, maxWaiters: 1, awaitConnections: 1 };

let clock: FakeClock;
let server: FakeServer;
let target: Target;
let lines: string[];
const say = (_fields: unknown, sentence: string): void => void lines.push(sentence);
const logger: Logger = { ...silentLogger, info: say, warn: say };

beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  server = new FakeServer(clock, new TurnFlusher(clock));
  target = make(3000);
});

function make(connectTimeoutMs: number): Target {
  const seeds = [{ host: 'db', port: 27017 }];
  return new Target({
    options: { name: 'orders', seeds, replicaSet: null, connectTimeoutMs, pool: POOL },
    connector: server,
    clock,
    logger,
  });
}

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

  test('asks once at a time, and a stop ends that', () => {
    server.isBlackHole = true;
    target = make(60_000);
    target.start();
    for (let i = 0; i < 3; i++) {
      target.onUnreachable('connect_timeout');
      clock.advance(10_000);
    }
    assert.equal(server.dialled.length, 1);
    target.stop();
    assert.equal(clock.timers, 0);
  });

  test('that comes and goes with every client says so once in 10 s, and the last word is true', () => {
    for (let i = 0; i < 100; i++) {
      target.onOpened();
      target.onUnreachable('EMFILE');
    }
    assert.deepEqual(lines, ['upstream is up', 'upstream is not reachable', 'upstream is up']);
    server.isAccepting = false;
    clock.advance(20_000);
    assert.deepEqual(lines.slice(3), ['upstream is not reachable']);
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
