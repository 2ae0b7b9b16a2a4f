// OP_COMPRESSED there and back with every compressor, its bounds, and what it makes of lies, bombs and broken streams.
// The single faults are fixtures (malformed/compressed-*); command.test.ts runs them whole and cut.
// Invariant: whatever the bytes are, sync and async agree, and nothing but a DecodeError comes out.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as zlib from 'node:zlib';
import {
  COMPRESSORS,
  type CompressorName,
  DecodeError,
  deflate,
  deflateAsync,
  deflatesAsync,
  encodeMessage,
  Frame,
  hasCompressor,
  inflate,
  inflateAsync,
  inflatesAsync,
  loadCompressors,
  MAX_MESSAGE_BYTES,
  OPCODE,
  readCompressedHeader,
  readCompressedReference,
} from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';
import { check, readAndDescribeCommand } from './check.ts';

const NAMES = Object.keys(COMPRESSORS) as CompressorName[];
const PAYLOAD_AT = 25;

/** A find with a filter of about this many bytes. */
const find = (bytes = 0): Frame =>
  Frame.of(encodeMessage({ find: 'orders', filter: { text: 'weir '.repeat(bytes / 5) }, $db: 'shop' }, 7, 5));

/** An OP_COMPRESSED with this payload. */
function compressed(name: CompressorName, size: number, payload: Buffer): Frame {
  const head = Buffer.alloc(PAYLOAD_AT);
  [PAYLOAD_AT + payload.length, 7, 0, OPCODE.compressed, OPCODE.msg, size].forEach((value, index) => {
    head.writeInt32LE(value, index * 4);
  });
  head.writeUInt8(COMPRESSORS[name], 24);
  return Frame.of(Buffer.concat([head, payload]));
}

/** What comes out: the bytes as hex, or the reason. */
function outcomeOf(frame: Frame): string {
  try {
    return inflate(frame).bytes.toString('hex');
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.reason;
  }
}

async function asyncOutcomeOf(frame: Frame): Promise<string> {
  return new Promise((resolve) => {
    inflateAsync(frame, (error, inner) => resolve(inner?.bytes.toString('hex') ?? error?.reason ?? 'neither'));
  });
}

test('what is not loaded is not there, and asking for it is a DecodeError', () => {
  assert.deepEqual(NAMES.map(hasCompressor), [true, false, true, false]);
  for (const name of ['snappy', 'zstd'] as const) {
    assert.throws(() => deflate(find(), COMPRESSORS[name]), { name: 'DecodeError', reason: 'compressor_unavailable' });
    assert.equal(outcomeOf(compressed(name, 1, Buffer.alloc(40))), 'compressor_unavailable');
  }
});

