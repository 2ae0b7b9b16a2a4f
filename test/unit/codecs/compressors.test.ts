// Each compressor against another implementation of its format, and the choice of zstd by what Node brings.
// What a message may declare is tested in compressed.test.ts.
// Invariant: our bytes are read by others, and theirs by us.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as zlib from 'node:zlib';
import * as zstdWasm from '@bokuweb/zstd-wasm';
import * as snappyjs from 'snappyjs';
import type { Compressor } from '../../../codecs/compressor.ts';
import {
  COMPRESSORS,
  compressorName,
  compressorOf,
  loadCompressors,
  watchCompressors,
} from '../../../codecs/compressors.ts';
import type { WithEngine } from '../../../codecs/compressors-zlib.ts';
import { createNodeZstd, createWasmZstd, type NodeZstd, nodeZstdOf } from '../../../codecs/compressors-zstd.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Text that repeats, bytes that do not, and nothing. */
const SAMPLES: readonly Buffer[] = [
  Buffer.from('weir understands every byte '.repeat(20)),
  Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * index * 31 + (index >> 3)) & 0xff)),
  Buffer.alloc(0),
  Buffer.from('w'),
];

describe('compressors', () => {
  before(loadCompressors);

  test('names and ids', () => {
    for (const [name, id] of Object.entries(COMPRESSORS)) {
      assert.equal(compressorName(id), name);
    }
    assert.equal(compressorName(4), null);
    assert.equal(compressorName(255), null);
  });

  test('snappy and a JavaScript implementation read each other', () => {
    const snappy = compressorOf(COMPRESSORS.snappy);
    for (const sample of SAMPLES) {
      assert.ok(Buffer.from(snappyjs.uncompress(snappy.compress(sample))).equals(sample));
      assert.ok(snappy.decompress(Buffer.from(snappyjs.compress(sample)), sample.length).equals(sample));
    }
  });

  test('snappy reads a block written by hand', () => {
    // Length 11, a literal of 4 bytes, a copy of 7 from 4 back.
    const block = Buffer.from('0b0c776569720d04', 'hex');
    assert.equal(compressorOf(COMPRESSORS.snappy).decompress(block, 11).toString(), 'weirweirwei');
  });

  test('zlib reads every level and strategy', () => {
    const { decompress, compress } = compressorOf(COMPRESSORS.zlib);
    for (const sample of SAMPLES) {
      for (let level = 0; level <= 9; level++) {
        assert.ok(decompress(zlib.deflateSync(sample, { level }), sample.length).equals(sample));
      }
      const fixed = zlib.deflateSync(sample, { strategy: zlib.constants.Z_FIXED });
      assert.ok(decompress(fixed, sample.length).equals(sample));
      assert.ok(zlib.inflateSync(compress(sample)).equals(sample));
    }
  });

  // Written by the zstd command line tool 1.5.4, with and without checksum and content size.
  const ZSTD_BLOCK = '250100e07765697220756e6465727374616e6473206576657279206279746520010044f86a3a01';
  const ZSTD_FRAMES = [
    `28b52ffd643001${ZSTD_BLOCK}4873f3d8`,
    `28b52ffd603001${ZSTD_BLOCK}`,
    `28b52ffd0458${ZSTD_BLOCK}4873f3d8`,
    `28b52ffd0058${ZSTD_BLOCK}`,
  ];

  test('zstd reads frames of the command line tool', () => {
    const { decompress } = compressorOf(COMPRESSORS.zstd);
    for (const hex of ZSTD_FRAMES) {
      assert.equal(decompress(Buffer.from(hex, 'hex'), 560).toString(), SAMPLES[0]?.toString());
    }
  });

  test('zstd without a content size does not pass its cap', () => {
    const { decompress } = compressorOf(COMPRESSORS.zstd);
    const frame = Buffer.from(ZSTD_FRAMES[3] ?? '', 'hex');
    for (const size of [0, 1, 559]) assert.throws(() => decompress(frame, size), String(size));
    assert.equal(decompress(frame, 560).length, 560);
    assert.equal(decompress(frame, 561).length, 560);
  });

  test('zstd content sizes of every width are compared before anything is allocated', () => {
    const { decompress } = compressorOf(COMPRESSORS.zstd);
    const block = '000000000000000000';
    // Descriptor: size flag in the high bits, 0x20 single segment; then the size in 1, 2, 4 or 8 bytes.
    const frames = ['2005', '600500', 'a005000080', 'e0ffffffffffffff7f', '400005f0', 'c3000000000000ffffffff00000000'];
    for (const head of frames) {
      const frame = Buffer.from(`28b52ffd${head}${block}`, 'hex');
      assert.throws(() => decompress(frame, 7), { reason: 'bad_compressed_size' }, head);
    }
    // A skippable frame says nothing of a size, and is no content.
    assert.throws(() => decompress(Buffer.from(`502a4d1804000000${block}`, 'hex'), 0), { reason: 'inflate_failed' });
    assert.throws(() => decompress(Buffer.from('28b52ffde3000000000000', 'hex'), 7), { reason: 'inflate_failed' });
  });

  test('zstd of node:zlib is taken where there is one', () => {
    assert.equal(nodeZstdOf({}), null);
    const zstd = recordingZstd();
    assert.equal(nodeZstdOf(zstd), zstd);
  });

  test('zstd of node:zlib gets its cap, sync and async, and its errors pass', async () => {
    const calls: string[] = [];
    const compressor = createNodeZstd(recordingZstd(calls));
    const frame = Buffer.from(ZSTD_FRAMES[0] ?? '', 'hex');
    assert.equal(compressor.decompress(frame, 560).length, 560);
    assert.equal((await decompressAsync(compressor, frame, 560))?.length, 560);
    assert.equal((await decompressAsync(compressor, Buffer.from(ZSTD_FRAMES[3] ?? '', 'hex'), 0))?.length, 560);
    await assert.rejects(decompressAsync(compressor, frame, 559), { reason: 'bad_compressed_size' });
    assert.throws(() => compressor.decompress(frame, 561), { reason: 'bad_compressed_size' });
    assert.equal(compressor.compress(SAMPLES[3] ?? frame).toString(), 'small');
    assert.equal(String(await compressAsync(compressor, frame)), 'small');
    // Node takes a stream that breaks off, and one that something follows: fewer bytes come out, or fewer are used.
    const liar = createNodeZstd({
      ...recordingZstd(),
      zstdDecompressSync: (bytes) => ({ buffer: Buffer.alloc(559), engine: { bytesWritten: bytes.length } }),
      zstdDecompress: (bytes, _limits, done) =>
        done(null, { buffer: Buffer.alloc(560), engine: { bytesWritten: bytes.length - 1 } }),
    });
    assert.throws(() => liar.decompress(frame, 560), { reason: 'inflate_failed' });
    await assert.rejects(decompressAsync(liar, frame, 560), { reason: 'inflate_failed' });
    assert.deepEqual(calls, ['sync 560', 'async 560', 'async 1']);
  });
});

