// Random conversations, cut, damaged and with losses: reading never throws, every operation ends once, memory is bounded,
// and how the bytes were cut makes no difference to what is counted. Time-boxed; a failure prints its seed.
// Does not know what damaged bytes should mean.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COMPRESSORS, deflate, encodeMessage, Frame, Long } from '../../codecs/index.ts';
import type { Conversation } from '../../src/sniff/conversation.ts';
import { readHexFolder } from '../support/hex.ts';
import { makeRig, type SniffRig } from '../unit/sniff/sniff-rig.ts';

const BOX = { interruptAfterTimeLimit: 2500, numRuns: 100_000, markInterruptAsFailure: false } as const;
/** Two directions, each at most a compressed message or what is condensed. */
const HELD_BYTES = 10_000_000;

interface Said {
  readonly from: 'client' | 'server';
  readonly bytes: Buffer;
}

const FIXTURES: readonly Said[] = [...readHexFolder('frames'), ...readHexFolder('malformed')].map(
  ({ name, bytes }) => ({
    from: name.startsWith('reply') ? 'server' : 'client',
    bytes,
  }),
);

const pack = (bytes: Buffer): Buffer => Buffer.from(deflate(Frame.of(bytes), COMPRESSORS.zlib).bytes);

/** A question and its answer, small or large, plain or compressed. */
const exchange: fc.Arbitrary<readonly Said[]> = fc
  .record({
    id: fc.integer({ min: 1, max: 5 }),
    kind: fc.constantFrom('find', 'insert', 'getMore', 'hello'),
    documents: fc.nat(60),
    size: fc.constantFrom(0, 10, 3000),
    isPacked: fc.boolean(),
  })
  .map(({ id, kind, documents, size, isPacked }) => {
    const list = Array.from({ length: documents }, (_, n) => ({ n, text: 'x'.repeat(size) }));
    const question =
      kind === 'insert'
        ? { insert: 'items', documents: list }
        : kind === 'getMore'
          ? { getMore: Long.fromBigInt(7n), collection: 'items' }
          : { [kind]: kind === 'find' ? 'items' : 1 };
    const cursor = {
      [kind === 'getMore' ? 'nextBatch' : 'firstBatch']: list,
      id: Long.fromBigInt(7n),
      ns: 'shop.items',
    };
    const request = encodeMessage({ ...question, comment: `${kind}.ts`, $db: 'shop' }, id, 0);
    const reply = encodeMessage({ ok: 1, n: documents, ...(kind === 'insert' ? {} : { cursor }) }, id + 100, id);
    return [
      { from: 'client', bytes: isPacked ? pack(request) : request },
      { from: 'server', bytes: isPacked ? pack(reply) : reply },
    ];
  });

const talk: fc.Arbitrary<readonly Said[]> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: exchange },
      { weight: 1, arbitrary: fc.constantFrom(...FIXTURES).map((said) => [said]) },
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.flat());

function say(conversation: Conversation, from: Said['from'], bytes: Buffer): void {
  const chunk = Buffer.from(bytes);
  if (from === 'client') conversation.clientBytes(chunk, 1);
  else conversation.serverBytes(chunk, 1);
  chunk.fill(0xdb);
  assert.ok(conversation.heldBytes <= HELD_BYTES);
}

/** Everything that was counted. */
function counted(rig: SniffRig): unknown {
  return [
    rig.rows().map((row) => ({ ...row, serverTimes: null, waitTimes: null })),
    [...rig.decodeErrors].sort(),
    [...rig.ended],
    rig.finished,
  ];
}

function check(rig: SniffRig): void {
  for (const row of rig.table.rows()) assert.equal(row.active, 0, 'every operation is finished');
  for (const key of rig.decodeErrors.keys()) assert.match(key, /^sniffed_(client|server)\|[a-z_]+[A-Z_]*$/);
  assert.equal(rig.sniffer.conversations, 0);
  assert.equal(rig.ended.get('internal_error') ?? 0, 0, 'no mistake of ours');
}

test('how the bytes are cut makes no difference', () => {
  fc.assert(
    fc.property(talk, fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 40 }), (said, sizes) => {
      const whole = makeRig({ inflatesAtOnce: true });
      const pieces = makeRig({ inflatesAtOnce: true });
      const [one, other] = [whole.open(), pieces.open()];
      let turn = 0;
      for (const { from, bytes } of said) {
        say(one, from, bytes);
        for (let at = 0; at < bytes.length; ) {
          const size = sizes[turn++ % sizes.length] as number;
          say(other, from, bytes.subarray(at, at + size));
          at += size;
        }
      }
      one.end(2);
      other.end(2);
      check(whole);
      assert.deepEqual(counted(pieces), counted(whole));
    }),
    BOX,
  );
});

const damage = fc.record({
  at: fc.nat(300),
  kind: fc.constantFrom('byte', 'cut', 'noise', 'gap', 'twice'),
  value: fc.nat(255),
});

test('whatever is done to the bytes, reading never throws and everything ends', () => {
  fc.assert(
    fc.property(talk, fc.array(damage, { maxLength: 8 }), fc.boolean(), (said, damages, inflatesAtOnce) => {
      const rig = makeRig({ inflatesAtOnce });
      const conversation = rig.open();
      for (const [index, { from, bytes }] of said.entries()) {
        const broken = Buffer.from(bytes);
        const done = damages[index % Math.max(1, damages.length)];
        switch (done?.kind) {
          case 'byte':
            broken[done.at % broken.length] = done.value;
            say(conversation, from, broken);
            break;
          case 'cut':
            say(conversation, from, broken.subarray(0, done.at % broken.length));
            break;
          case 'noise':
            say(conversation, from, Buffer.concat([broken, Buffer.alloc(done.at % 40, done.value)]));
            break;
          case 'gap':
            say(conversation, from, broken.subarray(0, done.at % broken.length));
            if (from === 'client') conversation.clientGap(1);
            else conversation.serverGap(1);
            break;
          case 'twice':
            say(conversation, from, Buffer.concat([broken, broken]));
            break;
          case undefined:
            say(conversation, from, broken);
            break;
        }
      }
      conversation.end(2, 'server');
      if (inflatesAtOnce) check(rig);
    }),
    BOX,
  );
});

test('random bytes in both directions', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 100 })), { maxLength: 30 }), (chunks) => {
      const rig = makeRig();
      const conversation = rig.open();
      for (const [isClient, bytes] of chunks) say(conversation, isClient ? 'client' : 'server', Buffer.from(bytes));
      conversation.end(2);
      check(rig);
    }),
    BOX,
  );
});
