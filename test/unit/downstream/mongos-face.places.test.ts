// Every state-change code in every place of a server's answer, through the whole proxy. The rewriting alone is tested in
// mongos-face.test.ts. Invariants tested: no such code reaches a client behind the face of a mongos, at the root, in any write error
// or in the write concern error; labels stay; the monitor is told; the connection of the client stays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, Double, Int32, Long, STATE_CHANGES } from '../../../codecs/index.ts';
import { startRig } from '../../support/rig.ts';

const CODES = [189, 10107, 11602, 13435, 13436, 10058, 91, 11600];
const LABELS = ['RetryableWriteError', 'TransientTransactionError'];
const TEXT = 'Not master while node is recovering: not primary';

interface Place {
  readonly what: string;
  readonly answer: (code: unknown) => BsonDocument;
  /** The error as the client has it. */
  readonly found: (document: BsonDocument) => BsonDocument | undefined;
}

const errorOf = (code: unknown): BsonDocument => ({ code, codeName: 'Y', errmsg: TEXT });

const PLACES: readonly Place[] = [
  { what: 'the root', answer: (code) => ({ ok: 0, ...errorOf(code) }), found: (document) => document },
  {
    what: 'the only write error',
    answer: (code) => ({ ok: 1, n: 0, writeErrors: [{ index: 0, ...errorOf(code) }] }),
    found: (document) => (document['writeErrors'] as BsonDocument[])[0],
  },
  {
    what: 'a later write error',
    answer: (code) => ({
      ok: 1,
      writeErrors: [
        { index: 0, code: 11000, errmsg: 'duplicate' },
        { index: 1, ...errorOf(code) },
      ],
    }),
    found: (document) => (document['writeErrors'] as BsonDocument[])[1],
  },
  {
    what: 'the write concern error',
    answer: (code) => ({ ok: 1, n: 1, writeConcernError: errorOf(code) }),
    found: (document) => document['writeConcernError'] as BsonDocument,
  },
  {
    what: 'the write concern error of a command that failed otherwise',
    answer: (code) => ({ ok: 0, code: 112, codeName: 'WriteConflict', errmsg: 'x', writeConcernError: errorOf(code) }),
    found: (document) => document['writeConcernError'] as BsonDocument,
  },
];

test('the list of codes is the one of protocol.md 2.7', () => {
  assert.deepEqual([...STATE_CHANGES.keys()].sort(), [...CODES].sort());
});

for (const { what, answer, found } of PLACES) {
  describe(`in ${what}`, () => {
    for (const code of CODES) {
      test(`${code} becomes 6`, () => {
        const rig = startRig();
        const client = rig.app('shop');
        for (const typed of [new Int32(code), new Double(code), Long.fromNumber(code)]) {
          const checks = rig.server.hellos.length;
          client.send({ insert: 'a' });
          rig.answer('insert', { ...answer(typed), errorLabels: LABELS, topologyVersion: { counter: 6n } });
          const error = found(client.last);
          assert.deepEqual([error?.['code'], error?.['codeName']], [6, 'HostUnreachable']);
          assert.doesNotMatch(String(error?.['errmsg']), /not master|not primary|node is recovering/i);
          assert.deepEqual(client.last['errorLabels'], LABELS);
          assert.equal(client.last['topologyVersion'], undefined);
          assert.doesNotMatch(JSON.stringify(client.last), new RegExp(`\\b${code}\\b`));
          rig.clock.advance(1000);
          assert.ok(rig.server.hellos.length > checks, 'the monitor asks the server at once');
        }
        assert.equal(client.isClosed, false);
      });
    }

    for (const code of [11000, 112, 6, 251]) {
      test(`${code} is passed on as it came`, () => {
        const rig = startRig();
        const client = rig.app('shop');
        client.send({ insert: 'a' });
        rig.answer('insert', answer(code));
        assert.deepEqual([found(client.last)?.['code'], found(client.last)?.['errmsg']], [code, TEXT]);
      });
    }
  });
}