// These run with every Node: one that has a zstd of its own does not take the wasm by itself.
describe('zstd of the wasm', () => {
  // A second init() would give the library a second memory, and break it.
  before(async () => (nodeZstdOf(zlib) === null ? loadCompressors() : zstdWasm.init()));

  test('its thread and the event loop read each other, with and without a content size', async () => {
    const clock = new FakeClock();
    const compressor = createWasmZstd(zstdWasm, import.meta.resolve('@bokuweb/zstd-wasm'));
    compressor.watch(clock);
    for (const sample of SAMPLES) {
      const packing = compressAsync(compressor, sample);
      assert.equal(clock.timers, 1);
      const packed = (await packing) ?? sample;
      assert.ok(compressor.decompress(packed, sample.length).equals(sample));
      assert.ok((await decompressAsync(compressor, compressor.compress(sample), sample.length))?.equals(sample));
      const unsized = withoutContentSize(sample);
      assert.ok((await decompressAsync(compressor, unsized, sample.length))?.equals(sample));
    }
    assert.equal(clock.timers, 0);
  });

  test('in the thread as here: lies are refused before, caps hold, damage is refused', async () => {
    const compressor = createWasmZstd(zstdWasm, import.meta.resolve('@bokuweb/zstd-wasm'));
    const sample = SAMPLES[1] as Buffer;
    const packed = compressor.compress(sample);
    await assert.rejects(decompressAsync(compressor, packed, sample.length - 1), { reason: 'bad_compressed_size' });
    await assert.rejects(decompressAsync(compressor, Buffer.from('no zstd'), 5), { reason: 'inflate_failed' });
    const unsized = withoutContentSize(sample);
    await assert.rejects(decompressAsync(compressor, unsized, sample.length - 1), { message: /refused/ });
    packed.fill(0x55, packed.length >> 1);
    await assert.rejects(decompressAsync(compressor, packed, sample.length), { message: /refused/ });
  });

  test('a watch may be given before and after loading', async () => {
    watchCompressors(new FakeClock());
    await loadCompressors();
    const clock = new FakeClock();
    watchCompressors(clock);
    const { async } = compressorOf(COMPRESSORS.zstd);
    const packing = settled((done) => async?.compress(Buffer.alloc(20_000), done));
    const isOurThread = nodeZstdOf(zlib) === null;
    assert.equal(clock.timers, isOurThread ? 1 : 0);
    await packing;
    assert.equal(clock.timers, 0);
  });
});

/** A frame of raw blocks that says nothing of its size, as streaming compressors write them. */
function withoutContentSize(bytes: Buffer): Buffer {
  const blocks: Buffer[] = [Buffer.from('28b52ffd0058', 'hex')];
  const blockBytes = 65_536;
  for (let at = 0; at === 0 || at < bytes.length; at += blockBytes) {
    const raw = bytes.subarray(at, at + blockBytes);
    const head = Buffer.alloc(3);
    head.writeUIntLE(raw.length * 8 + (at + blockBytes >= bytes.length ? 1 : 0), 0, 3);
    blocks.push(head, raw);
  }
  return Buffer.concat(blocks);
}

/** Writes down the caps that it is given; says that it used all of its input. */
function recordingZstd(calls: string[] = []): NodeZstd {
  const result = (bytes: Buffer): WithEngine => ({
    buffer: Buffer.alloc(560),
    engine: { bytesWritten: bytes.length },
  });
  return {
    zstdCompressSync: () => Buffer.from('small'),
    zstdCompress: (_bytes, done) => done(null, Buffer.from('small')),
    zstdDecompressSync: (bytes, { maxOutputLength }) => {
      calls.push(`sync ${maxOutputLength}`);
      return result(bytes);
    },
    zstdDecompress: (bytes, { maxOutputLength }, done) => {
      calls.push(`async ${maxOutputLength}`);
      done(null, result(bytes));
    },
  };
}

type Settle = (error: unknown, bytes: Buffer | null) => void;

async function settled(start: (done: Settle) => void): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    start((error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error instanceof Error ? error : new Error('no Error was handed over'));
    });
  });
}

async function decompressAsync({ async }: Compressor, payload: Buffer, size: number): Promise<Buffer | null> {
  return settled((done) => async?.decompress(payload, size, done));
}

async function compressAsync({ async }: Compressor, payload: Buffer): Promise<Buffer | null> {
  return settled((done) => async?.compress(payload, done));
}
