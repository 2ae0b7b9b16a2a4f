// What a hello reply says of its server. Invariant tested: odd values fall back, malformed ones are told from refusals.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BsonDocument, ObjectId, serialize } from '../../../codecs/index.ts';
import { readServerDescription } from '../../../src/upstream/server-description.ts';

const GOOD: BsonDocument = {
  ok: 1,
  isWritablePrimary: true,
  setName: 'rs0',
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
      isWritable: true,
      setName: 'rs0',
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
  ];
  for (const [field, value, expected] of ODD) {
    test(`with an odd ${field}`, () => {
      const description = read({ [field]: value }) as unknown as Record<string, unknown> | null;
      assert.equal(description?.[field === 'isWritablePrimary' ? 'isWritable' : field], expected);
    });
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
