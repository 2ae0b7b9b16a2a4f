// The search for a message where the place in the stream was lost: after gaps and in streams joined in the middle.
// Does not test what a skimmer does with messages. Invariant: the first whole message behind the loss is found, in every cut,
// and bytes that only look like a header are not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeMessage, encodeReply, type Frame, OPCODE, Skimmer, type SkimSide } from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';
import { cutAt } from './check.ts';

interface Found {
  readonly ids: number[];
  readonly skipped: number[];
  held: number;
}

/** What is read after a gap. */
function search(side: SkimSide, chunks: readonly Buffer[]): Found {
  const found: Found = { ids: [], skipped: [], held: 0 };
  const skimmer = new Skimmer(side, {
    onMessage: (frame: Frame) => found.ids.push(frame.requestId),
    onUnread: () => undefined,
    onResync: (skippedBytes) => found.skipped.push(skippedBytes),
    onEnd: () => assert.fail('a capture is never given up'),
  });
  skimmer.gap();
  for (const chunk of chunks) {
    skimmer.push(chunk);
    found.held = Math.max(found.held, skimmer.heldBytes);
  }
  return found;
}

const request = (id: number): Buffer => encodeMessage({ find: 'items', filter: { a: 1 }, $db: 'shop' }, id, 0);
const reply = (id: number): Buffer =>
  encodeMessage({ cursor: { firstBatch: [{ a: 1 }], id: 0, ns: 'a.b' }, ok: 1 }, id, id - 1);

test('the first whole message is found from every place inside the one before, in every cut', () => {
  for (const [side, make] of [
    ['client', request],
    ['server', reply],
  ] as const) {
    const lost = make(100);
    const rest = Buffer.concat([make(101), make(102)]);
    for (let from = 1; from < lost.length; from++) {
      const stream = Buffer.concat([lost.subarray(from), rest]);
      assert.deepEqual(search(side, [stream]), { ids: [101, 102], skipped: [lost.length - from], held: 0 });
    }
    const stream = Buffer.concat([lost.subarray(30), rest]);
    for (let cut = 1; cut < stream.length; cut++) {
      const { ids, skipped } = search(side, cutAt(stream, [cut]));
      assert.deepEqual([ids, skipped], [[101, 102], [lost.length - 30]], `cut at ${cut}`);
    }
    const everyByte = cutAt(
      stream,
      Array.from({ length: stream.length - 1 }, (_, index) => index + 1),
    );
    const { ids, held } = search(side, everyByte);
    assert.deepEqual(ids, [101, 102]);
    assert.ok(held <= rest.length, `${held} bytes were held`);
  }
});

test('a request that answers -1 instead of nobody is found', () => {
  const odd = request(101);
  odd.writeInt32LE(-1, 8);
  assert.deepEqual(search('client', [Buffer.concat([request(100).subarray(7), odd])]).ids, [101]);
});

test('every fixture is found behind noise', () => {
  const noise = Buffer.from('00'.repeat(40) + 'ff'.repeat(33) + '10000000'.repeat(5), 'hex');
  for (const { name, bytes } of readHexFolder('frames')) {
    const side = name.startsWith('reply') ? 'server' : 'client';
    const isAnswer = bytes.readInt32LE(8) !== 0;
    if (isAnswer !== (side === 'server')) continue;
    const { ids } = search(side, [noise, bytes]);
    assert.deepEqual(ids, [bytes.readInt32LE(4)], name);
  }
});

test('the other direction is not taken for this one', () => {
  assert.deepEqual(search('client', [reply(5)]).ids, []);
  assert.deepEqual(search('server', [request(5)]).ids, []);
  assert.deepEqual(search('client', [encodeReply({ ok: 1 }, 5, 0)]).ids, []);
});

