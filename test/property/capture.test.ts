// Captures under random treatment: no mutation of any file makes anything but CaptureError come out, and what the network
// does to packets changes no count of the operation table. Failing seeds become cases of test/unit/capture.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CaptureDecoder } from '../../src/capture/capture-decoder.ts';
import { CaptureError } from '../../src/capture/packet.ts';
import { Tally } from '../../src/core/tally.ts';
import { Attribution } from '../../src/filters/attribution.ts';
import { CallSites } from '../../src/filters/call-sites.ts';
import { Sniffer } from '../../src/sniff/sniffer.ts';
import { reportCallSites } from '../../src/stats/operation-report.ts';
import { OperationTable } from '../../src/stats/operation-table.ts';
import { readCapture } from '../support/capture-reading.ts';
import { LINK_TYPE, NG, pcapFile, pcapngFile, recordsOf } from '../support/capture-writer.ts';
import { mongoScript } from '../support/mongo-script.ts';
import { reorder, repeat, type ScriptedPacket, seededRandom } from '../support/tcp-script.ts';

const PACKETS = mongoScript({ operations: 6, segmentBytes: 100 }).packets;
const PACKETS6 = mongoScript({
  operations: 3,
  clientHost: `${'0'.repeat(31)}1`,
  serverHost: `${'0'.repeat(31)}2`,
}).packets;
const CORPUS: readonly Buffer[] = [
  pcapFile(recordsOf(PACKETS)),
  pcapFile(recordsOf(PACKETS), { bigEndian: true, nanoseconds: true }),
  pcapFile(recordsOf(PACKETS6, LINK_TYPE.cooked2, { extensions: [0, 43, 60] }), { linkType: LINK_TYPE.cooked2 }),
  pcapFile(recordsOf(PACKETS, LINK_TYPE.loop, { optionBytes: 8 }), { linkType: LINK_TYPE.loop }),
  pcapngFile(recordsOf(PACKETS)),
  pcapngFile(recordsOf(PACKETS, LINK_TYPE.raw), { bigEndian: true, linkType: LINK_TYPE.raw }),
  Buffer.concat([
    NG.section(),
    NG.interface({ resolution: 9, offsetSeconds: 5 }),
    ...recordsOf(PACKETS).map(({ bytes }, index) =>
      index % 2 === 0 ? NG.simple(bytes) : NG.obsolete(0, index, bytes),
    ),
  ]),
];

/** Single bytes, whole numbers, and pieces that are taken out, doubled or cut off. */
const mutation = fc.record({
  kind: fc.constantFrom('byte', 'int32', 'remove', 'double', 'cut'),
  at: fc.double({ min: 0, max: 0.9999, noNaN: true }),
  value: fc.oneof(
    fc.constantFrom(0, 1, -1, 0x7fff_ffff, -0x8000_0000, 15, 16, 48_000_001, 0x0100_0000),
    fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  ),
  length: fc.integer({ min: 1, max: 200 }),
});

function mutate(
  bytes: Buffer,
  changes: readonly (typeof mutation extends fc.Arbitrary<infer Value> ? Value : never)[],
): Buffer {
  let result = Buffer.from(bytes);
  for (const { kind, at, value, length } of changes) {
    const offset = Math.floor(at * result.length);
    if (kind === 'byte') result[offset] = value & 0xff;
    else if (kind === 'int32' && offset + 4 <= result.length) result.writeInt32LE(value, offset);
    else if (kind === 'remove') result = Buffer.concat([result.subarray(0, offset), result.subarray(offset + length)]);
    else if (kind === 'double') {
      const piece = result.subarray(offset, offset + length);
      result = Buffer.concat([result.subarray(0, offset), piece, result.subarray(offset)]);
    } else if (kind === 'cut') result = result.subarray(0, Math.max(offset, 4));
  }
  return result;
}

/** What a capture of these packets counts. */
function tableOf(packets: readonly ScriptedPacket[]): { rows: unknown; errors: ReadonlyMap<string, number> } {
  const table = new OperationTable({ maxRows: 1000 });
  const decodeErrors = new Tally<string>();
  const sniffer = new Sniffer({
    attribution: new Attribution(table, new CallSites()),
    decodeErrors,
    ended: new Tally(),
    inflatesAtOnce: true,
  });
  const decoder = new CaptureDecoder({
    open: ({ clientHost, clientPort, serverPort }) =>
      sniffer.open({ listener: 'x', address: clientHost, port: clientPort, server: `:${serverPort}` }),
  });
  const file = pcapFile(recordsOf(packets));
  decoder.openFile(file).read(file, 0, file.length);
  decoder.finish();
  // When a reply was whole depends on the order of packets; what was asked and answered does not.
  const rows = reportCallSites(table).map(({ serverMs: _server, waitMs: _wait, ...counts }) => counts);
  return { rows, errors: decodeErrors.counts };
}

describe('captures', () => {
  it('mutated in any way: nothing but CaptureError comes out, in windows of any size', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CORPUS),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3000 }),
        (file, changes, step) => {
          const bytes = mutate(file, changes);
          try {
            const { counts } = readCapture(bytes, { step });
            assert.ok(counts.payloadBytes >= 0 && counts.packets <= bytes.length / 12);
          } catch (error) {
            if (!(error instanceof CaptureError)) throw error;
            assert.ok(error.offset >= 0 && error.offset <= bytes.length);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('the same packets repeated, cut otherwise and reordered: the same rows', () => {
    const connections = Array.from({ length: 4 }, (_, index) =>
      mongoScript({ operations: 40, clientPort: 50_000 + index, segmentBytes: 70 + 100 * index, replyBytes: 300 }),
    );
    const expected = tableOf(connections.flatMap(({ packets }) => packets));
    assert.equal(expected.errors.size, 0);
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 12 }), (seed, reach) => {
        const random = seededRandom(seed);
        const treated = connections.map(({ packets }) => reorder(repeat(packets, random, 0.2), random, reach, 3));
        // Each connection keeps its own order; which one comes next is random.
        const merged: ScriptedPacket[] = [];
        while (treated.some((packets) => packets.length > 0)) {
          const next = treated[Math.floor(random() * treated.length)]?.shift();
          if (next !== undefined) merged.push(next);
        }
        const found = tableOf(merged);
        assert.deepEqual(found.rows, expected.rows);
        assert.equal(found.errors.size, 0);
      }),
      { numRuns: 60 },
    );
  });

  it('with packets lost: never more than was sent, and conversations go on', () => {
    const { packets } = mongoScript({ operations: 300, segmentBytes: 200, replyBytes: 500 });
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed);
        const kept = packets.filter((_, index) => index < 3 || random() > 0.02);
        const rows = tableOf(kept).rows as readonly { operations: number; documentsReturned: number }[];
        const operations = rows.reduce((sum, row) => sum + row.operations, 0);
        assert.ok(operations <= 301);
        assert.ok(operations > 230, `only ${operations}`);
      }),
      { numRuns: 60 },
    );
  });
});
