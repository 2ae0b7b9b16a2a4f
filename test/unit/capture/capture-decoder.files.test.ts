// Every file form and link layer gives the same conversation; what is damaged, cut or unknown is said and counted.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CaptureError } from '../../../src/capture/packet.ts';
import { type Reading, type ReadOptions, readCapture } from '../../support/capture-reading.ts';
import {
  block,
  type CaptureRecord,
  ipBytes,
  LINK_TYPE,
  linkBytes,
  NG,
  pcapFile,
  pcapngFile,
  recordsOf,
} from '../../support/capture-writer.ts';
import { mongoScript } from '../../support/mongo-script.ts';

const SCRIPT = mongoScript({ operations: 4 });
const SCRIPT6 = mongoScript({
  operations: 4,
  clientHost: '20010db8000000000000000000000001',
  serverHost: '20010db8000000000000000000000002',
});
const RECORDS = recordsOf(SCRIPT.packets);
const EXPECTED = readCapture(pcapFile(RECORDS)).conversations;

function sameStreams(reading: Reading, expected = EXPECTED): void {
  assert.equal(reading.conversations.length, 1);
  assert.deepEqual(reading.conversations[0]?.events, expected[0]?.events);
  assert.equal(reading.counts.gaps, 0);
  assert.equal(reading.left, 0);
}

/** The whole file, byte by byte, and in steps that cut headers. */
function checkFile(file: Buffer, check: (reading: Reading) => void, options: ReadOptions = {}): void {
  for (const step of [file.length, 1, 7, 1000]) check(readCapture(file, { ...options, step }));
}

describe('a plain capture', () => {
  it('gives both streams, in order, with the times of the packets', () => {
    const [conversation] = EXPECTED;
    assert.ok(conversation);
    assert.deepEqual(conversation.found, {
      clientHost: '10.0.0.1',
      clientPort: 40_000,
      serverHost: '10.0.0.2',
      serverPort: 27_017,
    });
    const sent = (fromClient: boolean): Buffer =>
      Buffer.concat(SCRIPT.packets.filter((packet) => packet.fromClient === fromClient).map(({ payload }) => payload));
    assert.deepEqual(Buffer.concat(conversation.client), sent(true));
    assert.deepEqual(Buffer.concat(conversation.server), sent(false));
    assert.deepEqual(
      conversation.times,
      SCRIPT.packets.filter(({ payload }) => payload.length > 0).map(({ timeMs }) => timeMs),
    );
    assert.deepEqual(conversation.events.at(-1), ['end', 'client']);
  });

  it('is counted', () => {
    const { counts } = readCapture(pcapFile(RECORDS));
    assert.equal(counts.packets, RECORDS.length);
    assert.equal(counts.packetBytes, Buffer.concat(RECORDS.map(({ bytes }) => bytes)).length);
    assert.equal(counts.segments, 10);
    assert.deepEqual([...counts.connections.counts], [['mongodb', 1]]);
    assert.equal(counts.lastMs - counts.firstMs, 50);
  });
});

describe('pcap', () => {
  for (const bigEndian of [false, true]) {
    for (const nanoseconds of [false, true]) {
      it(`is read in ${bigEndian ? 'big' : 'little'}-endian with ${nanoseconds ? 'nano' : 'micro'}seconds`, () => {
        checkFile(pcapFile(RECORDS, { bigEndian, nanoseconds }), (reading) => {
          sameStreams(reading);
          assert.deepEqual(reading.conversations[0]?.times, EXPECTED[0]?.times);
        });
      });
    }
  }

  it('ignores the frame check bits above the link type', () => {
    const file = pcapFile(RECORDS);
    file.writeUInt32LE(0x5400_0001, 20);
    sameStreams(readCapture(file));
  });

  it('says where a length cannot be one, and keeps what came before', () => {
    const file = Buffer.concat([pcapFile(RECORDS), Buffer.alloc(16, 0xff)]);
    assert.throws(() => readCapture(file), { name: 'CaptureError', offset: file.length - 16 });
  });

  it('refuses another version', () => {
    const file = pcapFile(RECORDS);
    file.writeUInt16LE(3, 4);
    assert.throws(() => readCapture(file), /pcap version 3\.4 is not known/);
  });
});

