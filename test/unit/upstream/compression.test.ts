// What a server's answer to the first hello may cost. What is agreed is tested through the whole proxy in
// connection.compression.test.ts. Invariant tested: the work does not grow with the server's list.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { BsonView, encodeMessage } from '../../../codecs/index.ts';
import { CompressionCounts } from '../../../src/core/compression-counts.ts';
import { ServerCompression } from '../../../src/upstream/compression.ts';

const BODY_AT = 21;
const ARRAY = 4;

test('a list of many entries under names of their own is looked at for a few', () => {
  const names = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`x${at}`, at === 3 ? 'zlib' : 'lz4']));
  const bytes = encodeMessage({ compression: names }, 1, 0);
  bytes[BODY_AT + 4] = ARRAY;
  const compression = new ServerCompression({ compressors: ['zlib'], counts: new CompressionCounts() });
  const reads = mock.method(BsonView.prototype, 'getString');
  compression.agree(bytes.subarray(BODY_AT));
  assert.equal(compression.chosen, 'zlib');
  assert.equal(reads.mock.callCount(), 4);
});
