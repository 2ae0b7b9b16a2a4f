// Turns on the awaiting lane, through the whole proxy. What happens with room for everybody is in router.await.test.ts.
// Invariants tested: a crowd shares the lane by time, each getMore ends once, with the server's last word, when its await
// time is over or there is something to say; with room a getMore is forwarded byte for byte.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, Double, Long, serialize } from '../../../codecs/index.ts';
import { openStreams, StreamServer, streamReply, Watcher } from '../../support/change-streams.ts';
import { type Rig, type RigOptions, startRig } from '../../support/rig.ts';
import { FLAG, session } from '../../support/test-client.ts';

function crowd(count: number, awaitConnections: number, options: RigOptions = {}): { rig: Rig; all: Watcher[] } {
  const rig = startRig({ ...options, pool: { awaitConnections, ...options.pool } });
  return { rig, all: openStreams(rig, count) };
}

/** Two watchers on a lane of one: the first is at the server, the second waits. */
function pair(options: RigOptions = {}): { rig: Rig; first: Watcher; second: Watcher } {
  const { rig, all } = crowd(2, 1, options);
  const [first, second] = all;
  assert.ok(first && second);
  first.ask();
  second.ask();
  return { rig, first, second };
}

function getMores(rig: Rig): BsonDocument[] {
  return rig.server.requests.filter(({ name }) => name === 'getMore').map(({ document }) => document);
}

/** The first's full time is over: now both take turns. */
function startTurns(options: RigOptions = {}): { rig: Rig; first: Watcher; second: Watcher } {
  const started = pair(options);
  const { rig, first } = started;
  rig.clock.advance(500);
  rig.answer('getMore', streamReply(first.id, [], 1));
  first.ask();
  return started;
}

describe('with room on the lane', () => {
  for (const extra of [{}, { maxTimeMS: 60_000 }, { maxTimeMS: Long.fromNumber(300) }, { maxTimeMS: 0 }]) {
    test(`${JSON.stringify(extra)} goes as it came`, () => {
      const { rig, all } = crowd(5, 10);
      for (const watcher of all) {
        watcher.ask(extra);
        const request = rig.server.open('getMore').at(-1);
        const lsid = session(Number(watcher.id));
        const sent = { getMore: watcher.id, collection: 'log', lsid, ...extra, $db: 'shop' };
        assert.deepEqual(request?.body, serialize(sent));
      }
    });
  }

  test('the server is asked once, and its answer is the answer', () => {
    const { rig, all } = crowd(1, 10);
    const [watcher] = all;
    assert.ok(watcher);
    watcher.ask();
    rig.clock.advance(400);
    rig.answer('getMore', streamReply(watcher.id, [], 77));
    assert.equal(watcher.token, 77, 'an early empty batch is passed on');
    assert.equal(getMores(rig).length, 1);
  });
});

describe('a lane that is half taken', () => {
  test('is asked for a second at a time, and the last token is the one that counts', () => {
    const { rig, all } = crowd(6, 10);
    const streams = new StreamServer(rig);
    for (const watcher of all) watcher.ask({ maxTimeMS: 3000 });
    const sixth = all[5];
    assert.ok(sixth);
    assert.deepEqual(
      streams.turns.map(({ maxTimeMS }) => maxTimeMS),
      [3000, 3000, 3000, 3000, 3000, 1000],
    );
    rig.clock.advance(2999);
    assert.equal(sixth.answers.length, 0);
    assert.deepEqual(streams.turns.filter(({ id }) => id === sixth.id).length, 3);
    rig.clock.advance(1);
    assert.deepEqual(sixth.batch, []);
    assert.equal(sixth.answers.length, 1);
  });
});

