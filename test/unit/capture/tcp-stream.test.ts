// What a stream holds: sorted pieces that never overlap, of overlapping bytes the first seen, across the wrap too.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { distance, TcpStream } from '../../../src/capture/tcp-stream.ts';

function segment(sequence: number, bytes: Buffer, length: number = bytes.length): Parameters<TcpStream['hold']>[0] {
  return { sequence: sequence | 0, bytes, length, flags: 16, acknowledged: 0, timeMs: 0 };
}

describe('TcpStream', () => {
  it('holds what a map of bytes would, first come, first kept', () => {
    const pieces = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 30 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.constantFrom(0, 0x7fff_fff0, 0xffff_ffe0), pieces, (next, parts) => {
        const stream = new TcpStream();
        stream.next = next | 0;
        stream.isPlaced = true;
        const model = new Map<number, number>();
        for (const [index, [at, length]] of parts.entries()) {
          stream.hold(segment(next + at, Buffer.alloc(length, index + 1)));
          for (let i = at; i < at + length; i++) if (!model.has(i)) model.set(i, index + 1);
        }
        const seen = new Map<number, number>();
        let behind = 0;
        let bytes = 0;
        for (const held of stream.held) {
          const start = distance(stream.next, held.sequence);
          assert.ok(start >= behind, 'sorted, without overlap');
          assert.equal(held.bytes.length, held.length);
          for (const [offset, byte] of held.bytes.entries()) seen.set(start + offset, byte);
          behind = start + held.length;
          bytes += held.length;
        }
        assert.deepEqual(new Map([...seen].sort()), new Map([...model].sort()));
        assert.equal(stream.heldBytes, bytes);
      }),
    );
  });

  it('copies what it holds', () => {
    const stream = new TcpStream();
    const bytes = Buffer.from([1, 2, 3]);
    stream.hold(segment(10, bytes));
    bytes.fill(0);
    assert.deepEqual(stream.takeFirst()?.bytes, Buffer.from([1, 2, 3]));
    assert.equal(stream.heldBytes, 0);
  });

  it('keeps the length on the wire of what the snap length cut', () => {
    const stream = new TcpStream();
    stream.hold(segment(50, Buffer.alloc(10), 10));
    stream.hold(segment(20, Buffer.from([1, 2, 3, 4]), 60));
    assert.deepEqual(
      stream.held.map(({ sequence, bytes, length }) => [sequence, bytes.length, length]),
      [
        [20, 4, 30],
        [50, 10, 10],
        [60, 0, 20],
      ],
    );
  });

  it('counts a FIN as one byte', () => {
    const stream = new TcpStream();
    stream.begin(100);
    stream.finish(111);
    assert.equal(stream.isFinished, false);
    stream.advance(111);
    assert.equal(stream.next, 112);
    assert.equal(stream.isFinished, true);
  });
});
