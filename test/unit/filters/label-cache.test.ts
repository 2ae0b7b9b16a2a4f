// Bounds, equality and sharing of remembered labels. Cleaning itself is tested with stats/label.ts.
// Invariant: whatever was remembered or forgotten, the label is that of the bytes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CUT_FORM } from '../../../src/filters/call-site-cut.ts';
import { LabelCache } from '../../../src/filters/label-cache.ts';

function find(cache: LabelCache, text: string): string {
  const bytes = Buffer.from(`<${text}>`);
  return cache.find(bytes, 1, bytes.length - 1, CUT_FORM.plain);
}

describe('LabelCache', () => {
  it('stays within its bound and right under any sequence of texts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 0, max: 60 })), (maxCached, sequence) => {
        const cache = new LabelCache(maxCached);
        for (const i of sequence) {
          assert.equal(find(cache, `site-${i}`), `site-${i}`);
          assert.ok(cache.sizes.cuts <= maxCached);
          assert.ok(cache.sizes.labels <= maxCached);
        }
      }),
      { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
    );
  });

  it('remembers a call site only once, whatever comes between', () => {
    const cache = new LabelCache(100);
    for (let i = 0; i < 10; i++) for (let site = 0; site < 5; site++) find(cache, `site-${site}`);
    assert.deepEqual(cache.sizes, { cuts: 5, labels: 5 });
  });

  it('keeps texts apart that share a beginning', () => {
    const cache = new LabelCache(100);
    assert.equal(find(cache, 'a'), 'a');
    assert.equal(find(cache, 'ab'), 'ab');
    assert.equal(find(cache, 'a'), 'a');
    assert.equal(find(cache, ''), '');
  });

  it('keeps texts apart whose hashes are the same', () => {
    // Found by search: these two share all 32 bits. A cache that trusted the hash would answer the first for the second.
    const cache = new LabelCache(4);
    for (const text of ['site-08dda5e6', 'site-5a7a88d1', 'site-08dda5e6']) assert.equal(find(cache, text), text);
  });

  it('shares one label among notations', () => {
    const cache = new LabelCache(100);
    find(cache, 'a b');
    cache.find(Buffer.from('a%20b'), 0, 5, CUT_FORM.percent);
    cache.find(Buffer.from('a\\u0020b'), 0, 8, CUT_FORM.json);
    cache.intern('a b');
    assert.deepEqual(cache.sizes, { cuts: 3, labels: 1 });
  });
});