describe('more streams than connections', () => {
  test('three on a lane of one: each gets turns, sees its event, and is given the token of its last turn', () => {
    const { rig, all } = crowd(3, 1);
    const streams = new StreamServer(rig);
    for (const watcher of all) watcher.ask();
    rig.clock.advance(1000);
    for (const watcher of all) watcher.ask({ maxTimeMS: 2000 });
    rig.clock.advance(1000);
    const [first, second, third] = all;
    assert.ok(first && second && third);
    for (const { id } of all) {
      assert.ok(streams.turns.filter((turn) => turn.id === id && turn.atMs > 2000).length >= 2, `turns of ${id}`);
    }
    assert.ok(streams.turns.filter(({ atMs }) => atMs > 2000).every(({ maxTimeMS }) => (maxTimeMS ?? 0) <= 200));
    streams.emit(second.id, { n: 7 });
    rig.clock.advance(400);
    assert.deepEqual(second.batch, [{ n: 7 }]);
    rig.clock.advance(600);
    for (const watcher of [first, third]) {
      assert.deepEqual(watcher.batch, []);
      assert.ok(Number(watcher.token) > streams.token - 3, `${String(watcher.token)} of ${streams.token}`);
    }
  });

  test('a turn that is inserted and one that is patched differ in nothing but maxTimeMS', () => {
    for (const [extra, type] of [
      [{}, 16],
      [{ maxTimeMS: 800 }, 16],
      [{ maxTimeMS: Long.fromNumber(800) }, 18],
      [{ maxTimeMS: new Double(800) }, 1],
    ] as const) {
      const { rig, all } = crowd(2, 1);
      const [holder, other] = all;
      assert.ok(holder && other);
      holder.ask();
      other.ask({ ...extra, comment: 'c' });
      rig.clock.advance(100);
      rig.answer('getMore', streamReply(holder.id, [{ n: 1 }], 1));
      const request = rig.server.take('getMore');
      const { maxTimeMS, ...others } = request.document;
      assert.equal(maxTimeMS, 200);
      assert.deepEqual(others, {
        getMore: Number(other.id),
        collection: 'log',
        lsid: session(Number(other.id)),
        comment: 'c',
        $db: 'shop',
      });
      const at = request.body.indexOf('maxTimeMS\0');
      assert.equal(request.body[at - 1], type);
    }
  });

  test('the last turn is no longer than what is left', () => {
    const { rig, second } = startTurns();
    assert.equal(rig.server.take('getMore').document['maxTimeMS'], 200, 'of 500 that are left');
    rig.clock.advance(200);
    rig.answer('getMore', streamReply(second.id, [], 2));
    rig.clock.advance(190);
    rig.answer('getMore', streamReply(100n, [], 3));
    assert.equal(rig.server.take('getMore').document['maxTimeMS'], 110);
    rig.clock.advance(110);
    rig.answer('getMore', streamReply(second.id, [], 4));
    assert.equal(second.token, 4);
    assert.equal(second.answers.length, 1);
  });

  for (const [what, reply, seen] of [
    ['documents', streamReply(101n, [{ n: 1 }], 9), { nextBatch: [{ n: 1 }] }],
    ['an end', streamReply(0n, [], 9), { id: 0 }],
  ] as const) {
    test(`${what} end the turns`, () => {
      const { rig, second } = startTurns();
      rig.answer('getMore', reply);
      for (const [key, value] of Object.entries(seen)) {
        assert.deepEqual((second.last['cursor'] as BsonDocument)[key], value);
      }
      assert.equal(second.answers.length, 1);
    });
  }

  test('an error ends the turns', () => {
    const { rig, second } = startTurns();
    rig.answer('getMore', { ok: 0, code: 286, codeName: 'ChangeStreamHistoryLost', errmsg: 'x' });
    assert.equal(second.last['code'], 286);
    assert.equal(getMores(rig).filter(({ getMore }) => getMore === 101).length, 1);
  });

  test('a state change ends the turns, rewritten', () => {
    const { rig, second } = startTurns();
    rig.answer('getMore', { ok: 0, code: 11600, errmsg: 'x', errorLabels: ['ResumableChangeStreamError'] });
    assert.equal(second.last['code'], 6);
    assert.deepEqual(second.last['errorLabels'], ['ResumableChangeStreamError']);
  });

  test('whose time is over while it waits gets the last word of the server', () => {
    const { rig, first, second } = startTurns();
    rig.clock.advance(100);
    rig.answer('getMore', streamReply(second.id, [], 4));
    rig.answer('getMore', streamReply(first.id, [], 1));
    rig.clock.advance(100);
    rig.answer('getMore', streamReply(second.id, [], 5));
    assert.equal(second.answers.length, 0);
    rig.clock.advance(299);
    assert.equal(second.answers.length, 0);
    rig.clock.advance(1);
    assert.deepEqual([second.batch, second.token], [[], 5]);
    assert.equal(second.client.replies.at(-1)?.responseTo, 3);
  });

  test('a connection lost in mid-turn: change streams resume', () => {
    const { rig, second } = startTurns();
    rig.server.take('getMore').connection.socket.hangUp();
    rig.settle();
    assert.equal(second.last['code'], 6);
    assert.deepEqual(second.last['errorLabels'], ['ResumableChangeStreamError']);
  });

  test('a full queue in mid-turn is no error', () => {
    const { rig, all } = crowd(3, 1, { pool: { maxWaiters: 1 } });
    const [first, second, third] = all;
    assert.ok(first && second && third);
    first.ask();
    second.ask();
    third.ask();
    assert.equal(third.last['code'], 462, 'at the beginning it is');
    rig.clock.advance(100);
    rig.answer('getMore', streamReply(first.id, [], 1));
    first.ask();
    third.ask();
    rig.clock.advance(100);
    rig.answer('getMore', streamReply(second.id, [], 6));
    assert.deepEqual([second.batch, second.token], [[], 6]);
  });

  test('an early crowd is remembered while its clients think', () => {
    const { rig, first, second } = startTurns();
    rig.answer('getMore', streamReply(second.id, [{ n: 1 }], 1));
    rig.answer('getMore', streamReply(first.id, [{ n: 1 }], 1));
    first.ask();
    assert.equal(rig.server.take('getMore').document['maxTimeMS'], 200);
    rig.answer('getMore', streamReply(first.id, [{ n: 1 }], 1));
    rig.clock.advance(2500);
    first.ask();
    assert.equal(rig.server.take('getMore').document['maxTimeMS'], undefined);
  });

  test('that never had a turn goes first the next time', () => {
    const rig = startRig({ pool: { awaitConnections: 1 } });
    // One application, so that nothing but the order of arrival counts.
    const of = (id: bigint): Watcher => new Watcher(rig, id, 'watcher');
    const [holder, patient, early] = [of(100n), of(101n), of(102n)];
    holder.ask({ maxTimeMS: 5000 });
    patient.ask({ maxTimeMS: 100 });
    rig.clock.advance(100);
    assert.deepEqual(patient.batch, []);
    early.ask();
    patient.ask({ maxTimeMS: 100 });
    rig.answer('getMore', streamReply(holder.id, [{ n: 1 }], 1));
    assert.equal(rig.server.take('getMore').document['getMore'], Number(patient.id));
    rig.answer('getMore', streamReply(patient.id, [{ n: 1 }], 1));
    holder.ask();
    patient.ask();
    rig.answer('getMore', streamReply(early.id, [{ n: 1 }], 1));
    assert.equal(rig.server.take('getMore').document['getMore'], Number(holder.id), 'once only');
  });
});

