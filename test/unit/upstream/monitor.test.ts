// The monitor alone: when it says hello, what it makes of the answers, of silence, refusals and wrong servers.
// What the cluster does then is cluster.test.ts. Invariant tested: one attempt or connection at a time, no storm.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../src/core/logger.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { Monitor } from '../../../src/upstream/monitor.ts';
import { RequestIds } from '../../../src/upstream/request-ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeServer } from '../../support/fake-server.ts';
import { IDENTITY, malformedHello } from './fixture.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly monitor: Monitor;
  readonly events: string[];
}

function makeMonitor(hosts: readonly string[] = ['a'], replicaSet: string | null = null): Bench {
  const clock = new FakeClock();
  const server = new FakeServer(clock, new TurnFlusher(clock));
  const events: string[] = [];
  const monitor = new Monitor({
    seeds: hosts.map((host) => ({ host, port: 27017 })),
    replicaSet,
    identity: IDENTITY,
    connector: server,
    ids: new RequestIds(),
    clock,
    random: () => 0.5,
    logger: silentLogger,
    events: {
      onAnswer: (address) => void events.push(`answer ${address.host}`),
      // Told twice is as good as once: there is nothing left to destroy.
      onSilent: () => void (events.at(-1) === 'silent' || events.push('silent')),
      onUnusable: () => void events.push('unusable'),
      onDown: () => void events.push('down'),
      onDecodeError: () => {},
    },
  });
  return { clock, server, monitor, events };
}

function started(hosts?: readonly string[], replicaSet?: string): Bench {
  const bench = makeMonitor(hosts, replicaSet);
  bench.monitor.start();
  bench.clock.flushTurn();
  return bench;
}

describe('a monitor of a healthy server', () => {
  test('says hello every 10 s on one connection, metadata only in the first', () => {
    const { clock, server, events } = started();
    clock.advance(35_000);
    assert.equal(server.connections.length, 1);
    assert.deepEqual(events, ['answer a', 'answer a', 'answer a', 'answer a']);
    assert.deepEqual(
      server.hellos.map((hello) => 'client' in hello.document),
      [true, false, false, false],
    );
  });

  test('checks at once when asked, but not more often than twice a second', () => {
    const { clock, server, monitor, events } = started();
    for (let i = 0; i < 100; i++) monitor.checkSoon();
    clock.flushTurn();
    assert.equal(events.length, 1, 'the first answer is fresh enough');
    clock.advance(500);
    for (let i = 0; i < 100; i++) monitor.checkSoon();
    clock.flushTurn();
    assert.equal(events.length, 2);
    clock.advance(10_000);
    assert.equal(events.length, 3, 'the next heartbeat is 10 s after the check');
    assert.equal(server.connections.length, 1);
  });

  test('a check while a hello is under way says no second one', () => {
    const { clock, server, monitor } = started();
    server.answersHello = false;
    clock.advance(10_000);
    clock.advance(1000);
    monitor.checkSoon();
    clock.flushTurn();
    assert.equal(server.hellos.length, 2);
  });

  test('stop ends its connection and its timers', () => {
    const { clock, server, monitor, events } = started();
    monitor.stop();
    clock.advance(60_000);
    assert.equal(server.live.length, 0);
    assert.equal(clock.timers, 0);
    assert.deepEqual(events, ['answer a']);
  });
});

describe('a monitor of a silent server', () => {
  test('waits 10 s for the answer, then tells, then dials again', () => {
    const { clock, server, events } = started();
    server.answersHello = false;
    clock.advance(19_999);
    assert.deepEqual(events, ['answer a']);
    server.answersHello = true;
    clock.advance(1);
    assert.deepEqual(events, ['answer a', 'silent', 'down', 'answer a']);
    assert.equal(server.connections.length, 2);
  });

  test('silence in the handshake is silence too', () => {
    const { clock, server, events } = started();
    server.answersHello = false;
    server.monitor.socket.hangUp();
    clock.advance(1000);
    assert.deepEqual(events, ['answer a', 'down']);
    clock.advance(10_000);
    assert.deepEqual(events.slice(2, 4), ['silent', 'down']);
  });

  test('a dial that times out is silence', () => {
    const { clock, server, events } = started();
    server.isBlackHole = true;
    server.monitor.socket.hangUp();
    clock.advance(10_500);
    assert.deepEqual(events.slice(0, 4), ['answer a', 'down', 'silent', 'down']);
  });
});

