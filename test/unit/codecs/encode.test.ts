// What weir itself writes: the exact bytes and what its own reader and bson make of them; and the named edits.
// Does not compare with drivers: the integration tests do.
// Invariant: an edit leaves a message that both readers still accept.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clearExhaustAllowed,
  crc32c,
  Double,
  deserialize,
  deserializeExact,
  encodeMessage,
  encodeQueryFailure,
  encodeReply,
  Frame,
  Int32,
  isMoreToCome,
  Long,
  MSG_FLAG,
  ObjectId,
  OPCODE,
  readCommand,
  readFlagBits,
  readReply,
  serialize,
  stripChecksum,
} from '../../../codecs/index.ts';
import { readHex, readHexFolder } from '../../support/hex.ts';
import { outcomeOf } from './check.ts';

test('OP_MSG bytes', () => {
  const expected = readHex(`
    26000000 05000000 09000000 dd070000  # header
    02000000 00                          # moreToCome, body
    11000000 01 6f6b00 000000000000f03f 00
  `);
  assert.deepEqual(encodeMessage({ ok: new Double(1) }, 5, 9, MSG_FLAG.moreToCome), expected.bytes);
});

test('OP_REPLY bytes', () => {
  const expected = readHex(`
    35000000 05000000 09000000 01000000
    08000000 0000000000000000 00000000 01000000
    11000000 01 6f6b00 000000000000f03f 00
  `);
  assert.deepEqual(encodeReply({ ok: new Double(1) }, 5, 9), expected.bytes);
});

test('a refused query is told so in the legacy form', () => {
  const bytes = encodeQueryFailure({ message: 'no', code: 352 }, 5, 9);
  assert.equal(bytes.readInt32LE(16), 10);
  assert.deepEqual(deserializeExact(bytes.subarray(36)), { $err: 'no', code: new Int32(352), ok: new Double(0) });
  assert.equal(readReply(Frame.of(bytes)).ok, false);
});

test('code is int32 and ok is double where the wire demands it', () => {
  const exact = deserializeExact(serialize({ ok: new Double(1), code: new Int32(5), id: Long.fromNumber(5) }));
  assert.ok(exact['ok'] instanceof Double && exact['code'] instanceof Int32 && exact['id'] instanceof Long);
});

test('decode and encode again gives the same bytes for every type', () => {
  for (const { name, bytes } of readHexFolder('frames').filter(({ bytes }) => bytes.readInt32LE(12) === OPCODE.msg)) {
    // bson reads the deprecated dbpointer and symbol but writes their successors.
    if (name === 'request-deprecated-types') {
      continue;
    }
    const body =
      outcomeOf(readReply, Frame.of(bytes)) === 'refused: no_ok'
        ? readCommand(Frame.of(bytes)).body
        : readReply(Frame.of(bytes)).body;
    assert.ok(serialize(deserializeExact(body)).equals(body), name);
  }
});

test('plain decoding gives plain numbers, and refuses what is no document', () => {
  const id = new ObjectId();
  assert.deepEqual(deserialize(serialize({ a: 1, b: 1.5, c: Long.fromNumber(7), id })), { a: 1, b: 1.5, c: 7, id });
  for (const bad of [
    Buffer.alloc(0),
    Buffer.alloc(4),
    Buffer.from([5, 0, 0, 0, 1]),
    Buffer.from('0800000014610000', 'hex'),
  ]) {
    assert.equal(
      outcomeOf(() => deserialize(bad), Frame.of(Buffer.alloc(16))),
      'refused: invalid_bson',
    );
  }
});

test('undefined fields are left out', () => {
  assert.deepEqual(deserialize(serialize({ a: undefined, b: 1 })), { b: 1 });
});

test('crc32c vectors', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
  assert.equal(crc32c(Buffer.from('x123456789y'), 1, 10), 0xe3069283);
});

test('exhaustAllowed is cleared in place and nothing else changes', () => {
  const plain = encodeMessage({ ping: 1, $db: 'a' }, 1, 0, MSG_FLAG.moreToCome);
  const exhaust = encodeMessage({ ping: 1, $db: 'a' }, 1, 0, MSG_FLAG.moreToCome | MSG_FLAG.exhaustAllowed);
  for (const chunks of [
    [Buffer.from(exhaust)],
    [Buffer.from(exhaust.subarray(0, 16)), Buffer.from(exhaust.subarray(16))],
  ]) {
    const frame = new Frame(exhaust.length, chunks);
    clearExhaustAllowed(frame);
    assert.deepEqual(frame.bytes, plain);
    clearExhaustAllowed(frame);
    assert.deepEqual(frame.bytes, plain);
  }
});

test('a checksum is stripped, and offsets of the old view stay right', () => {
  const { bytes } = readHexFolder('frames').find(({ name }) => name === 'request-checksum') as { bytes: Buffer };
  const frame = Frame.of(Buffer.from(bytes));
  const view = readCommand(frame);
  const stripped = stripChecksum(frame);
  assert.equal(stripped.length, bytes.length - 4);
  assert.equal(stripped.bytes.readInt32LE(0), stripped.length);
  const again = readCommand(stripped);
  assert.deepEqual([view.checksumPresent, again.checksumPresent], [true, false]);
  assert.deepEqual(
    [again.bodyStart, again.bodyEnd, again.commentStart],
    [view.bodyStart, view.bodyEnd, view.commentStart],
  );
  assert.equal(stripChecksum(stripped), stripped);
});

test('flags are readable on frames that no reader accepts', () => {
  const short = Buffer.alloc(18);
  short.writeInt32LE(18, 0);
  short.writeInt32LE(OPCODE.msg, 12);
  assert.equal(readFlagBits(Frame.of(short)), 0);
  assert.equal(isMoreToCome(Frame.of(encodeReply({ ok: 1 }, 1, 2))), false);
  const refused = Frame.of(encodeMessage({}, 1, 0, MSG_FLAG.moreToCome));
  assert.equal(outcomeOf(readCommand, refused), 'refused: empty_command');
  assert.equal(isMoreToCome(refused), true);
});
