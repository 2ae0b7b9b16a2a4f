// What stays of a message after redaction and what does not, for every fixture and for values hidden in every place.
// Does not write recordings. Invariant: no value that was put in comes out, and everything that weir reads stays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  Binary,
  type BsonDocument,
  crc32c,
  deflate,
  encodeMessage,
  encodeReply,
  Frame,
  Long,
  readAnyReply,
  readAnyRequest,
  readCommand,
  redactMessage,
  serialize,
  UUID,
} from '../../../codecs/index.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';
import { readHexFolder } from '../../support/hex.ts';
import { outcomeOf } from './check.ts';
import { assertHidden, CLIENT, encodeQuery, redact, reply, request, SECRET, SERVER, values } from './redaction.ts';

const callSites = new CallSites();

/** What weir reads of a request or reply, without what redaction replaces. */
function readable(name: string, frame: Frame): unknown {
  if (name.includes('reply-')) {
    const { errmsgEnd: _, ...view } = { ...readAnyReply(frame), frame: null };
    return { ...view, id: readAnyReply(frame).cursorId, codeName: readAnyReply(frame).codeName };
  }
  const view = readAnyRequest(frame);
  return {
    ...view,
    frame: null,
    callSite: callSites.of(view),
    ids: view.cursorIds,
    id: view.cursorId,
    lsid: view.lsidKey,
    txn: view.txnNumber,
    statements: view.statementCount,
    namespaces: view.namespaces(),
  };
}

describe('what weir reads of a fixture is the same after redaction', () => {
  for (const { name, bytes } of readHexFolder('frames')) {
    test(name, () => {
      const redacted = redact(bytes, name.includes('reply-') ? SERVER : CLIENT);
      if (redacted.length === bytes.length) {
        assert.deepEqual(readable(name, Frame.of(redacted)), readable(name, Frame.of(Buffer.from(bytes))));
      } else {
        assert.equal(bytes.readInt32LE(12), 2012, 'only inflating changes the length');
      }
    });
  }
});

describe('a malformed message is redacted or becomes its header and zeros', () => {
  for (const { name, bytes } of readHexFolder('malformed')) {
    if (bytes.length < 16) continue;
    test(name, () => {
      for (const options of [CLIENT, SERVER]) {
        const redacted = redact(bytes, options);
        assert.ok(redacted.subarray(0, 16).equals(bytes.subarray(0, 16)));
        assert.equal(redacted.length, bytes.length);
      }
    });
  }
});

describe('no value comes out', () => {
  const requests: Readonly<Record<string, BsonDocument>> = {
    find: { find: 'c', filter: values, sort: values, projection: values, let: values, hint: SECRET, $db: 'd' },
    'known options with other types': { find: 'c', limit: SECRET, skip: values, batchSize: [SECRET], $db: 'd' },
    insert: { insert: 'c', documents: [values, values], $db: 'd' },
    update: {
      update: 'c',
      updates: [{ q: values, u: { $set: values }, arrayFilters: [values], multi: true }],
      $db: 'd',
    },
    delete: { delete: 'c', deletes: [{ q: { _id: SECRET }, limit: 1 }], $db: 'd' },
    findAndModify: { findAndModify: 'c', query: values, update: values, $db: 'd' },
    pipeline: {
      aggregate: 'c',
      pipeline: [
        { $match: values },
        { $lookup: { from: 'other', let: values, pipeline: [{ $match: values }], as: SECRET } },
        { $facet: { one: [{ $group: values }] } },
        { $unionWith: { coll: 'third', pipeline: [{ $addFields: values }] } },
        { $merge: { into: { db: 'e', coll: 'f' }, let: values } },
      ],
      $db: 'd',
    },
    bulkWrite: {
      bulkWrite: 1,
      ops: [{ insert: 0, document: values }],
      nsInfo: [{ ns: 'd.c', x: SECRET }],
      $db: 'admin',
    },
    explain: { explain: { find: 'c', filter: values }, verbosity: 'queryPlanner', $db: 'd' },
    unknown: { somethingNew: 'c', option: values, [SECRET.slice(3)]: SECRET, $db: 'd' },
    'lsid and cluster time': { ping: 1, lsid: { id: new UUID(), uid: SECRET }, $clusterTime: values, $db: 'd' },
    'a user': { usersInfo: SECRET, $db: 'd' },
    'a script': { eval: SECRET, args: [SECRET], $db: 'd' },
    'a host': { replSetSyncFrom: SECRET, $db: 'admin' },
    'a comment': { ping: 1, comment: { callsite: 'x', user: values }, $db: 'd' },
  };
  for (const [name, document] of Object.entries(requests)) {
    test(name, () => assertHidden(redact(encodeMessage(document, 1, 0), CLIENT), name));
  }
  const replies: Readonly<Record<string, BsonDocument>> = {
    cursor: {
      cursor: { id: Long.fromNumber(9), ns: 'd.c', firstBatch: [values, values], postBatchResumeToken: values },
    },
    value: { value: values, lastErrorObject: { n: 1, upserted: SECRET } },
    errors: { errmsg: SECRET, writeErrors: [{ index: 0, code: 11000, errmsg: SECRET, keyValue: values }] },
    hello: { hosts: [SECRET], me: SECRET, primary: SECRET, setName: SECRET, tags: values },
    unknown: { anything: values },
  };
  for (const [name, document] of Object.entries(replies)) {
    test(`reply: ${name}`, () => {
      assertHidden(redact(encodeMessage({ ok: 1, ...document }, 1, 7), SERVER), name);
      assertHidden(redact(encodeReply({ ok: 1, ...document }, 1, 7), SERVER), name);
    });
  }
});