describe('a monitor that loses its connection', () => {
  test('under a heartbeat, while the server is well: no silence, a new connection', () => {
    const { clock, server, events } = started();
    server.answersHello = false;
    clock.advance(10_000);
    assert.equal(server.silentHellos.length, 1);
    server.answersHello = true;
    server.monitor.socket.hangUp();
    clock.advance(1000);
    assert.deepEqual(events, ['answer a', 'down', 'answer a']);
  });

  test('and is refused from then on: silence 10 s after it was last heard of, once', () => {
    const { clock, server, events } = started();
    clock.advance(5000);
    server.isAccepting = false;
    server.monitor.socket.hangUp();
    clock.advance(4000);
    assert.equal(events.includes('silent'), false);
    clock.advance(16_000);
    assert.equal(events.includes('silent'), true);
  });
});

describe('a monitor without a server', () => {
  test('tries the seeds in turn', () => {
    const { clock, server, monitor, events } = makeMonitor(['a', 'b', 'c']);
    server.isAccepting = false;
    server.hosts.set('c', { isAccepting: true });
    monitor.start();
    clock.advance(1000);
    assert.deepEqual(server.dialled, ['a', 'b', 'c']);
    assert.deepEqual(events, ['down', 'down', 'answer c']);
  });

  test('does not storm it', () => {
    const { clock, server, monitor } = makeMonitor();
    server.isAccepting = false;
    monitor.start();
    clock.advance(60_000);
    assert.ok(
      server.dialled.length >= 60 && server.dialled.length <= 130,
      `${server.dialled.length} dials in a minute`,
    );
  });
});

describe('a monitor that meets the wrong server', () => {
  test('passes over a secondary and finds the primary', () => {
    const { clock, server, monitor, events } = makeMonitor(['a', 'b']);
    server.hosts.set('a', { hello: { isWritablePrimary: false, secondary: true } });
    monitor.start();
    clock.advance(1000);
    assert.deepEqual(events, ['unusable', 'down', 'answer b']);
    assert.equal(server.live.length, 1);
  });

  test('passes over a server of another replica set, or of none', () => {
    for (const hello of [{ setName: 'other' }, { setName: undefined }]) {
      const { clock, server, monitor, events } = makeMonitor(['a', 'b'], 'rs0');
      server.hosts.set('a', { hello });
      monitor.start();
      clock.advance(1000);
      assert.deepEqual(events, ['unusable', 'down', 'answer b']);
    }
  });

  test('a demotion between two heartbeats is told', () => {
    const { clock, server, events } = started(['a', 'b']);
    server.hosts.set('a', { hello: { isWritablePrimary: false } });
    clock.advance(10_100);
    assert.deepEqual(events, ['answer a', 'unusable', 'down', 'answer b']);
  });

  test('keeps looking, without a storm, while nobody is writable', () => {
    const { clock, server, monitor, events } = makeMonitor(['a', 'b']);
    server.hello = { isWritablePrimary: false };
    monitor.start();
    clock.advance(60_000);
    assert.ok(server.dialled.length <= 130, `${server.dialled.length} dials in a minute`);
    assert.ok(!events.includes('answer a') && !events.includes('answer b'));
  });
});

describe('a monitor that is sent garbage', () => {
  test('as an answer: the connection dies, the next attempt follows', () => {
    const { clock, server, events } = started();
    server.answersHello = false;
    clock.advance(10_000);
    const hello = server.silentHellos.at(-1);
    assert.ok(hello);
    server.answersHello = true;
    hello.connection.socket.feed(Buffer.alloc(64, 0xff));
    clock.advance(1000);
    assert.deepEqual(events, ['answer a', 'down', 'answer a']);
  });

  for (const when of ['first hello', 'heartbeat'] as const) {
    test(`inside a nested document of the ${when}: not thrown, not believed`, () => {
      const { clock, server, monitor, events } = makeMonitor();
      server.answersHello = when === 'heartbeat';
      monitor.start();
      clock.flushTurn();
      server.answersHello = false;
      if (when === 'heartbeat') clock.advance(10_000);
      const hello = server.silentHellos.at(-1);
      assert.ok(hello);
      const before = events.length;
      server.answersHello = true;
      hello.connection.socket.feed(malformedHello(hello.requestId));
      clock.advance(2000);
      assert.equal(events.at(-1), 'answer a');
      assert.ok(events.slice(before).includes('down'), events.join(', '));
    });
  }
});
