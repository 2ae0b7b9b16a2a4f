// Guards that no text from the wire can reach a terminal, a label or memory unbounded or with tricks in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CUT_MARKER, cleanLabel, isCleanLabel, MAX_LABEL_LENGTH } from '../../../src/stats/label.ts';

test('ordinary texts stay as they are', () => {
  for (const text of ['', '-', 'orders.go:17', 'shop.orders', 'Übergröße', '注文', '😀'])
    assert.equal(cleanLabel(text), text);
});

test('control, reordering and hidden characters are replaced one by one', () => {
  assert.equal(cleanLabel('a\u001b[31mb\r\nc\0'), 'a\ufffd[31mb\ufffd\ufffdc\ufffd');
  assert.equal(
    cleanLabel('a\u202eb\u200bc\u2028d\u0085e\u2066f\ufeffg'),
    'a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg',
  );
});

test('broken surrogates are replaced, whole pairs kept', () => {
  assert.equal(cleanLabel('a\ud83db😀\udc00'), 'a\ufffdb😀\ufffd');
});

test('a long text is cut with a marker', () => {
  const cut = cleanLabel('x'.repeat(5000));
  assert.equal(cut, 'x'.repeat(MAX_LABEL_LENGTH - 1) + CUT_MARKER);
  assert.equal(cleanLabel('x'.repeat(MAX_LABEL_LENGTH)).length, MAX_LABEL_LENGTH);
});

test('a cut through a pair leaves no half of it', () => {
  assert.equal(cleanLabel(`${'x'.repeat(3)}😀yyy`, 5), `xxx\ufffd${CUT_MARKER}`);
});

test('for any text the result is clean, bounded and stays the same when cleaned again', () => {
  const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 12 }), (text, maxLength) => {
      const cleaned = cleanLabel(text, maxLength);
      assert.ok(isCleanLabel(cleaned, maxLength));
      assert.ok(cleaned.length <= maxLength);
      assert.equal(Buffer.from(cleaned).toString(), cleaned);
      assert.equal(cleanLabel(cleaned, maxLength), cleaned);
    }),
    { numRuns: 500 },
  );
});