describe('pcapng', () => {
  const ticks = (record: CaptureRecord, perMs: number): number => Math.round(record.timeMs * perMs);
  const times = (reading: Reading): unknown => reading.conversations[0]?.times;

  for (const bigEndian of [false, true]) {
    it(`is read in ${bigEndian ? 'big' : 'little'}-endian`, () => {
      checkFile(pcapngFile(RECORDS, { bigEndian }), (reading) => {
        sameStreams(reading);
        assert.deepEqual(times(reading), EXPECTED[0]?.times);
      });
    });
  }

  for (const [name, resolution, perMs, offsetSeconds] of [
    ['milliseconds', 3, 1, undefined],
    ['nanoseconds', 9, 1e6, undefined],
    ['powers of two', 0x80 | 10, 1.024, undefined],
    ['an offset', 6, 1000, 86_400],
    ['an offset before the epoch', 6, 1000, -86_400],
  ] as const) {
    it(`understands timestamps in ${name}`, () => {
      const shiftMs = (offsetSeconds ?? 0) * 1000;
      const file = Buffer.concat([
        NG.section(),
        NG.interface({ resolution, ...(offsetSeconds === undefined ? {} : { offsetSeconds }) }),
        ...RECORDS.map((record) =>
          NG.enhanced(0, ticks({ ...record, timeMs: record.timeMs - shiftMs }, perMs), record.bytes),
        ),
      ]);
      const found = times(readCapture(file)) as number[];
      const expected = EXPECTED[0]?.times as number[];
      assert.equal(found.length, expected.length);
      for (const [index, timeMs] of found.entries()) assert.ok(Math.abs(timeMs - (expected[index] as number)) < 1);
    });
  }

  it('reads simple packets, with and without a snap length', () => {
    for (const snapLength of [0, 4000]) {
      const blocks = RECORDS.map(({ bytes }) => NG.simple(bytes, snapLength === 0 ? undefined : snapLength));
      sameStreams(readCapture(Buffer.concat([NG.section(), NG.interface({ snapLength }), ...blocks])));
    }
  });

  it('reads the obsolete packet block', () => {
    const blocks = RECORDS.map((record) => NG.obsolete(0, ticks(record, 1000), record.bytes));
    sameStreams(readCapture(Buffer.concat([NG.section(), NG.interface(), ...blocks])));
  });

  it('keeps sections and interfaces apart', () => {
    const raw = recordsOf(SCRIPT.packets, LINK_TYPE.raw);
    const half = Math.floor(RECORDS.length / 2);
    const file = Buffer.concat([
      NG.section(true),
      NG.interface({ linkType: LINK_TYPE.ethernet }, true),
      NG.interface({ linkType: LINK_TYPE.raw }, true),
      ...RECORDS.slice(0, half).map((record, index) =>
        index % 2 === 0
          ? NG.enhanced(0, ticks(record, 1000), record.bytes, { bigEndian: true })
          : NG.enhanced(1, ticks(record, 1000), (raw[index] as CaptureRecord).bytes, { bigEndian: true }),
      ),
      NG.section(),
      NG.interface({ linkType: LINK_TYPE.raw, resolution: 9 }),
      ...raw.slice(half).map((record) => NG.enhanced(0, ticks(record, 1e6), record.bytes)),
    ]);
    checkFile(file, sameStreams);
  });

  it('passes over unknown blocks of any size, and options behind a packet', () => {
    const blocks = RECORDS.flatMap((record, index) => [
      block(0x0bad, Buffer.alloc(index * 3)),
      NG.enhanced(0, ticks(record, 1000), record.bytes),
    ]);
    const large = block(5, Buffer.alloc(3_000_000));
    checkFile(Buffer.concat([NG.section(), large, NG.interface(), ...blocks]), sameStreams);
  });

  it('counts records that make no sense by themselves', () => {
    const records = [
      NG.enhanced(7, 0, Buffer.alloc(60)),
      block(6, Buffer.alloc(8)),
      block(1, Buffer.alloc(4)),
      block(3, Buffer.alloc(0)),
      block(2, Buffer.alloc(4)),
    ];
    const file = Buffer.concat([pcapngFile(RECORDS), ...records]);
    const reading = readCapture(file);
    sameStreams(reading);
    assert.equal(reading.badRecords, records.length);
  });

  it('says where a block makes no sense', () => {
    const good = pcapngFile(RECORDS);
    for (const [bad, pattern] of [
      [Buffer.from('060000000d000000000000000000000000000000', 'hex'), /a block of 13 bytes cannot be/],
      [Buffer.from('0600000008000000000000000000000000000000', 'hex'), /a block of 8 bytes cannot be/],
      [Buffer.from('060000001000000000000000140000000000', 'hex'), /ends with another length/],
      [Buffer.from('0a0d0d0a1c0000000000000000000000', 'hex'), /without its byte order/],
    ] as const) {
      assert.throws(
        () => readCapture(Buffer.concat([good, bad])),
        (error) => error instanceof CaptureError && error.offset === good.length && pattern.test(error.message),
      );
    }
  });
});