test('shape: names, types, lengths, collections, options, numbers that weir reads', () => {
  const command = {
    aggregate: 'orders',
    pipeline: [
      { $match: { _id: { $in: [1, 2] }, $comment: 'place' } },
      { $lookup: { from: 'people', as: 'who' } },
      { $unionWith: 'more' },
      { $out: { db: 'e', coll: 'f' } },
    ],
    cursor: { batchSize: 5 },
    maxTimeMS: 100,
    readConcern: { level: 'majority' },
    $readPreference: { mode: 'secondary', tags: [{ dc: 'east' }] },
    $db: 'shop',
  };
  assert.deepEqual(request(command), {
    aggregate: 'orders',
    pipeline: [
      { $match: { _id: { $in: [0, 0] }, $comment: 'place' } },
      { $lookup: { from: 'people', as: 'xxx' } },
      { $unionWith: 'more' },
      { $out: { db: 'e', coll: 'f' } },
    ],
    cursor: { batchSize: 5 },
    maxTimeMS: 100,
    readConcern: { level: 'majority' },
    $readPreference: { mode: 'secondary', tags: [{ dc: 'xxxx' }] },
    $db: 'shop',
  });
  assert.deepEqual(
    reply({ errmsg: 'no such user bob', code: 18, codeName: 'AuthenticationFailed', errorLabels: ['a'] }),
    {
      ok: 1,
      errmsg: 'x'.repeat(16),
      code: 18,
      codeName: 'AuthenticationFailed',
      errorLabels: ['a'],
    },
  );
});

describe('identities are hidden, also when values are kept', () => {
  for (const keepsValues of [false, true]) {
    const options = { ...CLIENT, keepsValues };
    for (const name of ['saslStart', 'saslContinue', 'authenticate', 'createUser', 'updateUser']) {
      test(`${name}, values ${keepsValues ? 'kept' : 'replaced'}`, () => {
        const document = {
          [name]: SECRET,
          payload: new Binary(Buffer.from(SECRET)),
          pwd: SECRET,
          roles: [SECRET],
          $db: 'd',
        };
        const redacted = redactMessage(Frame.of(encodeMessage(document, 1, 0)), options);
        assertHidden(redacted.bytes, name);
        assert.ok(redacted.isSecret);
        const legacy = encodeQuery('admin.$cmd', document);
        assertHidden(redactMessage(Frame.of(legacy), options).bytes, `${name} in OP_QUERY`);
        const answer = { conversationId: 1, payload: new Binary(Buffer.from(SECRET)), done: false, other: SECRET };
        assertHidden(
          redact(encodeMessage({ ok: 1, ...answer }, 1, 1), { ...SERVER, keepsValues, isSecretReply: true }),
          name,
        );
      });
    }

    test(`hello, values ${keepsValues ? 'kept' : 'replaced'}`, () => {
      const client = {
        application: { name: 'shop' },
        driver: { name: 'nodejs', version: '7.9.0' },
        os: { type: SECRET, name: SECRET },
        platform: SECRET,
        env: { region: SECRET },
      };
      const speculativeAuthenticate = {
        saslStart: 1,
        mechanism: 'SCRAM-SHA-256',
        payload: new Binary(Buffer.from(SECRET)),
      };
      const hello = { hello: 1, client, speculativeAuthenticate, saslSupportedMechs: `admin.${SECRET}`, $db: 'admin' };
      assertHidden(redact(encodeMessage(hello, 1, 0), options), 'hello');
      assert.deepEqual((request(hello, options)['client'] as BsonDocument)['driver'], client.driver);
      assert.deepEqual((request(hello, options)['client'] as BsonDocument)['application'], client.application);
      const answer = { speculativeAuthenticate: { conversationId: 1, payload: new Binary(Buffer.from(SECRET)) } };
      assertHidden(redact(encodeMessage({ ok: 1, ...answer }, 1, 1), { ...SERVER, keepsValues }), 'reply');
    });
  }

  test('credentials at any depth, when values are kept; the rest stays', () => {
    const options = { ...SERVER, keepsValues: true };
    const users = { users: [{ user: 'bob', credentials: { 'SCRAM-SHA-256': { storedKey: SECRET } } }] };
    assert.deepEqual(reply(users, options), {
      ok: 1,
      users: [{ user: 'bob', credentials: { 'SCRAM-SHA-256': { storedKey: 'xxxxxxxxx' } } }],
    });
    const insert = { insert: 'c', documents: [{ name: 'Ada', pwd: SECRET }], $db: 'd' };
    assert.deepEqual(request(insert, { ...CLIENT, keepsValues: true })['documents'], [
      { name: 'Ada', pwd: 'xxxxxxxxx' },
    ]);
  });
});

