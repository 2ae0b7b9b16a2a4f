// The declared layouts of pcap and pcapng headers, and the readers that read the same fields directly, are equal.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  readEnhancedPacketHeader,
  readInterfaceHeader,
  readPcapHeader,
  readPcapRecord,
} from '../../../src/capture/layouts.ts';
import { readFile16, readFile32 } from '../../../src/capture/numbers.ts';
import { PcapReader } from '../../../src/capture/pcap-reader.ts';
import { PcapngReader } from '../../../src/capture/pcapng-reader.ts';
import { NG, pcapFile } from '../../support/capture-writer.ts';

const order = fc.constantFrom('little' as const, 'big' as const);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytesOf = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));

describe('declared layouts', () => {
  it('read the fields that the readers read', () => {
    fc.assert(
      fc.property(order, bytesOf(24), (byteOrder, bytes) => {
        const u = (at: number): number => readFile32(bytes, at, byteOrder);
        assert.deepEqual(readPcapRecord(bytes.subarray(0, 16), byteOrder), {
          seconds: u(0),
          fraction: u(4),
          capturedLength: u(8),
          originalLength: u(12),
        });
        assert.deepEqual(readEnhancedPacketHeader(bytes.subarray(0, 20), byteOrder), {
          interfaceId: u(0),
          timestampHigh: u(4),
          timestampLow: u(8),
          capturedLength: u(12),
          originalLength: u(16),
        });
        const { linkType, snapLength } = readInterfaceHeader(bytes.subarray(0, 8), byteOrder);
        assert.deepEqual([linkType, snapLength], [readFile16(bytes, 0, byteOrder), u(4)]);
        const header = readPcapHeader(bytes, byteOrder);
        assert.deepEqual([header.magic, header.snapLength, header.linkType], [u(0), u(16), u(20)]);
        assert.deepEqual(
          [header.majorVersion, header.minorVersion],
          [readFile16(bytes, 4, byteOrder), readFile16(bytes, 6, byteOrder)],
        );
      }),
    );
  });

  it('of a pcap record give what the reader hands on', () => {
    fc.assert(
      fc.property(
        order,
        u32,
        fc.integer({ min: 0, max: 999_999 }),
        bytesOf(40),
        (byteOrder, seconds, micros, bytes) => {
          const timeMs = seconds * 1000 + micros / 1000;
          const file = pcapFile([{ timeMs, bytes }], { bigEndian: byteOrder === 'big' });
          const declared = readPcapRecord(file.subarray(24, 40), byteOrder);
          const seen: number[] = [];
          const reader = new PcapReader(byteOrder, (packet) => {
            seen.push(packet.timeMs, packet.end - packet.start, packet.originalLength);
          });
          assert.equal(reader.read(file, 0, file.length), file.length);
          const expectedMs = declared.seconds * 1000 + declared.fraction / 1000;
          // A microsecond at most either way is how a sum of doubles is rounded.
          assert.ok(Math.abs((seen[0] ?? 0) - expectedMs) < 0.001, `${seen[0]} and ${expectedMs}`);
          assert.deepEqual(seen.slice(1), [declared.capturedLength, declared.originalLength]);
        },
      ),
    );
  });

  it('of an enhanced packet give what the reader hands on', () => {
    fc.assert(
      fc.property(order, fc.integer({ min: 0, max: 2 ** 50 }), bytesOf(40), (byteOrder, ticks, bytes) => {
        const bigEndian = byteOrder === 'big';
        const packet = NG.enhanced(0, ticks, bytes, { bigEndian });
        const declared = readEnhancedPacketHeader(packet.subarray(8, 28), byteOrder);
        const seen: number[] = [];
        const reader = new PcapngReader((found) => {
          seen.push(Math.round(found.timeMs * 1000), found.end - found.start, found.originalLength);
        });
        const file = Buffer.concat([NG.section(bigEndian), NG.interface({}, bigEndian), packet]);
        assert.equal(reader.read(file, 0, file.length), file.length);
        const expected = declared.timestampHigh * 2 ** 32 + declared.timestampLow;
        assert.deepEqual(seen, [expected, declared.capturedLength, declared.originalLength]);
      }),
    );
  });
});
