// Deadlines, classes and departures of those who wait for a connection.
// No connections here: a test takes by hand. Invariant tested: whoever enters leaves exactly once, and nothing stays behind.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AdmissionCounts } from '../../../src/upstream/admission.ts';
import type { Exchange } from '../../../src/upstream/exchange.ts';
import { WaitingRoom } from '../../../src/upstream/waiting-room.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Recorder } from './fixture.ts';

const FREE: AdmissionCounts = { cap: 100, heldByPrivileged: 0, heldByOrdinary: 0, openTransactions: 0 };
const RESERVED: AdmissionCounts = { cap: 2, heldByPrivileged: 0, heldByOrdinary: 1, openTransactions: 1 };

interface Bench {
  readonly clock: FakeClock;
  readonly recorder: Recorder;
  readonly room: WaitingRoom;
  readonly expired: string[];
}

function makeRoom(): Bench {
  const clock = new FakeClock();
  const expired: string[] = [];
  const startMs = clock.nowMs();
  const room = new WaitingRoom(clock, (exchange) => {
    expired.push(`${nameOf(exchange)}@${clock.nowMs() - startMs}`);
    assert.equal(exchange.state, 'done');
  });
  return { clock, recorder: new Recorder(clock), room, expired };
}

function nameOf(exchange: Exchange): string {
  return /find\0.{4}([a-z0-9-]+)\0/s.exec(exchange.frame.bytes.toString('latin1'))?.[1] ?? '?';
}

describe('waiting room', () => {
  test('each kind of bound ends at its own time', () => {
    const { clock, recorder, room, expired } = makeRoom();
    room.enter(recorder.exchange('queue-a'));
    clock.advance(100);
    room.enter(recorder.exchange('queue-b'));
    room.enter(recorder.exchange('max', { waitBound: 'max_time', maxWaitMs: 700 }));
    room.enter(recorder.exchange('await', { waitBound: 'await', maxWaitMs: 1000 }));
    room.enter(recorder.exchange('first', { admission: 'privileged' }));
    assert.equal(room.size, 5);
    assert.equal(room.longestWaitMs(clock.nowMs()), 100);
    clock.advance(10_000);
    assert.deepEqual(expired, ['max@800', 'await@1100', 'queue-a@5000', 'first@5100', 'queue-b@5100']);
    assert.equal(room.size, 0);
    assert.equal(clock.timers, 0);
  });

  test('privileged first, FIFO within a class, none who may not hold', () => {
    const { recorder, room } = makeRoom();
    for (const name of ['a', 'b']) room.enter(recorder.exchange(name));
    for (const name of ['x', 'y']) room.enter(recorder.privileged(name));
    const order = [RESERVED, RESERVED, RESERVED, FREE, FREE, FREE].map((counts) => {
      const taken = room.take(counts);
      return taken === null ? '-' : nameOf(taken);
    });
    assert.deepEqual(order, ['x', 'y', '-', 'a', 'b', '-']);
  });

  test('one that was taken does not expire', () => {
    const { clock, recorder, room, expired } = makeRoom();
    room.enter(recorder.exchange('a'));
    room.enter(recorder.exchange('b', { waitBound: 'max_time', maxWaitMs: 10 }));
    for (const _ of [1, 2]) {
      const taken = room.take(FREE);
      assert.ok(taken);
      taken.state = 'sent';
    }
    clock.advance(60_000);
    assert.deepEqual(expired, []);
  });

  test('one from elsewhere is not late, though another that is due later stands before it', () => {
    const { clock, recorder, room, expired } = makeRoom();
    const moved = recorder.exchange('moved');
    clock.advance(500);
    room.enter(recorder.exchange('max', { waitBound: 'max_time', maxWaitMs: 4900 }));
    room.enter(moved);
    clock.advance(10_000);
    assert.deepEqual(expired, ['moved@5000', 'max@5400']);
  });

  test('a room full of others has a place for the privileged, up to as many again', () => {
    const { recorder, room } = makeRoom();
    const enter = (exchange: Exchange): boolean => {
      const isTaken = room.hasPlaceFor(exchange, 2);
      if (isTaken) room.enter(exchange);
      return isTaken;
    };
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => enter(recorder.exchange(name))),
      [true, true, false],
    );
    assert.deepEqual(
      ['x', 'y', 'z'].map((name) => enter(recorder.privileged(name))),
      [true, true, false],
    );
  });

  test('cancel works once, and only for those who wait', () => {
    const { clock, recorder, room, expired } = makeRoom();
    const waiting = recorder.exchange('a');
    room.enter(waiting);
    assert.equal(room.cancel(waiting), true);
    assert.equal(room.cancel(waiting), false);
    assert.equal(room.size, 0);
    clock.advance(60_000);
    assert.deepEqual(expired, []);
  });

  test('close empties it and tells nobody', () => {
    const { clock, recorder, room, expired } = makeRoom();
    room.enter(recorder.exchange('a'));
    room.enter(recorder.privileged('b'));
    const left = room.close().map(nameOf);
    assert.deepEqual(left.sort(), ['a', 'b']);
    clock.advance(60_000);
    assert.deepEqual(expired, []);
    assert.equal(room.size, 0);
  });

  for (const waitBound of ['queue', 'max_time', 'await'] as const) {
    test(`10 000 cancelled leave nothing behind: ${waitBound}`, () => {
      const { clock, recorder, room } = makeRoom();
      room.enter(recorder.exchange('stays'));
      const before = clock.timers;
      for (let i = 0; i < 10_000; i++) {
        const exchange = recorder.exchange('goes', { waitBound, maxWaitMs: 3_600_000 });
        room.enter(exchange);
        room.cancel(exchange);
      }
      assert.equal(room.size, 1);
      assert.ok(clock.timers - before <= 64, `${clock.timers - before} timers hold exchanges that nobody waits for`);
    });
  }

  test('those who were served leave no timer behind', () => {
    const { clock, recorder, room } = makeRoom();
    for (let i = 0; i < 1000; i++) {
      const exchange = recorder.exchange('served', { waitBound: 'max_time', maxWaitMs: 60_000 });
      room.enter(exchange);
      assert.equal(room.take(FREE), exchange);
      exchange.state = 'sent';
    }
    assert.ok(clock.timers <= 64, `${clock.timers} timers hold exchanges that were served`);
  });
});
