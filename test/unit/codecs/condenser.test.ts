// The condenser: what it keeps reads like the whole message, for every fixture and for large messages, in every cut.
// Bounds and malformed messages are in condenser.limits.test.ts. Does not test the readers.
// Invariant: a condensed message has the ids, the opcode, the names and the counts of the large one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { partsOf } from '../../../codecs/condenser-rules.ts';
import { DOCUMENTS_COUNT, Frame, OPCODE, SKIM_WHOLE_BYTES, serialize } from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';
import { outcomeOf } from './check.ts';
import {
  body,
  condense,
  type Description,
  described,
  FILLER,
  int32,
  LARGE,
  message,
  plain,
  sequence,
  skim,
  text,
  times,
} from './large-messages.ts';

test('every fixture reads the same condensed, in one piece, byte by byte and cut everywhere', () => {
  for (const { name, bytes } of readHexFolder('frames')) {
    const side = name.startsWith('reply') ? 'server' : 'client';
    if (partsOf(bytes.readInt32LE(12)) === undefined) continue;
    const whole = condense(bytes, []);
    assert.deepEqual(described(side, whole.frame, whole.counts), plain(side, bytes), name);
    assert.equal(whole.frame.requestId, bytes.readInt32LE(4));
    assert.equal(whole.frame.responseTo, bytes.readInt32LE(8));
    assert.equal(whole.frame.wireBytes, bytes.length);
    const last = bytes.length - 17;
    for (const cuts of [times(last, (index) => index + 1), ...times(last, (index) => [index + 1])]) {
      assert.ok(condense(bytes, cuts).frame.bytes.equals(whole.frame.bytes), `${name} cut at ${cuts.join()}`);
    }
    for (let length = 16; length < bytes.length; length++) {
      const cut = Buffer.from(bytes.subarray(0, length));
      cut.writeInt32LE(length, 0);
      outcomeOf(() => condense(cut, []), Frame.of(Buffer.alloc(16)));
    }
  }
});

for (const [name, side, bytes, expected] of LARGE) {
  test(`large: ${name}`, () => {
    assert.ok(bytes.length > SKIM_WHOLE_BYTES, `${bytes.length} bytes are not large`);
    for (const chunkBytes of [bytes.length, 65_536, 1448, 7]) {
      const { seen, unread, most } = skim(side, bytes, chunkBytes);
      assert.deepEqual(unread, []);
      const [only] = seen;
      assert.ok(only !== undefined && seen.length === 1);
      assert.ok(
        only.counts !== null && only.frame.length < SKIM_WHOLE_BYTES * 2,
        `${only.frame.length} bytes are not small`,
      );
      assert.equal(only.frame.wireBytes, bytes.length);
      assert.ok(most < 400_000, `${most} bytes were held`);
      const view = described(side, only.frame, only.counts) as Description;
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(view[key], value, key);
      const whole = plain(side, bytes) as Description;
      for (const key of Object.keys(expected))
        assert.deepEqual(whole[key], view[key], `${key} as in the whole message`);
    }
  });
}

test('counts are told by name', () => {
  const [, , bytes] = LARGE[0] as (typeof LARGE)[number];
  const counts = skim('client', bytes, 1000).seen[0]?.counts;
  assert.equal(counts?.of('documents'), 500);
  assert.equal(counts?.of('absent'), -1);
  assert.equal(
    skim(
      'client',
      message(OPCODE.insert, int32(0), text('a.b'), ...times(80, () => serialize({ FILLER }))),
      999,
    ).seen[0]?.counts?.of(DOCUMENTS_COUNT),
    80,
  );
});

test('random large messages, cut at random, read like the whole ones', () => {
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.double()) },
    { weight: 1, arbitrary: fc.nat(40_000).map((length) => 'v'.repeat(length)) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(400), fc.nat(200)).map(([n, size]) => times(n, () => ({ a: 'e'.repeat(size) }))),
    },
    {
      weight: 1,
      arbitrary: fc.nat(30_000).map((size) => /^a/.exec('a') && { re: /^ab/i, deep: { deeper: 'd'.repeat(size) } }),
    },
  );
  const fields = fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), value, { maxKeys: 8 });
  const command = fc.record({ extra: fields, count: fc.nat(300), size: fc.nat(900), comment: fc.string() });
  fc.assert(
    fc.property(command, fc.array(fc.nat(5000), { maxLength: 20 }), ({ extra, count, size, comment }, steps) => {
      const known = { insert: 'items', ...without(extra), pattern: /^x/, comment, $db: 'shop' };
      const bytes = message(
        OPCODE.msg,
        int32(0),
        body(known),
        sequence(
          'documents',
          times(count, (n) => ({ n, a: 'f'.repeat(size) })),
        ),
      );
      let at = 0;
      const cuts = steps.map((step) => (at += step)).filter((cut) => cut < bytes.length - 16);
      const { frame, counts } = condense(bytes, cuts);
      assert.deepEqual(described('client', frame, counts), plain('client', bytes));
    }),
    { interruptAfterTimeLimit: 3000, numRuns: 2000, markInterruptAsFailure: false },
  );
});

/** Names that would change what the command means. */
function without(extra: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(extra).filter(
      ([key]) =>
        ![
          'insert',
          'documents',
          'comment',
          'lsid',
          'filter',
          'query',
          'pattern',
          'updates',
          'deletes',
          'ops',
          'cursors',
          'cursor',
          'q',
        ].includes(key),
    ),
  );
}