describe('link layers', () => {
  for (const [name, linkType] of Object.entries(LINK_TYPE)) {
    for (const script of name === 'ipv6' ? [SCRIPT6] : name === 'ipv4' ? [SCRIPT] : [SCRIPT, SCRIPT6]) {
      it(`${name} with ${script === SCRIPT ? 'IPv4' : 'IPv6'}`, () => {
        sameStreams(readCapture(pcapFile(recordsOf(script.packets, linkType), { linkType })));
      });
    }
  }

  for (const tags of [[0x8100], [0x88a8, 0x8100], [0x9100, 0x8100]]) {
    for (const linkType of [LINK_TYPE.ethernet, LINK_TYPE.cooked, LINK_TYPE.cooked2]) {
      it(`${linkType} with ${tags.length} VLAN tags`, () => {
        const records = SCRIPT.packets.map((packet) => ({
          timeMs: packet.timeMs,
          bytes: linkBytes(linkType, ipBytes(packet), tags),
        }));
        sameStreams(readCapture(pcapFile(records, { linkType })));
      });
    }
  }

  it('loopback is told by the IP version, whatever the family and its byte order', () => {
    for (const family of [2, 10, 24, 28, 30]) {
      const records = SCRIPT6.packets.map((packet) => {
        const bytes = linkBytes(LINK_TYPE.loop, ipBytes(packet));
        bytes[3] = family;
        return { timeMs: packet.timeMs, bytes };
      });
      sameStreams(readCapture(pcapFile(records, { linkType: LINK_TYPE.null })));
    }
  });

  it('an unknown one is counted and named', () => {
    const { counts, conversations } = readCapture(pcapFile(RECORDS, { linkType: 189 }));
    assert.deepEqual(conversations, []);
    assert.deepEqual([...counts.skipped.counts], [['unknown_link_type', RECORDS.length]]);
    assert.deepEqual([...counts.unknownLinkTypes], [189]);
  });

  it('other protocols are counted', () => {
    const arp = Buffer.concat([Buffer.alloc(12), Buffer.from([8, 6]), Buffer.alloc(40)]);
    const wifi = Buffer.concat([Buffer.alloc(12), Buffer.from([0, 40]), Buffer.alloc(40)]);
    const udp = linkBytes(1, ipBytes(SCRIPT.packets[0] as never, { protocol: 17 }));
    const short = linkBytes(1, ipBytes(SCRIPT.packets[0] as never)).subarray(0, 40);
    const records = [arp, wifi, udp, short, Buffer.alloc(0), Buffer.alloc(14)].map((bytes) => ({ timeMs: 1, bytes }));
    const { counts } = readCapture(pcapFile(records));
    assert.deepEqual(Object.fromEntries(counts.skipped.counts), { not_ip: 4, not_tcp: 1, headers_cut: 1 });
  });
});