test('the replies of old opcodes are found in the server direction only', () => {
  const answers = [OPCODE.reply, OPCODE.commandReply].map((opcode) => {
    const bytes = encodeReply({ ok: 1 }, 8, 7);
    bytes.writeInt32LE(opcode, 12);
    return bytes;
  });
  for (const bytes of answers) {
    assert.deepEqual(search('server', [Buffer.alloc(3), bytes]).ids, [8]);
    assert.deepEqual(search('client', [Buffer.alloc(3), bytes]).ids, []);
  }
  // Too short for what their opcode needs.
  for (const [side, opcode, ids] of [
    ['client', OPCODE.msg, [1, 0]],
    ['client', OPCODE.compressed, [1, 0]],
    ['server', OPCODE.reply, [1, 1]],
  ] as const) {
    const short = Buffer.alloc(24);
    short.writeInt32LE(24, 0);
    short.writeInt32LE(ids[0], 4);
    short.writeInt32LE(ids[1], 8);
    short.writeInt32LE(opcode, 12);
    assert.deepEqual(search(side, [short]).ids, []);
  }
  const flagged = encodeReply({ ok: 1 }, 8, 7);
  flagged.writeInt32LE(16, 16);
  assert.deepEqual(search('server', [Buffer.alloc(3), flagged]).ids, []);
});

test('what looks like a header is judged by what it says and by what follows', () => {
  const good = request(9);
  const change = (offset: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes.writeInt32LE(value, offset);
    return bytes;
  };
  const bad = [
    change(0, 15),
    change(0, 48_000_001),
    change(12, 2009),
    change(12, OPCODE.reply),
    change(8, 77),
    change(16, 4),
    change(20, 9),
    change(21, good.length),
    change(21, 4),
  ];
  for (const bytes of bad) {
    const { ids } = search('client', [bytes, request(10)]);
    assert.equal(ids.at(-1), 10);
    assert.ok(!ids.includes(9), bytes.toString('hex'));
  }
  // The header is fine, what stands behind the message is none.
  const followed = Buffer.concat([good, Buffer.alloc(20, 0x61), request(10)]);
  assert.deepEqual(search('client', [followed]).ids, [10]);
});

test('a compressed message is found, one whose fields cannot be is not', () => {
  const compressed = (original: number, size: number, compressor: number): Buffer => {
    const bytes = Buffer.alloc(40);
    bytes.writeInt32LE(40, 0);
    bytes.writeInt32LE(3, 4);
    bytes.writeInt32LE(OPCODE.compressed, 12);
    bytes.writeInt32LE(original, 16);
    bytes.writeInt32LE(size, 20);
    bytes[24] = compressor;
    return bytes;
  };
  const noise = Buffer.alloc(10, 0xee);
  assert.deepEqual(search('client', [noise, compressed(OPCODE.msg, 100, 2)]).ids, [3]);
  for (const bytes of [
    compressed(OPCODE.compressed, 100, 2),
    compressed(OPCODE.msg, -1, 2),
    compressed(OPCODE.msg, 9, 4),
  ]) {
    assert.deepEqual(search('client', [noise, bytes]).ids, []);
  }
});

test('a gap in the middle of anything: small, large, skipped, searched', () => {
  const large = encodeMessage({ insert: 'items', documents: [{ a: 'x'.repeat(100_000) }], $db: 'shop' }, 50, 0);
  const strange = Buffer.from(large);
  strange.writeInt32LE(2009, 12);
  for (const lost of [request(50), large, strange, Buffer.alloc(100, 0x41)]) {
    const ids: number[] = [];
    const unread: string[] = [];
    const skimmer = new Skimmer('client', {
      onMessage: (frame) => ids.push(frame.requestId),
      onUnread: (message) => unread.push(message.reason),
      onResync: () => undefined,
      onEnd: () => assert.fail(),
    });
    skimmer.push(request(49));
    skimmer.gap();
    skimmer.push(lost.subarray(0, 60));
    skimmer.gap();
    skimmer.push(Buffer.concat([lost.subarray(70, 90), request(51)]));
    assert.deepEqual(ids, [49, 51]);
  }
});

test('once a capture, always another try: a lost place is searched again', () => {
  const bad = Buffer.from(request(2));
  bad.writeInt32LE(7, 0);
  const { ids, skipped } = search('client', [request(1), bad, request(3)]);
  assert.deepEqual([ids, skipped.length], [[1, 3], 2]);
});

test('random noise costs no more than its bytes and never throws', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
      const { held } = search(
        'server',
        chunks.map((chunk) => Buffer.from(chunk)),
      );
      assert.ok(held <= 65_536);
    }),
    { interruptAfterTimeLimit: 1000, numRuns: 20_000, markInterruptAsFailure: false },
  );
});
