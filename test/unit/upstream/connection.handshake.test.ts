// The handshake of an upstream connection as the connection sees it: messages and steps, whatever they mean.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMessage } from '../../../codecs/index.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import { UpstreamConnection } from '../../../src/upstream/connection.ts';
import type { Handshake, HandshakeStep } from '../../../src/upstream/handshake.ts';
import { RequestIds } from '../../../src/upstream/request-ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemorySocket } from '../../support/memory-socket.ts';

const TIMEOUT_MS = 10_000;

class ScriptedHandshake implements Handshake {
  /** One for each reply; kept back while it is undefined. */
  steps: (HandshakeStep | undefined)[] = [];
  proceed: ((step: HandshakeStep) => void) | null = null;
  replies = 0;

  start(requestId: number): Buffer {
    return encodeMessage({ hello: 1 }, requestId, 0);
  }

  onReply(_reply: unknown, proceed: (step: HandshakeStep) => void): void {
    this.replies++;
    const step = this.steps.shift();
    this.proceed = proceed;
    if (step !== undefined) proceed(step);
  }
}

const say = (name: string): HandshakeStep => ({
  kind: 'send',
  encode: (requestId) => encodeMessage({ [name]: 1 }, requestId, 0),
});

interface Bench {
  readonly clock: FakeClock;
  readonly socket: MemorySocket;
  readonly connection: UpstreamConnection;
  readonly handshake: ScriptedHandshake;
  readonly events: string[];
  readonly written: number[];
  reply(responseTo: number, document?: object): void;
}

function greet(...steps: (HandshakeStep | undefined)[]): Bench {
  const clock = new FakeClock();
  const socket = new MemorySocket(new TurnFlusher(clock));
  const events: string[] = [];
  const written: number[] = [];
  socket.onWritten = (bytes) => written.push(bytes.readInt32LE(4));
  const handshake = new ScriptedHandshake();
  handshake.steps = steps;
  const connection = new UpstreamConnection({
    id: 1,
    generation: 0,
    socket,
    ids: new RequestIds(),
    clock,
    events: {
      onGreeted: () => void events.push('greeted'),
      onIdle: () => void events.push('idle'),
      onClosed: (_gone, reason, detail) => void events.push(`closed ${reason}: ${detail}`),
      onDecodeError: (reason) => void events.push(`decode ${reason}`),
    },
  });
  connection.greet(handshake, TIMEOUT_MS);
  clock.flushTurn();
  const reply = (responseTo: number, document: object = { ok: 1 }): void => {
    socket.feed(encodeMessage(document, 99, responseTo));
    clock.flushTurn();
  };
  return { clock, socket, connection, handshake, events, written, reply };
}

describe('a handshake', () => {
  it('of several messages is greeted once and idle once', () => {
    const bench = greet(say('saslStart'), say('saslContinue'), { kind: 'done' });
    for (const id of [1, 2, 3]) {
      assert.equal(bench.connection.state, 'handshaking');
      bench.reply(id);
    }
    assert.deepEqual(bench.events, ['greeted', 'idle']);
    assert.deepEqual(bench.written, [1, 2, 3]);
    assert.equal(bench.clock.timers, 0);
  });

  it('may take its time between two messages', () => {
    const bench = greet(undefined, undefined);
    bench.reply(1);
    bench.handshake.proceed?.(say('saslStart'));
    bench.clock.flushTurn();
    bench.reply(2);
    assert.deepEqual(bench.events, ['greeted']);
    bench.handshake.proceed?.({ kind: 'done' });
    assert.deepEqual(bench.events, ['greeted', 'idle']);
    assert.equal(bench.connection.state, 'idle');
  });

  it('hears of later replies whether they are ok or not', () => {
    const bench = greet(say('saslStart'), { kind: 'failed', reason: 'login_failed', detail: 'why' });
    bench.reply(1);
    bench.reply(2, { ok: 0, code: 18, errmsg: 'no' });
    assert.deepEqual(bench.events, ['greeted', 'closed login_failed: why']);
  });

  it('ends with a hello that is not ok, unheard', () => {
    const bench = greet({ kind: 'done' });
    bench.reply(1, { ok: 0, code: 1, errmsg: 'no' });
    assert.deepEqual(bench.events, ['closed handshake_failed: no']);
    assert.equal(bench.handshake.replies, 0);
  });

  it('takes no reply to another message, and none while none is due', () => {
    const early = greet(undefined);
    early.reply(1);
    early.reply(2);
    assert.deepEqual(early.events, ['greeted', 'closed response_mismatch: handshake']);
    const wrong = greet(say('saslStart'));
    wrong.reply(1);
    wrong.reply(1);
    assert.deepEqual(wrong.events, ['greeted', 'closed response_mismatch: handshake']);
  });

  it('is over in time or never', () => {
    const bench = greet(say('saslStart'));
    bench.reply(1);
    bench.clock.advance(TIMEOUT_MS);
    assert.deepEqual(bench.events, ['greeted', 'closed endpoint_silent: login not answered in time']);
    bench.handshake.proceed?.({ kind: 'done' });
    assert.equal(bench.events.length, 2);
  });

  it('that ends with bytes left over ends the connection', () => {
    const bench = greet(undefined);
    bench.reply(1);
    bench.socket.feed(Buffer.from([40, 0, 0]));
    bench.handshake.proceed?.({ kind: 'done' });
    assert.match(bench.events.join(), /closed bytes_left/);
  });
});
