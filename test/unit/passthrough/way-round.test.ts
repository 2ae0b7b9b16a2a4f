// Who leaves, who stays, and who is not even a suspect: hellos, questions and closes in their orders.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { type BsonDocument, encodeMessage, Frame, readReply } from '../../../codecs/index.ts';
import { ownAddress, WayRound } from '../../../src/passthrough/way-round.ts';
import type { Conversation, SniffedConnection } from '../../../src/sniff/conversation.ts';

const OWN = [ownAddress('0.0.0.0', 27017), ownAddress('::ffff:10.0.0.1', 27017)];
const SET: BsonDocument = { setName: 'rs0', hosts: ['db1:27017', 'db2:27017'], me: 'db1:27017' };

let way: WayRound;
let lastPort: number;

beforeEach(() => {
  way = new WayRound();
  lastPort = 1000;
});

/** A connection that heard this hello at 1000 ms. */
function greeted(hello: BsonDocument, app = 'shop'): Conversation {
  const connection: SniffedConnection = {
    listener: 'main',
    address: '10.1.1.1',
    port: ++lastPort,
    server: 'db1:27017',
  };
  const bytes = encodeMessage({ ok: 1, ...hello }, 2, 1);
  way.onHello(connection, readReply(Frame.of(bytes)), OWN, 1000);
  return { connection, app, driver: 'nodejs 7.9.0' } as Conversation;
}

describe('the way round', () => {
  test('is taken by a driver that closes after a hello which names other hosts', () => {
    const departure = way.onClosed(greeted(SET), true, 1010);
    assert.deepEqual(departure, { app: 'shop', driver: 'nodejs 7.9.0', hosts: 'db1:27017, db2:27017' });
    assert.equal(way.isTaken, true);
  });

  test('is not taken by one that asked something, nor by its monitor', () => {
    const monitor = greeted(SET);
    const pooled = greeted(SET);
    way.onOperation('hello', pooled);
    way.onOperation('find', pooled);
    assert.equal(way.onClosed(monitor, true, 1010), null);
    assert.equal(way.onClosed(pooled, true, 1010), null);
    assert.equal(way.isTaken, false);
  });

  test('is taken by a driver that only said hello and logged in', () => {
    const conversation = greeted(SET);
    for (const command of ['hello', 'isMaster', 'saslStart', 'saslContinue', 'authenticate'])
      way.onOperation(command, conversation);
    assert.notEqual(way.onClosed(conversation, true, 1010), null);
  });

  test('is forgotten when the same kind of client comes back and asks', () => {
    way.onClosed(greeted(SET), true, 1010);
    way.onClosed(greeted(SET, 'other'), true, 1010);
    way.onOperation('find', greeted(SET));
    assert.equal(way.isTaken, true, 'the other one is still gone');
    way.onOperation('find', greeted(SET, 'other'));
    assert.equal(way.isTaken, false);
  });

  test('is no matter of connections that end long after, or from the other side', () => {
    assert.equal(way.onClosed(greeted(SET), true, 11_001), null);
    assert.equal(way.onClosed(greeted(SET), false, 1010), null);
    const forgotten = greeted(SET);
    way.forget(forgotten.connection);
    assert.equal(way.onClosed(forgotten, true, 1010), null);
    assert.equal(way.isTaken, false);
  });

  const harmless: readonly (readonly [string, BsonDocument])[] = [
    ['a standalone', { isWritablePrimary: true }],
    ['a mongos', { msg: 'isdbgrid' }],
    ['a member whose hosts are this listener', { setName: 'rs0', hosts: ['db2:27017', '10.0.0.1:27017'] }],
    ['a hidden member of its own kind', { setName: 'rs0', hosts: [], passives: ['10.0.0.1:27017'] }],
    ['an arbiter without hosts', { setName: 'rs0', arbiterOnly: true }],
    ['hosts that are no list', { setName: 'rs0', hosts: 'db1:27017' }],
  ];
  for (const [what, hello] of harmless) {
    test(`does not begin at ${what}`, () => {
      assert.equal(way.onClosed(greeted(hello), true, 1010), null);
    });
  }

  test('keeps a bounded number of clients in mind', () => {
    for (let client = 0; client < 5000; client++) way.onClosed(greeted(SET, `app ${client}`), true, 1010);
    for (let client = 0; client < 5000; client++) way.onOperation('find', greeted(SET, `app ${client}`));
    assert.equal(way.isTaken, false);
    assert.notEqual(way.onClosed(greeted(SET, 'app 0'), true, 1010), null, 'the oldest was forgotten');
    assert.equal(way.onClosed(greeted(SET, 'app 4999'), true, 1010), null, 'the latest was not');
  });

  test('shows hosts from the wire without control characters', () => {
    const departure = way.onClosed(greeted({ setName: 'x', hosts: ['a\u001b[31m\n:1'] }), true, 1010);
    assert.equal(departure?.hosts, 'a\ufffd[31m\ufffd:1');
  });
});

test('own addresses are written as servers write them', () => {
  assert.equal(ownAddress('DB1.example', 27017), 'db1.example:27017');
  assert.equal(ownAddress('::ffff:127.0.0.1', 1), '127.0.0.1:1');
  assert.equal(ownAddress('::1', 1), '[::1]:1');
});