describe('IP', () => {
  it('reads options, extension headers and lengths of 0', () => {
    for (const options of [{ optionBytes: 12 }, { zeroLength: true }, { optionBytes: 40, zeroLength: true }]) {
      sameStreams(readCapture(pcapFile(recordsOf(SCRIPT.packets, LINK_TYPE.ethernet, options))));
    }
    for (const extensions of [[0], [43], [60], [44], [51], [0, 43, 60, 44], [135, 139, 140]]) {
      for (const zeroLength of [false, true]) {
        const records = recordsOf(SCRIPT6.packets, LINK_TYPE.ethernet, { extensions, zeroLength });
        sameStreams(readCapture(pcapFile(records)));
      }
    }
  });

  it('reads nothing of the padding behind a short packet', () => {
    const records = RECORDS.map(({ timeMs, bytes }) => ({
      timeMs,
      bytes: Buffer.concat([bytes, Buffer.alloc(20, 7)]),
    }));
    sameStreams(readCapture(pcapFile(records)));
  });

  it('counts fragments and does not reassemble them', () => {
    for (const fragment of [0x2000, 0x2010, 0x0010]) {
      const { counts } = readCapture(pcapFile(recordsOf(SCRIPT.packets, LINK_TYPE.ethernet, { fragment })));
      assert.deepEqual([...counts.skipped.counts], [['fragment', RECORDS.length]]);
    }
    const six = recordsOf(SCRIPT6.packets, LINK_TYPE.raw, { extensions: [44] });
    for (const { bytes } of six) bytes.writeUInt16BE(0x0001, 42);
    const { counts } = readCapture(pcapFile(six, { linkType: LINK_TYPE.raw }));
    assert.deepEqual([...counts.skipped.counts], [['fragment', six.length]]);
  });

  it('gives up on endless extension headers', () => {
    const records = recordsOf(SCRIPT6.packets, LINK_TYPE.raw, { extensions: Array.from({ length: 9 }, () => 60) });
    const { counts } = readCapture(pcapFile(records, { linkType: LINK_TYPE.raw }));
    assert.deepEqual([...counts.skipped.counts], [['not_tcp', records.length]]);
  });
});

describe('a file that ends too early', () => {
  for (const [name, file] of [
    ['pcap', pcapFile(RECORDS)],
    ['pcapng', pcapngFile(RECORDS)],
  ] as const) {
    it(`${name}: what was whole is used, at every offset`, () => {
      let most = 0;
      for (let end = 4; end < file.length; end++) {
        const { counts, left } = readCapture(file.subarray(0, end));
        assert.ok(counts.packets >= most, 'more bytes, more packets');
        assert.ok(left < 2000);
        most = counts.packets;
      }
      assert.equal(most, RECORDS.length - 1);
    });
  }
});

describe('a snap length', () => {
  it('leaves gaps where it cut', () => {
    for (const file of [pcapFile(RECORDS, { snapLength: 100 }), pcapngFile(RECORDS, { snapLength: 100 })]) {
      const { counts, conversations } = readCapture(file);
      assert.equal(counts.cutSegments, 10);
      assert.equal(counts.gaps, 10);
      assert.equal(conversations[0]?.events[0]?.[1].length, 2 * 46);
      assert.deepEqual(conversations[0]?.events[1], ['gap', 'client']);
    }
  });

  it('that cuts headers leaves nothing to read', () => {
    const { counts } = readCapture(pcapFile(RECORDS, { snapLength: 50 }));
    assert.deepEqual([...counts.skipped.counts], [['headers_cut', RECORDS.length]]);
  });
});

describe('files that are no captures', () => {
  for (const [name, start, pattern] of [
    ['gzip', '1f8b0800', /compressed by gzip; unpack it first/],
    ['zstd', '28b52ffd', /compressed by zstd/],
    ['xz', 'fd377a58', /compressed by xz/],
    ['bzip2', '425a6839', /compressed by bzip2/],
    ['zip', '504b0304', /a zip archive/],
    ['snoop', '736e6f6f', /snoop file/],
    ['text', '68656c6c', /no capture .*tcpdump -w/],
    ['nothing', '', /holds 0 bytes/],
    ['three bytes', 'd4c3b2', /holds 3 bytes/],
  ] as const) {
    it(name, () => {
      assert.throws(() => readCapture(Buffer.from(start, 'hex')), pattern);
    });
  }
});
