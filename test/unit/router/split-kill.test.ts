// One killCursors for cursors at two mongos, through the whole proxy: its parts, its answer, and a person who ends it.
// Invariants tested: each id is in one list of the one answer; who is killed is told once; parts that waited are never sent.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Long } from '../../../codecs/index.ts';
import { FakeSet } from '../../support/fake-set.ts';
import { makeRig, type Rig } from '../../support/rig.ts';
import { cursorReply, FLAG, type TestClient } from '../../support/test-client.ts';

interface Bench {
  readonly rig: Rig;
  readonly client: TestClient;
}

/** A client with cursor 1 at one mongos and cursor 2 at the other. */
function start(): Bench {
  const rig = makeRig({ seeds: FakeSet.seeds('m', 'n'), pool: { maxConnections: 1 } });
  for (const [host, processId] of [
    ['m', '64b64c2f1f1f1f1f1f1f1f0a'],
    ['n', '64b64c2f1f1f1f1f1f1f1f0b'],
  ] as const) {
    rig.server.hosts.set(host, { hello: { msg: 'isdbgrid', setName: undefined }, processId });
  }
  rig.cluster.start();
  rig.clock.advance(0);
  const [client, twin] = [rig.app('shop'), rig.app('shop')];
  client.send({ find: 'x' });
  twin.send({ find: 'x' });
  rig.clock.advance(0);
  const hosts = [1, 2].map((id) => rig.answer('find', cursorReply(id, 'x')).connection.host);
  assert.deepEqual(hosts.toSorted(), ['m', 'n']);
  return { rig, client };
}

const KILL = { killCursors: 'x', cursors: [1n, 2n, 3n] };
const rowOf = (rig: Rig, command: string) => rig.table.rows().find((row) => row.command === command);

function kill({ rig, client }: Bench): string {
  const found = [...rig.downstream.connections].find(({ remotePort }) => remotePort === client.socket.remotePort);
  const how = found?.killOperation(Number(found.current()?.id.split('.')[1] ?? 0)) ?? '';
  rig.settle();
  return how;
}

/** Keeps the only connection of each mongos busy. */
function occupy({ rig }: Bench, count: number): void {
  for (let each = 0; each < count; each++) rig.app('busy').send({ count: 'x' });
}

/** Answers one part. */
function answerPart(rig: Rig): void {
  const named = [rig.server.take('killCursors').document['cursors']].flat();
  rig.answer('killCursors', { cursorsKilled: named.map((id) => Long.fromNumber(Number(id))) });
}

describe('a killCursors for two members', () => {
  test('goes to both, and is answered once', () => {
    const { rig, client } = start();
    client.send(KILL);
    const sent = client.replies.length;
    answerPart(rig);
    assert.equal(client.replies.length, sent);
    answerPart(rig);
    const { cursorsKilled, cursorsNotFound } = client.last;
    assert.deepEqual([cursorsKilled, cursorsNotFound].flat().map(Number).toSorted(), [1, 2, 3]);
    assert.equal(rig.dispatcher.router.cursors.size, 0);
  });

  test('shows where it is', () => {
    const { rig, client } = start();
    const current = () => [...rig.downstream.connections].map((each) => each.current()).find((each) => each !== null);
    client.send(KILL);
    assert.equal(current()?.state, 'at_server');
    assert.match(current()?.server ?? '', /^[mn]:27017$/);
    answerPart(rig);
    assert.equal(current()?.state, 'at_server');
    answerPart(rig);
    assert.equal(current(), undefined);
  });
});

describe('killed by a person', () => {
  test('at the servers: its client is told at once, and what the servers ended is learned', () => {
    const bench = start();
    const { rig, client } = bench;
    client.send(KILL);
    assert.equal(kill(bench), 'answered');
    const told = client.replies.length;
    assert.deepEqual([client.last['code'], client.last['errorLabels'] ?? []], [11_601, []]);
    answerPart(rig);
    answerPart(rig);
    assert.deepEqual([client.replies.length, rig.dispatcher.router.cursors.size], [told, 0]);
    assert.deepEqual([rowOf(rig, 'killCursors')?.countOf('killed'), rowOf(rig, 'killCursors')?.active], [1, 0]);
  });

  test('while all of it waits: nothing is sent', () => {
    const bench = start();
    const { rig, client } = bench;
    occupy(bench, 2);
    client.send(KILL);
    rig.clock.advance(100);
    assert.equal(kill(bench), 'left_queue');
    assert.deepEqual([client.last['code'], client.last['errorLabels']], [11_601, ['NoWritesPerformed']]);
    rig.answer('count', { n: 1 });
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.open('killCursors').length, 0);
    assert.equal(rig.dispatcher.router.cursors.size, 2, 'they live on');
    client.send({ ping: 1, $db: 'admin' });
    assert.equal(client.last['ok'], 1);
  });

  test('one part at its server, one waiting: that one is not sent', () => {
    const bench = start();
    const { rig, client } = bench;
    occupy(bench, 1);
    client.send(KILL);
    assert.equal(rig.server.open('killCursors').length, 1);
    assert.equal(kill(bench), 'answered');
    answerPart(rig);
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.open('killCursors').length, 0);
    assert.deepEqual([rig.dispatcher.router.cursors.size, rowOf(rig, 'killCursors')?.operations], [1, 1]);
  });

  test('one that wants no answer can be ended while it waits, and not later', () => {
    for (const [busy, how, outcome] of [
      [2, 'left_queue', 'killed'],
      [1, 'unanswerable', 'ok'],
    ] as const) {
      const bench = start();
      const { rig, client } = bench;
      occupy(bench, busy);
      client.send(KILL, FLAG.moreToCome);
      assert.equal(kill(bench), how);
      for (let open = busy; open > 0; open--) rig.answer('count', { n: 1 });
      while (rig.server.open('killCursors').length > 0) answerPart(rig);
      assert.equal(rowOf(rig, 'killCursors')?.countOf(outcome), 1, how);
    }
  });
});

test('a client that leaves does not keep the parts from being sent', () => {
  const bench = start();
  const { rig, client } = bench;
  occupy(bench, 1);
  client.send(KILL);
  client.close();
  answerPart(rig);
  rig.answer('count', { n: 1 });
  answerPart(rig);
  assert.equal(rowOf(rig, 'killCursors')?.countOf('client_gone'), 1);
});
