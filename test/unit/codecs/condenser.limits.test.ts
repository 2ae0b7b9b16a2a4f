// The condenser's bounds: what it holds, what it keeps of a flood, what it refuses, and that nothing else is thrown.
// Invariant: memory is asserted by what the skimmer says that it holds, never by the process's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DecodeError,
  encodeMessage,
  type Frame,
  OPCODE,
  readAnyRequest,
  readSkimmedReply,
  type SkimmedCounts,
  Skimmer,
  serialize,
} from '../../../codecs/index.ts';
import { body, condense, int32, LARGE, message, skim, text, times } from './large-messages.ts';

test('a message of 48 MB passes with little held', () => {
  const size = 48_000_000;
  const start = Buffer.concat([int32(0), body({ insert: 'items', $db: 'shop' })]);
  const document = serialize({ blob: Buffer.alloc(1_000_000) });
  const documents = Math.floor((size - 16 - start.length - 15) / document.length);
  const head = Buffer.concat([text('documents')]);
  const total = 16 + start.length + 5 + head.length + documents * document.length;
  const opening = Buffer.concat([
    message(OPCODE.msg, start),
    Buffer.from([1]),
    int32(4 + head.length + documents * document.length),
    head,
  ]);
  opening.writeInt32LE(total, 0);
  const seen: SkimmedCounts[] = [];
  let most = 0;
  const skimmer = new Skimmer('client', {
    onMessage: (frame, counts) => {
      assert.equal(frame.wireBytes, total);
      if (counts !== null) seen.push(counts);
    },
    onUnread: () => assert.fail(),
    onResync: () => assert.fail(),
    onEnd: () => assert.fail(),
  });
  skimmer.push(opening);
  for (let n = 0; n < documents; n++) {
    for (let at = 0; at < document.length; at += 65_536) {
      skimmer.push(document.subarray(at, at + 65_536));
      most = Math.max(most, skimmer.heldBytes);
    }
  }
  assert.deepEqual([seen[0]?.of('documents'), seen.length], [documents, 1]);
  assert.ok(total > 47_000_000 && most < 100_000, `${most} bytes were held for ${total}`);
});

test('a flood of fields is kept up to the bound, those that are read later behind it too', () => {
  const flood = Object.fromEntries(times(40, (n) => [`f${n}`, 'x'.repeat(16_000)]));
  const bytes = encodeMessage({ find: 'items', ...flood, comment: 'late', $db: 'shop' }, 77, 0);
  const { seen, most } = skim('client', bytes, 4096);
  const frame = seen[0]?.frame as Frame;
  const view = readAnyRequest(frame);
  assert.deepEqual([view.collection, view.commentValue, view.database], ['items', 'late', 'shop']);
  assert.ok(frame.length < 200_000 && most < 600_000, `${frame.length} kept, ${most} held`);
  const names = [...view.document.elements()].map((element) => element.name);
  assert.ok(names.includes('f0') && !names.includes('f39'));
});

test('a flood of bodies is refused at the second one', () => {
  const empty = Buffer.from([0, 5, 0, 0, 0, 0]);
  const bytes = message(OPCODE.msg, Buffer.concat([int32(0), ...times(200_000, () => empty)]));
  const { seen, unread, most } = skim('client', bytes, 65_536);
  assert.deepEqual(
    [seen.length, unread.map(({ reason, wireBytes }) => [reason, wireBytes])],
    [0, [['two_bodies', bytes.length]]],
  );
  assert.ok(most < 10_000, `${most} bytes were held`);
});

test('documents of a reply are counted behind any number of lists', () => {
  const lists = Object.fromEntries(times(20, (n) => [`list${n}`, times(2000, (index) => index)]));
  const documents = Buffer.concat([serialize(lists), serialize({ a: 1 }), serialize({ a: 2 })]);
  const bytes = message(OPCODE.reply, Buffer.concat([Buffer.alloc(16), int32(3), documents]));
  const { seen } = skim('server', bytes, 10_000);
  const { frame, counts } = seen[0] as (typeof seen)[number];
  assert.equal(readSkimmedReply(frame, counts).batchCount, 3);
});

test('what is left out keeps its type, and nothing of it is kept', () => {
  const secret = 'secret'.repeat(20_000);
  const bytes = encodeMessage(
    { find: 'items', hint: secret, let: { secret }, list: [secret], data: Buffer.from(secret), $db: 'shop' },
    77,
    0,
  );
  const frame = skim('client', bytes, 5000).seen[0]?.frame as Frame;
  const document = readAnyRequest(frame).document;
  assert.ok(!frame.bytes.includes('secret'.repeat(3)));
  assert.equal(document.getString('hint'), '');
  assert.equal(document.getDocument('let')?.raw().length, 5);
  assert.equal(document.getArray('list')?.raw().length, 5);
  assert.equal(document.get('data')?.type, 5);
});

test('a malformed large message costs one count with its reason, the next one is read', () => {
  const good = (LARGE[0] as (typeof LARGE)[number])[2];
  const follower = encodeMessage({ ping: 1, $db: 'admin' }, 78, 0);
  const bodyLength = good.readInt32LE(21);
  const changes: readonly (readonly [string, number, number])[] = [
    ['unknown_required_flag', 16, 4],
    ['unknown_section', 20, 3],
    ['security_token_section', 20, 2],
    ['invalid_bson', 21, 0],
    ['invalid_bson', 25, 0x7e],
    ['bad_sequence', 21 + bodyLength + 4, 0x7f],
    ['bad_sequence', 21 + bodyLength + 5 + 10 + 3, 0x7f],
  ];
  for (const [reason, offset, value] of changes) {
    const bad = Buffer.from(good);
    bad[offset] = value;
    for (const chunkBytes of [bad.length, 1000, 13]) {
      const { seen, unread } = skim('client', Buffer.concat([bad, follower]), chunkBytes);
      assert.deepEqual(
        unread.map((message) => [message.reason, message.requestId, message.wireBytes]),
        [[reason, 77, good.length]],
        `${reason} in pieces of ${chunkBytes}`,
      );
      assert.equal(seen.length, 1);
    }
  }
});

test('nothing but DecodeError comes out of mutated messages, in pieces or not', () => {
  const samples = LARGE.map(([, , bytes]) => bytes);
  fc.assert(
    fc.property(
      fc.nat(samples.length - 1),
      fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 5000 }),
      (index, changes, step) => {
        const bytes = Buffer.from(samples[index] as Buffer);
        for (const [offset, value] of changes) bytes[16 + offset] = value;
        const cuts = times(Math.floor((bytes.length - 17) / step), (n) => (n + 1) * step);
        const outcomes = [[], cuts].map((some) => {
          try {
            return condense(bytes, some).frame.bytes.toString('latin1');
          } catch (error) {
            assert.ok(error instanceof DecodeError, String(error));
            return error.reason;
          }
        });
        assert.equal(outcomes[0], outcomes[1], 'pieces make no difference');
      },
    ),
    { interruptAfterTimeLimit: 3000, numRuns: 5000, markInterruptAsFailure: false },
  );
});
