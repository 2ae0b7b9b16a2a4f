// What one hello may cost: a list of compressors comes from anybody, before any login, and may be as long as a message.
// What is agreed is tested through the whole proxy in client-connection.compression.test.ts.
// Invariant tested: the work does not grow with the list.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { BsonView, encodeMessage } from '../../../codecs/index.ts';
import { CompressionCounts } from '../../../src/core/compression-counts.ts';
import { ClientCompression } from '../../../src/downstream/compression.ts';

const BODY_AT = 21;
const ARRAY = 4;

test('a list of many entries under names of their own is looked at for a few', () => {
  const names = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`x${at}`, at === 15 ? 'zlib' : 'lz4']));
  const bytes = encodeMessage({ compression: names }, 1, 0);
  bytes[BODY_AT + 4] = ARRAY;
  const compression = new ClientCompression({ compressors: ['snappy', 'zlib'], counts: new CompressionCounts() });
  const reads = mock.method(BsonView.prototype, 'getString');
  compression.negotiate(new BsonView(bytes, BODY_AT));
  assert.deepEqual(compression.agreed, ['zlib']);
  assert.equal(reads.mock.callCount(), 16);
});
