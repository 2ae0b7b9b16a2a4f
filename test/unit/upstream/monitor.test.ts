// The monitor of one member alone: when it says hello, and what it tells of answers, silence, refusals and garbage.
// What the answers mean is topology.test.ts, what the cluster does then cluster.test.ts. Invariant tested: one attempt or connection at a time, no storm.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
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
  readonly rtts: number[];
}

function makeMonitor(): Bench {
  const clock = new FakeClock();
  const server = new FakeServer(clock, new TurnFlusher(clock));
  const events: string[] = [];
  const rtts: number[] = [];
  const monitor = new Monitor({
    address: { host: 'a', port: 27017 },
    identity: IDENTITY,
    connector: server,
    ids: new RequestIds(),
    clock,
    random: () => 0.5,
    events: {
      onAnswer: (server, rttMs) => {
        rtts.push(rttMs);
        events.push(`answer ${server.type}`);
      },
      // Told twice is as good as once: there is nothing left to destroy.
      onSilent: () => void (events.at(-1) === 'silent' || events.push('silent')),
      onDown: () => void events.push('down'),
      onDecodeError: () => {},
    },
  });
  return { clock, server, monitor, events, rtts };
}

function started(): Bench {
  const bench = makeMonitor();
  bench.monitor.start();
  bench.clock.flushTurn();
  return bench;
}

describe('a monitor of a healthy server', () => {
  test('says hello every 10 s on one connection, metadata only in the first', () => {
    const { clock, server, events } = started();
    clock.advance(35_000);
    assert.equal(server.connections.length, 1);
    assert.deepEqual(events, ['answer primary', 'answer primary', 'answer primary', 'answer primary']);
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
    assert.deepEqual(events, ['answer primary']);
  });
});

describe('a monitor of a silent server', () => {
  test('waits 10 s for the answer, then tells, then dials again', () => {
    const { clock, server, events } = started();
    server.answersHello = false;
    clock.advance(19_999);
    assert.deepEqual(events, ['answer primary']);
    server.answersHello = true;
    clock.advance(1);
    assert.deepEqual(events, ['answer primary', 'silent', 'down', 'answer primary']);
    assert.equal(server.connections.length, 2);
  });

  test('silence in the handshake is silence too', () => {
    const { clock, server, events } = started();
    server.answersHello = false;
    server.monitor.socket.hangUp();
    clock.advance(1000);
    assert.deepEqual(events, ['answer primary', 'down']);
    clock.advance(10_000);
    assert.deepEqual(events.slice(2, 4), ['silent', 'down']);
  });

  test('a dial that times out is silence', () => {
    const { clock, server, events } = started();
    server.isBlackHole = true;
    server.monitor.socket.hangUp();
    clock.advance(10_500);
    assert.deepEqual(events.slice(0, 4), ['answer primary', 'down', 'silent', 'down']);
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
    assert.deepEqual(events, ['answer primary', 'down', 'answer primary']);
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

  test('that refuses its hello: not believed, not stormed', () => {
    const { clock, server, monitor, events } = makeMonitor();
    server.hello = { ok: 0 };
    monitor.start();
    clock.advance(60_000);
    assert.ok(server.dialled.length <= 130, `${server.dialled.length} dials in a minute`);
    assert.ok(
      events.every((event) => event === 'down' || event === 'silent'),
      events.join(', '),
    );
  });
});

describe('a monitor of a member that takes no writes', () => {
  test('keeps its connection, and tells of every answer', () => {
    const { clock, server, events } = started();
    server.hello = { isWritablePrimary: false, secondary: true };
    clock.advance(20_000);
    assert.deepEqual(events, ['answer primary', 'answer secondary', 'answer secondary']);
    assert.equal(server.connections.length, 1);
  });
});

describe('a hurried monitor', () => {
  test('asks twice a second, and every 10 s again when there is no more hurry', () => {
    const { clock, server, monitor } = started();
    clock.advance(3000);
    monitor.hurry(true);
    clock.advance(4900);
    assert.equal(server.hellos.length, 1 + 10);
    monitor.hurry(false);
    clock.advance(9000);
    assert.equal(server.hellos.length, 1 + 11, 'the one that was due, then none for 10 s');
  });
});

describe('the round trip', () => {
  test('is the time from hello to answer, of the first hello and of later ones', () => {
    const { clock, server, monitor, rtts } = makeMonitor();
    server.answersHello = false;
    monitor.start();
    clock.flushTurn();
    for (const ms of [30, 70]) {
      clock.advance(ms);
      const hello = server.silentHellos.shift();
      assert.ok(hello);
      hello.reply(server.helloDocument());
      clock.advance(10_000);
    }
    assert.deepEqual(rtts, [30, 70]);
  });

  test('trouble while a hello is under way: another one follows soon, its answer may be older', () => {
    const { clock, server, monitor } = started();
    server.answersHello = false;
    clock.advance(10_000);
    monitor.checkSoon();
    server.answersHello = true;
    clock.advance(1000);
    for (const hello of server.silentHellos.splice(0)) hello.reply(server.helloDocument());
    assert.equal(server.hellos.length, 2);
    clock.advance(500);
    assert.equal(server.hellos.length, 3);
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
    assert.deepEqual(events, ['answer primary', 'down', 'answer primary']);
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
      assert.equal(events.at(-1), 'answer primary');
      assert.ok(events.slice(before).includes('down'), events.join(', '));
    });
  }
});
