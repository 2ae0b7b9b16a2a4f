// What a hello reply says of its server. Invariant tested: odd values fall back, malformed ones are told from refusals.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, ObjectId, serialize } from '../../../codecs/index.ts';
import { readServerDescription } from '../../../src/upstream/server-description.ts';

const GOOD: BsonDocument = {
  ok: 1,
  isWritablePrimary: true,
  setName: 'rs0',
  me: 'A.example:27017',
  hosts: ['a.example:27017', 'B.EXAMPLE:27018'],
  passives: ['[::1]:27019'],
  arbiters: ['c.example'],
  setVersion: 4,
  electionId: new ObjectId('7fffffff0000000000000009'),
  minWireVersion: 0,
  maxWireVersion: 25,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  logicalSessionTimeoutMinutes: 30,
  topologyVersion: { processId: new ObjectId('64b64c2f1f1f1f1f1f1f1f01'), counter: 3 },
};

const read = (over: BsonDocument): ReturnType<typeof readServerDescription> =>
  readServerDescription(serialize({ ...GOOD, ...over }));

describe('a hello reply', () => {
  test('is read whole', () => {
    assert.deepEqual(read({}), {
      type: 'primary',
      isWritable: true,
      setName: 'rs0',
      me: 'a.example:27017',
      hosts: ['a.example:27017', 'b.example:27018', '[::1]:27019', 'c.example:27017'],
      setVersion: 4,
      electionId: '7fffffff0000000000000009',
      minWireVersion: 0,
      maxWireVersion: 25,
      maxBsonObjectSize: 16_777_216,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      logicalSessionTimeoutMinutes: 30,
      processId: '64b64c2f1f1f1f1f1f1f1f01',
    });
  });

  test('of the legacy form is read too', () => {
    assert.equal(read({ isWritablePrimary: undefined, ismaster: true })?.isWritable, true);
    assert.equal(read({ isWritablePrimary: undefined, ismaster: false })?.isWritable, false);
  });

  test('that is refused is null', () => assert.equal(read({ ok: 0 }), null));

  const ODD: readonly (readonly [field: string, value: unknown, read: unknown])[] = [
    ['setName', 7, null],
    ['maxWireVersion', 'high', 0],
    ['maxBsonObjectSize', Number.NaN, 16_777_216],
    ['maxMessageSizeBytes', null, 48_000_000],
    ['maxWriteBatchSize', undefined, 100_000],
    ['logicalSessionTimeoutMinutes', null, null],
    ['isWritablePrimary', 'yes', false],
    ['me', 'no host at all', null],
    ['me', 'a:99999', null],
    ['setVersion', 'new', null],
    ['electionId', 7, null],
  ];
  for (const [field, value, expected] of ODD) {
    test(`with an odd ${field}`, () => {
      const description = read({ [field]: value }) as unknown as Record<string, unknown> | null;
      assert.equal(description?.[field === 'isWritablePrimary' ? 'isWritable' : field], expected);
    });
  }

  test('with odd hosts names the readable ones, and never more than a hundred', () => {
    const rest = { passives: undefined, arbiters: undefined };
    assert.deepEqual(read({ ...rest, hosts: [7, 'a', '', 'b:0', 'b:x', '[zz]:1', 'u@h:1', 'c:1'] })?.hosts, [
      'a:27017',
      'c:1',
    ]);
    assert.equal(read({ ...rest, hosts: Array.from({ length: 5000 }, (_, i) => `h${i}:1`) })?.hosts.length, 100);
    assert.deepEqual(read({ ...rest, hosts: { 0: 'a' } })?.hosts, []);
  });

  const TYPES: readonly (readonly [type: string, over: BsonDocument])[] = [
    ['primary', {}],
    ['secondary', { isWritablePrimary: false, secondary: true }],
    ['arbiter', { isWritablePrimary: false, arbiterOnly: true }],
    ['other', { isWritablePrimary: false }],
    ['other', { isWritablePrimary: false, secondary: true, hidden: true }],
    ['ghost', { isWritablePrimary: false, setName: undefined, isreplicaset: true }],
    ['mongos', { setName: undefined, msg: 'isdbgrid' }],
    ['standalone', { setName: undefined }],
    ['standalone', { setName: '' }],
  ];
  for (const [type, over] of TYPES) {
    test(`of a ${type}: ${JSON.stringify(over)}`, () => assert.equal(read(over)?.type, type));
  }

  for (const topologyVersion of [undefined, 1, {}, { processId: 'x' }]) {
    test(`without a process id: ${JSON.stringify(topologyVersion)}`, () => {
      assert.equal(read({ topologyVersion })?.processId, '');
    });
  }

  test('with garbage inside a nested document is malformed', () => {
    const bytes = serialize({ ok: 1, topologyVersion: { processId: 'abcdefgh' } });
    const at = bytes.indexOf('abcdefgh') - 4;
    bytes.writeInt32LE(1000, at);
    assert.equal(readServerDescription(bytes), null);
  });
});