describe('somebody leaves', () => {
  test('a client that is gone between its turns takes no other', () => {
    const { rig, first, second } = startTurns();
    rig.answer('getMore', streamReply(second.id, [], 2));
    assert.equal(rig.server.take('getMore').document['getMore'], Number(first.id));
    second.client.close();
    rig.answer('killCursors', { cursorsKilled: [second.id] });
    rig.answer('getMore', streamReply(first.id, [{ n: 1 }], 3));
    assert.equal(rig.server.open('getMore').length, 0);
    assert.equal(rig.table.totals.active, 0);
  });

  test('a client that is gone in mid-turn is not asked for again', () => {
    const { rig, first, second } = startTurns();
    second.client.close();
    rig.answer('getMore', streamReply(second.id, [], 2));
    assert.equal(rig.server.take('getMore').document['getMore'], Number(first.id));
    rig.answer('getMore', streamReply(first.id, [{ n: 1 }], 3));
    assert.equal(rig.server.open('getMore').length, 0);
    assert.equal(rig.table.totals.active, 0);
  });

  test('a cursor that is killed between its turns: the server hears it, the getMore ends with 237', () => {
    const { rig, second } = startTurns();
    rig.answer('getMore', streamReply(second.id, [], 2));
    const killer = rig.app('watcher');
    killer.send({ killCursors: 'log', cursors: [second.id], lsid: session(101) });
    assert.equal(second.answers.length, 0, 'not before the server has agreed');
    rig.answer('killCursors', { cursorsKilled: [second.id], cursorsNotFound: [], cursorsAlive: [] });
    assert.deepEqual([second.last['code'], second.last['codeName']], [237, 'CursorKilled']);
    assert.equal(second.last['errorLabels'], undefined);
    assert.deepEqual(killer.last['cursorsKilled'], [101]);
    rig.answer('getMore', streamReply(100n, [{ n: 1 }], 3));
    assert.equal(rig.server.open('getMore').length, 0);
    assert.equal(rig.table.totals.active, 0);
  });

  test('a cursor that is killed in mid-turn ends as the server says', () => {
    const { rig, second } = startTurns();
    rig.app('watcher').send({ killCursors: 'log', cursors: [second.id], lsid: session(101) });
    rig.answer('killCursors', { cursorsKilled: [second.id], cursorsNotFound: [], cursorsAlive: [] });
    rig.answer('getMore', streamReply(second.id, [], 8));
    assert.equal(second.token, 8, 'no further turn on a cursor that is gone');
  });

  test('a killCursors that fails ends nothing', () => {
    const { rig, second } = startTurns();
    rig.answer('getMore', streamReply(second.id, [], 2));
    rig.app('watcher').send({ killCursors: 'log', cursors: [second.id], lsid: session(101) });
    rig.answer('killCursors', { ok: 0, code: 13, errmsg: 'x' });
    assert.equal(second.answers.length, 0);
  });
});

