// Connections on their way to a server that may refuse weir's login: how many at once, and how long until the next attempt.
// What a login says is login/*.test.ts; what a pool makes of it is pool.test.ts. Invariant tested: a server that refuses the
// login is asked by one connection at a time, seldom; as soon as one gets in, all is as before.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeMessage, Int32 } from '../../../codecs/index.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { backoffMs, loginBackoffMs } from '../../../src/upstream/backoff.ts';
import { Establisher } from '../../../src/upstream/establisher.ts';
import type { Handshake } from '../../../src/upstream/handshake.ts';
import { RequestIds } from '../../../src/upstream/request-ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeServer } from '../../support/fake-server.ts';

const RANDOM = 0.5;
const MAX_CONNECTING = 3;
const SENTENCE = 'the server refused the login';

/** Hello, then one message of a login; its reply decides. */
function loginHandshake(): Handshake {
  let isHello = true;
  return {
    start: (id) => encodeMessage({ hello: new Int32(1), $db: 'admin' }, id, 0),
    onReply: (reply, proceed) => {
      if (isHello) {
        isHello = false;
        proceed({ kind: 'send', encode: (id) => encodeMessage({ saslStart: 1, $db: 'admin' }, id, 0) });
      } else if (reply.ok) proceed({ kind: 'done' });
      else proceed({ kind: 'failed', reason: 'login_failed', detail: SENTENCE });
    },
  };
}

interface Bench {
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly establisher: Establisher;
  readonly told: string[];
  /** Starts as many as it may. */
  startAll(): void;
  /** Answers all logins that are under way. */
  answerLogins(isRight: boolean): void;
  /** How long it waits from now on before the next attempt; null: it does not. */
  pauseMs(): number | null;
}

function makeBench(): Bench {
  const clock = new FakeClock();
  const server = new FakeServer(clock, new TurnFlusher(clock));
  const told: string[] = [];
  const establisher = new Establisher({
    maxConnecting: MAX_CONNECTING,
    connectTimeoutMs: 10_000,
    connector: server,
    ids: new RequestIds(),
    clock,
    random: () => RANDOM,
    events: {
      makeHandshake: loginHandshake,
      onGreeted: () => true,
      onIdle: () => void told.push('idle'),
      onClosed: (_connection, reason) => void told.push(`closed ${reason}`),
      onFailed: (reason, detail) => void told.push(`failed ${reason} ${detail}`),
      onMayRetry: () => void told.push('may retry'),
      onDecodeError: () => {},
    },
  });
  const startAll = (): void => {
    while (establisher.mayStart) establisher.start({ host: 'a', port: 27_017 });
    clock.flushTurn();
  };
  const answerLogins = (isRight: boolean): void => {
    for (const request of server.open('saslStart')) request.reply(isRight ? {} : { ok: 0, code: 18 });
    clock.flushTurn();
  };
  const pauseMs = (): number | null => {
    const seen = told.length;
    for (let ms = 1; ms <= 20_000; ms++) {
      clock.advance(1);
      if (told.length > seen) return ms;
    }
    return null;
  };
  return { clock, server, establisher, told, startAll, answerLogins, pauseMs };
}

/** One round: an attempt, refused. */
function refuse(bench: Bench): number | null {
  bench.startAll();
  bench.answerLogins(false);
  return bench.pauseMs();
}

describe('a login that is refused', () => {
  test('is told once for each connection, with its sentence; none of them was ever idle', () => {
    const bench = makeBench();
    bench.startAll();
    assert.equal(bench.server.open('saslStart').length, MAX_CONNECTING);
    bench.answerLogins(false);
    assert.deepEqual(bench.told, new Array(MAX_CONNECTING).fill(`failed login_failed ${SENTENCE}`));
    assert.equal(bench.establisher.pending, 0);
    assert.equal(bench.establisher.made, 0);
    assert.equal(bench.server.live.length, 0);
  });

  test('is tried again by one connection at a time', () => {
    const bench = makeBench();
    refuse(bench);
    const before = bench.server.connections.length;
    bench.startAll();
    assert.equal(bench.server.connections.length, before + 1);
    assert.equal(bench.establisher.mayStart, false, 'while it is under way');
    bench.answerLogins(false);
    assert.equal(bench.establisher.mayStart, false, 'while it pauses');
  });

  test('is tried again after longer and longer pauses, up to fifteen seconds', () => {
    const bench = makeBench();
    // Three at once count as three.
    const pauses = Array.from({ length: 8 }, () => refuse(bench));
    const first = [1, 1 + 3, 2 + 3, 3 + 3, 4 + 3, 5 + 3, 6 + 3, 7 + 3];
    assert.deepEqual(
      pauses,
      first.map((failures) => loginBackoffMs(failures, RANDOM)),
    );
    assert.equal(pauses.at(-1), 11_250);
  });

  test('is forgotten with the first that succeeds', () => {
    const bench = makeBench();
    refuse(bench);
    refuse(bench);
    bench.startAll();
    bench.answerLogins(true);
    assert.equal(bench.told.at(-1), 'idle');
    assert.equal(bench.establisher.made, 1);
    bench.startAll();
    assert.equal(bench.server.open('saslStart').length, MAX_CONNECTING, 'as many at once as ever');
    bench.answerLogins(true);
    assert.equal(bench.establisher.made, 1 + MAX_CONNECTING);
    bench.server.isAccepting = false;
    bench.startAll();
    assert.match(bench.told.at(-1) ?? '', /^failed connect_failed/);
    // The count of failures in a row ends with the first answer to an operation, the long pauses end at once.
    assert.ok((bench.pauseMs() ?? Infinity) <= backoffMs(100, RANDOM));
  });
});

describe('other failures', () => {
  test('pause as ever and do not bring it down to one attempt', () => {
    const bench = makeBench();
    bench.startAll();
    for (const connection of bench.server.connections) connection.socket.hangUp();
    assert.equal(bench.pauseMs(), Math.ceil(backoffMs(1, RANDOM)));
    bench.startAll();
    assert.equal(bench.establisher.pending, MAX_CONNECTING);
  });

  test('a stopped one does not try again', () => {
    const bench = makeBench();
    bench.startAll();
    bench.answerLogins(false);
    bench.establisher.stop();
    assert.equal(bench.pauseMs(), null);
  });
});