describe('with all compressors', () => {
  before(loadCompressors);

  test('all are there', () => {
    assert.deepEqual(NAMES.map(hasCompressor), [true, true, true, true]);
  });

  for (const name of NAMES) {
    const id = COMPRESSORS[name];

    test(`${name}: there and back`, async () => {
      for (const plain of [find(), find(1000), find(40_000), find(1_000_000), Frame.of(find().bytes.subarray(0, 16))]) {
        const outer = deflate(plain, id);
        assert.equal(outer.opcode, OPCODE.compressed);
        assert.deepEqual([outer.requestId, outer.responseTo], [7, 5]);
        const expected = { originalOpcode: OPCODE.msg, uncompressedSize: plain.length - 16, compressorId: id, name };
        assert.deepEqual(readCompressedHeader(outer), expected);
        const inner = inflate(Frame.of(Buffer.concat(outer.chunks)));
        assert.deepEqual([inner.opcode, inner.requestId, inner.responseTo], [OPCODE.msg, 7, 5]);
        assert.deepEqual([inner.length, inner.wireBytes], [plain.length, outer.length]);
        assert.equal(await asyncOutcomeOf(outer), outcomeOf(outer));
        // The length of the empty one does not fit its bytes: its header says what the frame is.
        if (plain.length > 16) assert.ok(inner.bytes.equals(plain.bytes));
      }
    });

    test(`${name}: async gives the same bytes`, async () => {
      const plain = find(100_000);
      const outer = await new Promise<Frame>((resolve) => deflateAsync(plain, id, resolve));
      assert.equal(outer.opcode, OPCODE.compressed);
      assert.ok(inflate(outer).bytes.equals(plain.bytes));
      assert.ok(name === 'noop' || outer.length < plain.length / 4);
    });

    test(`${name}: cut everywhere`, () => {
      const plain = find(60);
      const bytes = Buffer.from(deflate(plain, id).bytes);
      check(bytes, (frame) => readAndDescribeCommand(inflate(frame)), readAndDescribeCommand(plain));
    });

    test(`${name}: the largest message, and no more`, () => {
      const bytes = Buffer.alloc(MAX_MESSAGE_BYTES);
      find().bytes.copy(bytes);
      bytes.writeInt32LE(MAX_MESSAGE_BYTES, 0);
      const plain = Frame.of(bytes);
      const outer = deflate(plain, id);
      if (name === 'noop') {
        // 9 bytes too many: it stays as it is.
        assert.equal(outer, plain);
        return;
      }
      assert.ok(outer.length < MAX_MESSAGE_BYTES / 20);
      assert.ok(inflate(outer).bytes.equals(bytes));
    });

    test(`${name}: every byte replaced gives bytes of the declared size or a DecodeError`, async () => {
      const whole = Buffer.from(deflate(find(40), id).bytes);
      for (let at = 16; at < whole.length; at++) {
        for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff, whole.readUInt8(at) ^ 0x10]) {
          const bytes = Buffer.from(whole);
          bytes.writeUInt8(value, at);
          const outcome = outcomeOf(Frame.of(bytes));
          const isWhole = /^[0-9a-f]+$/.test(outcome);
          if (isWhole) assert.equal(outcome.length / 2 - 16, bytes.readInt32LE(20), `${at} ${value}`);
          const other = await asyncOutcomeOf(Frame.of(bytes));
          // Of two faults at once node:zlib may name the other one.
          if (isWhole) assert.equal(other, outcome, `${at} ${value}`);
          else assert.match(other, /^[a-z]+_[a-z_]+$/, `${at} ${value}`);
        }
      }
    });

    test(`${name}: every truncation is refused`, () => {
      const whole = deflate(find(40), id).bytes;
      for (let length = PAYLOAD_AT; length < whole.length; length++) {
        const outcome = outcomeOf(Frame.of(whole.subarray(0, length)));
        assert.match(outcome, /^(?:inflate_failed|bad_compressed_size)$/, String(length));
      }
    });
  }

  test('who goes off the event loop', () => {
    const [small, big] = [find(), find(20_000)];
    const zipped = deflate(big, COMPRESSORS.zlib);
    assert.ok(inflatesAsync(zipped, readCompressedHeader(zipped)));
    for (const id of [COMPRESSORS.snappy, COMPRESSORS.zstd]) assert.ok(deflatesAsync(big, id));
    assert.equal(deflatesAsync(big, COMPRESSORS.noop), false);
    assert.equal(deflatesAsync(small, COMPRESSORS.zlib), false);
    const short = deflate(small, COMPRESSORS.zlib);
    assert.equal(inflatesAsync(short, readCompressedHeader(short)), false);
  });

  test('fixtures: sync and async agree, scanner and reference read the same numbers', async () => {
    const fixtures = readHexFolder('malformed').filter(({ name }) => name.startsWith('compressed-'));
    assert.ok(fixtures.length > 20);
    for (const { name, bytes } of fixtures) {
      assert.equal(await asyncOutcomeOf(Frame.of(bytes)), outcomeOf(Frame.of(bytes)), name);
      if (bytes.length < PAYLOAD_AT) continue;
      const reference = readCompressedReference(bytes);
      assert.ok(reference.payload.equals(bytes.subarray(PAYLOAD_AT)), name);
      try {
        const { originalOpcode, uncompressedSize, compressorId } = readCompressedHeader(Frame.of(bytes));
        const { payload: _, messageLength, requestId, responseTo, opcode, ...declared } = reference;
        assert.deepEqual({ originalOpcode, uncompressedSize, compressorId }, declared, name);
        assert.deepEqual([messageLength, requestId, responseTo, opcode], [bytes.length, 7, 0, OPCODE.compressed], name);
      } catch (error) {
        assert.ok(error instanceof DecodeError, name);
      }
    }
  });

  test('a header that is not in the first chunk alone', () => {
    const { bytes } = deflate(find(40), COMPRESSORS.zlib);
    const frame = new Frame(bytes.length, [Buffer.from(bytes.subarray(0, 18)), Buffer.from(bytes.subarray(18))]);
    assert.equal(readCompressedHeader(frame).uncompressedSize, find(40).length - 16);
  });

  test('what is compressed is not compressed again', () => {
    const outer = deflate(find(), COMPRESSORS.zlib);
    for (const id of [COMPRESSORS.zlib, COMPRESSORS.noop]) {
      assert.throws(() => deflate(outer, id), { reason: 'nested_compression' });
      assert.throws(() => deflateAsync(outer, id, () => assert.fail()), { reason: 'nested_compression' });
    }
    assert.throws(() => deflate(find(), 4), { reason: 'unknown_compressor' });
  });

  test('bombs: more comes out than is declared', async () => {
    const zeros = Buffer.alloc(MAX_MESSAGE_BYTES - 16);
    const bombs = NAMES.filter((name) => name !== 'noop').map((name) => {
      const plain = Frame.of(Buffer.concat([find().bytes.subarray(0, 16), zeros]));
      return [name, deflate(plain, COMPRESSORS[name]).bytes.subarray(PAYLOAD_AT)] as const;
    });
    for (const [name, payload] of bombs) {
      for (const size of [0, 1, 1000, zeros.length - 1]) {
        const bomb = compressed(name, size, payload);
        assert.equal(outcomeOf(bomb), 'bad_compressed_size', `${name} ${size}`);
        assert.equal(await asyncOutcomeOf(bomb), 'bad_compressed_size', `${name} ${size}`);
      }
    }
  });

  test('a zlib bomb is stopped while it inflates', () => {
    const payload = zlib.deflateSync(Buffer.alloc(MAX_MESSAGE_BYTES));
    const before = process.memoryUsage().arrayBuffers;
    assert.equal(outcomeOf(compressed('zlib', 1000, payload)), 'bad_compressed_size');
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
  });

  test('an empty payload', async () => {
    for (const name of NAMES) {
      const [declared, expected] = name === 'noop' ? [1, 'bad_compressed_size'] : [0, 'inflate_failed'];
      assert.equal(outcomeOf(compressed(name, declared, Buffer.alloc(0))), expected, name);
      assert.equal(await asyncOutcomeOf(compressed(name, declared, Buffer.alloc(0))), expected, name);
    }
  });
});
