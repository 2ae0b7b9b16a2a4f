// Ids of what weir sends upstream. Invariant tested: positive, and no two alike for longer than anything is in flight.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestIds } from '../../../src/upstream/request-ids.ts';

test('ids are distinct positive int32s', () => {
  const ids = new RequestIds();
  const seen = new Set(Array.from({ length: 10_000 }, () => ids.next()));
  assert.equal(seen.size, 10_000);
  for (const id of seen) assert.ok(id > 0 && id <= 0x7fff_ffff && Number.isInteger(id), String(id));
});
