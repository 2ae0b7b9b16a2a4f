// maxTimeMS after a wait for a connection, through the whole proxy: the server gets what is left of it.
// Invariants tested: without a wait the request goes as it came; the limit is never below 1 nor above the client's; only the
// client's own field is written, wherever it stands and whatever its type.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, crc32c, Double, Int32, Long, serialize } from '../../../codecs/index.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { cursorReply, FLAG, session, type TestClient } from '../../support/test-client.ts';

/** A proxy whose only connection is busy. */
function busyRig(): { rig: Rig; client: TestClient } {
  const rig = startRig({ pool: { maxConnections: 1 } });
  rig.app('busy').send({ count: 'x' });
  return { rig, client: rig.app('shop') };
}

describe('maxTimeMS', () => {
  for (const [type, value] of [
    ['int32', new Int32(2000)],
    ['int64', Long.fromNumber(2000)],
    ['double', new Double(2000)],
  ] as const) {
    test(`as ${type} is lowered by the wait, and nothing else changes`, () => {
      const { rig, client } = busyRig();
      const command = { find: 'a', maxTimeMS: value, comment: { maxTimeMS: 9 }, $db: 'shop' };
      client.send(command);
      rig.clock.advance(750.5);
      rig.answer('count', { n: 1 });
      const { body } = rig.server.take('find');
      const left = type === 'double' ? new Double(1250) : type === 'int64' ? Long.fromNumber(1250) : new Int32(1250);
      assert.deepEqual(body, serialize({ ...command, maxTimeMS: left }));
    });
  }

  test('stays as it is without a wait', () => {
    const rig = startRig();
    rig.app('warm').send({ count: 'x' });
    rig.answer('count', { n: 1 });
    rig.clock.advance(100);
    rig.app('shop').send({ find: 'a', maxTimeMS: 50 });
    assert.equal(rig.server.take('find').document['maxTimeMS'], 50);
  });

  test('is 1 at least', () => {
    const { rig, client } = busyRig();
    client.send({ find: 'a', maxTimeMS: 100 });
    rig.clock.advance(99.9);
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.take('find').document['maxTimeMS'], 1);
  });

  test('with nothing left is 50 and is never sent', () => {
    const { rig, client } = busyRig();
    client.send({ insert: 'a', maxTimeMS: 100 });
    rig.clock.advance(100);
    assert.deepEqual([client.last['code'], client.last['errorLabels']], [50, ['NoWritesPerformed']]);
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.open('insert').length, 0);
  });

  test('beyond what the queue allows is lowered as well', () => {
    const { rig, client } = busyRig();
    client.send({ find: 'a', maxTimeMS: 60_000 });
    rig.clock.advance(4000);
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.take('find').document['maxTimeMS'], 56_000);
  });

  for (const maxTimeMS of [0, -5, 2 ** 31, 'x']) {
    test(`${JSON.stringify(maxTimeMS)} is the server's to judge`, () => {
      const { rig, client } = busyRig();
      client.send({ find: 'a', maxTimeMS });
      rig.clock.advance(1000);
      rig.answer('count', { n: 1 });
      assert.equal(rig.server.take('find').document['maxTimeMS'], maxTimeMS);
    });
  }

  test('that is absent is not put in', () => {
    const { rig, client } = busyRig();
    client.send({ find: 'a' });
    rig.clock.advance(1000);
    rig.answer('count', { n: 1 });
    assert.ok(!('maxTimeMS' in rig.server.take('find').document));
  });

  test('of a request with a checksum, which goes', () => {
    const { rig, client } = busyRig();
    const bytes = Buffer.concat([client.encode({ find: 'a', maxTimeMS: 1000 }, FLAG.checksumPresent), Buffer.alloc(4)]);
    bytes.writeInt32LE(bytes.length, 0);
    bytes.writeUInt32LE(crc32c(bytes, 0, bytes.length - 4), bytes.length - 4);
    client.feed(bytes);
    rig.clock.advance(400);
    rig.answer('count', { n: 1 });
    const request = rig.server.take('find');
    assert.equal(request.document['maxTimeMS'], 600);
    assert.equal(request.flagBits, 0);
  });

  test('of a write without an answer', () => {
    const { rig, client } = busyRig();
    client.send({ insert: 'a', writeConcern: { w: 0 }, maxTimeMS: 1000 }, FLAG.moreToCome);
    rig.clock.advance(400);
    rig.answer('count', { n: 1 });
    assert.equal(rig.server.take('insert').document['maxTimeMS'], 600);
  });

  test('of a killCursors that is written anew is left alone', () => {
    const rig = startRig({ pool: { maxConnections: 1 } });
    const client = rig.app('shop');
    client.send({ find: 'a', lsid: session(1) });
    rig.answer('find', cursorReply(9, 'a'));
    rig.app('busy').send({ count: 'x' });
    const command: BsonDocument = { killCursors: 'a', cursors: [8n, 9n], lsid: session(1), maxTimeMS: 1000 };
    client.send(command);
    rig.clock.advance(400);
    rig.answer('count', { n: 1 });
    const { document } = rig.server.take('killCursors');
    assert.deepEqual([document['cursors'], document['maxTimeMS']], [[9], 1000]);
  });

  test('of an awaiting getMore is its await time, not a limit', () => {
    const rig = startRig({ pool: { awaitConnections: 4 } });
    const client = rig.app('shop');
    client.send({ find: 'log', tailable: true, awaitData: true, lsid: session(1) });
    rig.answer('find', cursorReply(9, 'log'));
    // The connection takes a while to be made.
    rig.server.answersHello = false;
    client.send({ getMore: 9n, collection: 'log', lsid: session(1), maxTimeMS: 500 });
    rig.clock.advance(100);
    rig.server.answersHello = true;
    for (const hello of rig.server.silentHellos) hello.reply(rig.server.helloDocument('db'));
    rig.settle();
    assert.equal(rig.server.take('getMore').document['maxTimeMS'], 500);
  });
});
