// What makes a row short, and how soon it is no longer.
// Invariant tested: unknown is not short.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SEEN_ENOUGH, SHORT_MS, SHORT_REPLY_BYTES, Shortness } from '../../../src/stats/shortness.ts';
import { makeResult } from './results.ts';

function after(count: number, parts: Parameters<typeof makeResult>[0] = {}): Shortness {
  const shortness = new Shortness();
  for (let i = 0; i < count; i++) shortness.note(makeResult(parts));
  return shortness;
}

describe('a row is short', () => {
  test('once enough short operations were seen', () => {
    assert.equal(after(SEEN_ENOUGH - 1).isShort, false);
    assert.equal(after(SEEN_ENOUGH).isShort, true);
  });

  test('never when its operations are slow, large or lost', () => {
    assert.equal(after(100, { serverMs: SHORT_MS + 1 }).isShort, false);
    assert.equal(after(100, { replyBytes: SHORT_REPLY_BYTES + 1 }).isShort, false);
    assert.equal(after(100, { outcome: 'upstream_lost' }).isShort, false);
  });

  test('no longer after a few slow ones, and again after many short ones', () => {
    const shortness = after(1000);
    for (let i = 0; i < 3; i++) shortness.note(makeResult({ serverMs: 100 }));
    assert.equal(shortness.isShort, true);
    shortness.note(makeResult({ serverMs: 100 }));
    assert.equal(shortness.isShort, false);
    for (let i = 0; i < 20; i++) shortness.note(makeResult());
    assert.equal(shortness.isShort, true);
  });

  test('with one slow one in fifty, not with one in ten', () => {
    const seldom = after(SEEN_ENOUGH);
    const often = after(SEEN_ENOUGH);
    for (let i = 1; i <= 1000; i++) {
      seldom.note(makeResult({ serverMs: i % 50 === 0 ? 100 : 1 }));
      often.note(makeResult({ serverMs: i % 10 === 0 ? 100 : 1 }));
    }
    assert.equal(seldom.isShort, true);
    assert.equal(often.isShort, false);
  });
});