describe('weir kill', () => {
  test('an operation that is killed in mid-turn takes no other', () => {
    const { rig, first, second } = startTurns();
    const connection = [...rig.downstream.connections].find(
      ({ remotePort }) => remotePort === second.client.socket.remotePort,
    );
    assert.equal(connection?.killOperation(Number(connection.current()?.id.split('.')[1])), 'answered');
    rig.settle();
    assert.equal(second.last['code'], 11601);
    rig.answer('getMore', streamReply(second.id, [], 2));
    assert.equal(rig.server.take('getMore').document['getMore'], Number(first.id));
    rig.answer('getMore', streamReply(first.id, [{ n: 1 }], 3));
    assert.equal(rig.server.open('getMore').length, 0);
    assert.equal(second.answers.length, 1);
  });
});

describe('numbers', () => {
  test('a getMore of several turns counts once: its waits and its times at the server are summed', () => {
    const { rig, first, second } = startTurns();
    rig.clock.advance(150);
    rig.answer('getMore', streamReply(second.id, [], 2));
    rig.clock.advance(100);
    rig.answer('getMore', streamReply(first.id, [{ n: 1 }], 3));
    rig.clock.advance(50);
    rig.answer('getMore', streamReply(second.id, [{ n: 2 }], 4));
    const row = rig.table.rows().find(({ command, app }) => command === 'getMore' && app === 'watcher 1');
    assert.ok(row);
    assert.equal(row.countOf('ok'), 1);
    // The second: 500 ms and 100 ms here, 150 ms and 50 ms there.
    assert.ok(Math.abs(row.waitTimes.maxMs - 600) < 12, String(row.waitTimes.maxMs));
    assert.ok(Math.abs(row.serverTimes.maxMs - 200) < 5, String(row.serverTimes.maxMs));
    const { turns } = rig.dispatcher.router;
    assert.equal(turns.counts.counts.get('again'), 1);
    assert.equal(rig.table.totals.active, 0);
  });

  test('every answer is given once, whatever the order of ends', () => {
    const { rig, all } = crowd(7, 2);
    const streams = new StreamServer(rig);
    let asked = 0;
    for (let step = 0; step < 400; step++) {
      for (const watcher of all) {
        if (step > 0 && watcher.answers.length < asked / all.length) continue;
      }
      if (all.every((watcher) => watcher.answers.length * all.length === asked)) {
        for (const watcher of all) watcher.ask(step % 2 === 0 ? {} : { maxTimeMS: 150 });
        asked += all.length;
      }
      if (step % 7 === 0) streams.emit(BigInt(100 + (step % 5)), { step });
      rig.clock.advance(25);
    }
    assert.ok(asked > 50);
    assert.ok(all.every((watcher) => asked / all.length - watcher.answers.length <= 1));
    assert.equal(
      rig.table.totals.active,
      all.reduce((sum, { answers }) => sum + asked / all.length - answers.length, 0),
    );
  });

  test('exhaust and checksum are no part of a turn', () => {
    const { rig, all } = crowd(2, 1);
    const [holder, other] = all;
    assert.ok(holder && other);
    holder.ask();
    other.ask({}, FLAG.exhaustAllowed);
    rig.answer('getMore', streamReply(holder.id, [{ n: 1 }], 1));
    assert.equal(rig.server.take('getMore').flagBits, 0);
  });
});
