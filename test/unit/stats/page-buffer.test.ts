// Guards the page's bytes: whatever the pieces and however wrong the expectation, they are those of the joined text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PageBuffer } from '../../../src/stats/page-buffer.ts';

// Some pieces are longer than the smallest buffer, some need three bytes a unit.
const piece = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 50 }),
  fc.tuple(fc.constantFrom('a', 'é', '…', '𝄞'), fc.integer({ min: 1, max: 40_000 })).map(([text, n]) => text.repeat(n)),
);

test('the bytes are those of all pieces joined', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(300_000), (pieces, expectedBytes) => {
      const page = new PageBuffer(expectedBytes);
      for (const text of pieces) page.add(text);
      assert.ok(page.take().equals(Buffer.from(pieces.join(''))));
    }),
    { numRuns: 200 },
  );
});
