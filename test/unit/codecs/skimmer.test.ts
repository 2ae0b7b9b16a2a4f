// The skimmer: every fixture in every cut, what is held, what is refused, foreign openings. Large messages of every opcode
// are in skimmer.large.test.ts, condensing in condenser.test.ts, the search after a gap in header-search.test.ts.
// Invariant: whatever is pushed, nothing is thrown, and what is held stays below the bounds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeMessage,
  type Frame,
  MAX_MESSAGE_BYTES,
  OPCODE,
  SKIM_WHOLE_BYTES,
  type SkimEnd,
  type SkimmedCounts,
  Skimmer,
  type SkimmerSink,
  type SkimSide,
  type UnreadMessage,
} from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';
import { cutAt } from './check.ts';

/** Everything a skimmer says, with copies of the bytes. */
class Heard implements SkimmerSink {
  readonly messages: { bytes: Buffer; wireBytes: number; counts: SkimmedCounts | null }[] = [];
  readonly unread: UnreadMessage[] = [];
  readonly resyncs: number[] = [];
  ended: SkimEnd | null = null;

  onMessage(frame: Frame, counts: SkimmedCounts | null): void {
    this.messages.push({ bytes: Buffer.from(frame.bytes), wireBytes: frame.wireBytes, counts });
  }

  onUnread(message: UnreadMessage): void {
    this.unread.push(message);
  }

  onResync(skippedBytes: number): void {
    this.resyncs.push(skippedBytes);
  }

  onEnd(reason: SkimEnd): void {
    this.ended = reason;
  }
}

function skim(chunks: readonly Buffer[], side: SkimSide = 'client'): Heard {
  const heard = new Heard();
  const skimmer = new Skimmer(side, heard);
  for (const chunk of chunks) skimmer.push(chunk);
  return heard;
}

const everyByte = (bytes: Buffer): Buffer[] =>
  cutAt(
    bytes,
    Array.from({ length: bytes.length - 1 }, (_, index) => index + 1),
  );

function header(length: number, opcode: number = OPCODE.msg, ids: readonly [number, number] = [1, 0]): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(length, 0);
  bytes.writeInt32LE(ids[0], 4);
  bytes.writeInt32LE(ids[1], 8);
  bytes.writeInt32LE(opcode, 12);
  return bytes;
}

const PING = encodeMessage({ ping: 1, $db: 'admin' }, 7, 0);

test('every fixture comes out as it went in: whole, byte by byte, cut everywhere, with a follower', () => {
  for (const { name, bytes } of readHexFolder('frames')) {
    const side = name.startsWith('reply') ? 'server' : 'client';
    const both = Buffer.concat([bytes, PING]);
    const ways = [[both], everyByte(both)];
    for (let cut = 1; cut < both.length; cut++) ways.push(cutAt(both, [cut]));
    for (const chunks of ways) {
      const heard = skim(chunks, side);
      assert.deepEqual(
        heard.messages.map((message) => message.bytes),
        [bytes, PING],
        name,
      );
      assert.deepEqual([heard.unread, heard.ended], [[], null]);
    }
    for (let length = 0; length < bytes.length; length++) {
      const cut = skim([Buffer.from(bytes.subarray(0, length))], side);
      assert.deepEqual([cut.messages, cut.unread, cut.ended], [[], [], null], `${name} truncated at ${length}`);
    }
  }
});

test('a whole message in a chunk shares its memory, one in pieces does not', () => {
  const shared: boolean[] = [];
  let chunk: Buffer = Buffer.concat([PING, PING]);
  const skimmer = new Skimmer('server', {
    onMessage: (frame) => shared.push(frame.bytes.buffer === chunk.buffer),
    onUnread: () => assert.fail(),
    onResync: () => assert.fail(),
    onEnd: () => assert.fail(),
  });
  skimmer.push(chunk);
  const [first, second] = cutAt(PING, [20]) as [Buffer, Buffer];
  skimmer.push(first);
  assert.equal(skimmer.heldBytes, PING.length);
  chunk = second;
  skimmer.push(chunk);
  assert.deepEqual(shared, [true, true, false]);
  assert.equal(skimmer.heldBytes, 0);
  assert.ok(skimmer.isBetweenMessages);
});

test('a length that cannot be one ends the reading of this direction for good', () => {
  for (const length of [15, 0, -1, MAX_MESSAGE_BYTES + 1]) {
    for (const chunks of [[header(length)], everyByte(header(length))]) {
      const heard = skim([PING, ...chunks, PING]);
      assert.equal(heard.ended, 'lost_framing');
      assert.equal(heard.messages.length, 1);
    }
  }
});

test('an unknown opcode costs one count, the next message is read', () => {
  for (const length of [16, 17, 100, 200_000]) {
    const strange = Buffer.concat([header(length, 2009, [5, 6]), Buffer.alloc(length - 16, 0xaa)]);
    const both = Buffer.concat([strange, PING]);
    for (const chunks of [[both], cutAt(both, [8]), cutAt(both, [16]), cutAt(both, [length])]) {
      const heard = skim(chunks);
      assert.deepEqual(heard.unread, [
        { opcode: 2009, requestId: 5, responseTo: 6, wireBytes: length, reason: 'unknown_opcode' },
      ]);
      assert.equal(heard.messages.length, 1);
    }
  }
});

test('TLS and HTTP as first bytes of a client are recognised, nothing else is taken for them', () => {
  const hello = Buffer.from('1603010200010001fc0303fffefdfcfbfaf9f8f7', 'hex');
  const request = Buffer.from('GET / HTTP/1.1\r\nhost: db\r\n\r\n');
  for (const [bytes, ended] of [
    [hello, 'tls'],
    [request, 'http'],
  ] as const) {
    assert.equal(skim([bytes]).ended, ended);
    assert.equal(skim(everyByte(bytes)).ended, ended);
    assert.notEqual(skim([bytes], 'server').ended, ended);
    assert.notEqual(skim([PING, bytes]).ended, ended, 'only at the start');
  }
  // A message whose length reads like the start of a TLS record.
  const lookalike = Buffer.concat([header(0x10316), Buffer.alloc(0x10316 - 16)]);
  assert.equal(skim([lookalike, PING]).ended, null);
});

test('what is held grows with what came, not with what was announced', () => {
  const skimmer = new Skimmer('client', new Heard());
  skimmer.push(header(MAX_MESSAGE_BYTES, OPCODE.compressed));
  assert.ok(skimmer.heldBytes <= SKIM_WHOLE_BYTES);
});

test('stop() ends it in the middle of a chunk', () => {
  let count = 0;
  const skimmer: Skimmer = new Skimmer('server', {
    onMessage: () => {
      count++;
      skimmer.stop();
    },
    onUnread: () => assert.fail(),
    onResync: () => assert.fail(),
    onEnd: () => assert.fail(),
  });
  skimmer.push(Buffer.concat([PING, PING]));
  skimmer.push(PING);
  assert.equal(count, 1);
  skimmer.gap();
  skimmer.push(PING);
  assert.equal(count, 1, 'a gap does not wake it up');
});