test('sequences are redacted as the arrays of their names', () => {
  const body = serialize({ update: 'c', $db: 'd' });
  const documents = serialize({ q: { _id: SECRET, $comment: 'place' }, u: values, multi: true });
  const name = Buffer.from('updates\0');
  const section = Buffer.alloc(5);
  section[0] = 1;
  section.writeInt32LE(4 + name.length + documents.length, 1);
  const head = encodeMessage({}, 5, 0).subarray(0, 20);
  const message = Buffer.concat([head, section, name, documents, Buffer.from([0]), body]);
  message.writeInt32LE(message.length, 0);
  const redacted = redact(message, CLIENT);
  assertHidden(redacted, 'sequence');
  const view = readCommand(Frame.of(redacted));
  assert.equal(view.commentValue, 'place');
  assert.equal(view.statementCount, 1);
});

test('a checksum is right again', () => {
  const plain = encodeMessage({ find: 'c', filter: { a: SECRET }, $db: 'd' }, 1, 0, 1);
  const message = Buffer.concat([plain, Buffer.alloc(4)]);
  message.writeInt32LE(message.length, 0);
  message.writeUInt32LE(crc32c(message, 0, message.length - 4), message.length - 4);
  const redacted = redact(message, CLIENT);
  assert.equal(redacted.length, message.length);
  assert.equal(readCommand(Frame.of(redacted)).collection, 'c');
});

test('a compressed message comes out inflated and redacted; one that would be too large as zeros', () => {
  const plain = encodeMessage({ find: 'c', filter: { a: SECRET }, $db: 'd' }, 9, 0);
  const compressed = deflate(Frame.of(plain), 2);
  const { bytes } = redactMessage(compressed, CLIENT);
  assert.ok(bytes.equals(redact(plain, CLIENT)));
  const refused = redactMessage(compressed, { ...CLIENT, maxInflatedBytes: 10 });
  assert.ok(refused.bytes.subarray(16).every((byte) => byte === 0));
  assert.equal(refused.bytes.length, compressed.length);
});

test('whatever the bytes are, nothing is thrown and the length stays', () => {
  const seeds = readHexFolder('frames').filter(({ bytes }) => bytes.readInt32LE(12) !== 2012);
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.boolean(),
      fc.boolean(),
      ({ bytes }, changes, isClient, keepsValues) => {
        const mutated = Buffer.from(bytes);
        for (const [at, value] of changes) mutated[16 + (at % (mutated.length - 16))] = value;
        const options = { ...(isClient ? CLIENT : SERVER), keepsValues };
        const redacted = redact(mutated, options);
        assert.equal(redacted.length, mutated.length);
        assert.ok(redact(redacted, options).equals(redacted) || keepsValues, 'again changes nothing');
        outcomeOf(isClient ? readAnyRequest : readAnyReply, Frame.of(redacted));
      },
    ),
    { numRuns: 2000 },
  );
});

test('documents nested deeper than the limit are zeros, not a full stack', () => {
  let document: Buffer = serialize({});
  for (let level = 0; level < 5000; level++) {
    const head = Buffer.from([0, 0, 0, 0, 3, 97, 0]);
    document = Buffer.concat([head, document, Buffer.from([0])]);
    document.writeInt32LE(document.length, 0);
  }
  const message = Buffer.concat([encodeMessage({}, 1, 0).subarray(0, 21), document]);
  message.writeInt32LE(message.length, 0);
  assert.ok(
    redact(message, CLIENT)
      .subarray(16)
      .every((byte) => byte === 0),
  );
});
