// State-change errors of the server behind the face of a mongos. Pure cases first, then the whole way once.
// Invariants tested: every state-change code becomes 6 wherever it stands; labels, other codes and all other fields keep
// their values and types; topologyVersion goes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, BsonView, Double, deserialize, Int32, Long, serialize } from '../../../codecs/index.ts';
import { rewriteStateChange } from '../../../src/downstream/mongos-face.ts';
import { startRig } from '../../support/rig.ts';

const STATE_CODES = [189, 10107, 11602, 13435, 13436, 10058, 91, 11600];

const rewrite = (document: BsonDocument): BsonDocument =>
  deserialize(serialize(rewriteStateChange(serialize(document))));

describe('a rewritten reply', () => {
  for (const code of STATE_CODES) {
    test(`${code} in the root, in writeErrors and in writeConcernError`, () => {
      const labels = ['RetryableWriteError', 'X'];
      assert.deepEqual(rewrite({ ok: 0, code, codeName: 'Y', errmsg: 'gone', errorLabels: labels }), {
        ok: 0,
        code: 6,
        codeName: 'HostUnreachable',
        errmsg: 'gone',
        errorLabels: labels,
      });
      assert.deepEqual(
        rewrite({
          ok: 1,
          n: 1,
          writeErrors: [
            { index: 0, code: 11000, errmsg: 'duplicate' },
            { index: 3, code, errmsg: 'gone' },
          ],
          writeConcernError: { code, codeName: 'Y', errmsg: 'gone', errInfo: { writeConcern: { w: 2 } } },
        }),
        {
          ok: 1,
          n: 1,
          writeErrors: [
            { index: 0, code: 11000, errmsg: 'duplicate' },
            { index: 3, code: 6, errmsg: 'gone' },
          ],
          writeConcernError: {
            code: 6,
            codeName: 'HostUnreachable',
            errmsg: 'gone',
            errInfo: { writeConcern: { w: 2 } },
          },
        },
      );
    });
  }

  test('the code may be of any number type', () => {
    for (const code of [new Int32(10107), new Double(10107), Long.fromNumber(10107)]) {
      const bytes = serialize(rewriteStateChange(serialize({ ok: 0, code })));
      const element = new BsonView(bytes).get('code');
      assert.equal(element?.type, 16);
      assert.equal(deserialize(bytes)['code'], 6);
    }
  });

  test('texts that old drivers look for are blanked', () => {
    for (const text of [
      'not master',
      'Not Primary or secondary',
      'node is recovering',
      'the NOT MASTER and not primary',
    ]) {
      const errmsg = String(rewrite({ ok: 0, code: 10107, errmsg: text })['errmsg']);
      assert.doesNotMatch(errmsg, /not master|not primary|node is recovering/i);
    }
  });

  test('topologyVersion goes, everything else keeps value and type', () => {
    const document = {
      ok: new Double(0),
      code: new Int32(10107),
      topologyVersion: { counter: Long.fromNumber(1) },
      operationTime: Long.fromNumber(5),
      $clusterTime: { signature: { keyId: Long.fromNumber(7) } },
      n: new Double(3),
    };
    const bytes = serialize(rewriteStateChange(serialize(document)));
    const view = new BsonView(bytes);
    assert.deepEqual(
      [...view.elements()].map(({ name, type }) => [name, type]),
      [
        ['ok', 1],
        ['code', 16],
        ['operationTime', 18],
        ['$clusterTime', 3],
        ['n', 1],
      ],
    );
    assert.equal(view.getDocument('$clusterTime')?.getDocument('signature')?.get('keyId')?.type, 18);
  });
});

describe('through the proxy', () => {
  test('a client never sees a state change, and its server stays a mongos', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ insert: 'a' });
    rig.answer('insert', {
      ok: 0,
      code: 10107,
      codeName: 'NotWritablePrimary',
      errmsg: 'not primary',
      errorLabels: ['RetryableWriteError'],
      topologyVersion: { counter: 6n },
    });
    assert.deepEqual(client.last, {
      ok: 0,
      code: 6,
      codeName: 'HostUnreachable',
      errmsg: '(server state changed)',
      errorLabels: ['RetryableWriteError'],
    });
    assert.equal(client.replies.at(-1)?.responseTo, 2);
  });

  test('a reply without a state change is passed on byte by byte', () => {
    const rig = startRig();
    const client = rig.app('shop');
    for (const answer of [
      { ok: 1, n: 1, topologyVersion: { counter: 6n } },
      { ok: 0, code: 11000, errmsg: 'not primary key' },
      { ok: 1, n: 0, writeErrors: [{ index: 0, code: 11000, errmsg: 'x' }] },
    ]) {
      client.send({ insert: 'a' });
      rig.answer('insert', answer);
      assert.deepEqual(client.raw.at(-1)?.bytes.subarray(16), Buffer.concat([Buffer.alloc(5), serialize(answer)]));
    }
  });

  test('a state change that cannot be decoded whole is an error, not a crash', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.send({ insert: 'a' });
    const request = rig.server.take('insert');
    const bytes = request.encodeReply({ ok: 0, code: 10107, errmsg: 'x', note: { text: 'abcdefgh' } });
    bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
    request.connection.socket.feed(bytes);
    rig.settle();
    assert.equal(client.last['ok'], 0);
    assert.notEqual(client.last['code'], 10107);
    assert.equal(client.isClosed, false);
    assert.equal(rig.table.totals.active, 0);
  });
});
