// What the network and the capture do to TCP: repeats, reordering, overlap, wrap, port reuse, loss. The streams come out
// as they were sent, or with the gap where bytes are missing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMessage } from '../../../codecs/index.ts';
import { type ReadConversation, type Reading, readCapture } from '../../support/capture-reading.ts';
import { pcapFile, recordsOf } from '../../support/capture-writer.ts';
import { type MongoScriptOptions, mongoScript } from '../../support/mongo-script.ts';
import { reorder, repeat, ScriptedConnection, type ScriptedPacket, seededRandom } from '../../support/tcp-script.ts';

const read = (packets: readonly ScriptedPacket[]): Reading => readCapture(pcapFile(recordsOf(packets)));
const sent = (packets: readonly ScriptedPacket[], fromClient: boolean): string =>
  Buffer.concat(packets.filter((packet) => packet.fromClient === fromClient).map(({ payload }) => payload)).toString(
    'hex',
  );
const got = (conversation: ReadConversation | undefined, side: 'client' | 'server'): string =>
  Buffer.concat(conversation?.[side] ?? []).toString('hex');

/** One conversation whose two sides, and their order, are those of the script. */
function sameAs(reading: Reading, packets: readonly ScriptedPacket[]): void {
  assert.equal(reading.conversations.length, 1);
  assert.equal(got(reading.conversations[0], 'client'), sent(packets, true));
  assert.equal(got(reading.conversations[0], 'server'), sent(packets, false));
  // But for whose end it was: the two FINs may change places as well.
  const order = ({ conversations }: Reading): unknown => conversations[0]?.events.slice(0, -1);
  assert.deepEqual(order(reading), order(read(packets)));
  assert.equal(reading.counts.gaps, 0);
}

const script = (options: MongoScriptOptions = {}): ScriptedPacket[] =>
  mongoScript({ operations: 30, segmentBytes: 50, ...options }).packets;
const OPENING = 3;

describe('segments that come otherwise than sent', () => {
  for (let seed = 1; seed <= 20; seed++) {
    it(`repeated and reordered, seed ${seed}`, () => {
      const packets = script();
      const random = seededRandom(seed);
      const repeated = repeat(packets, random, 0.3);
      sameAs(read(reorder(repeated, random, 2 + seed, OPENING)), packets);
    });
  }

  it('are counted', () => {
    const packets = script();
    const random = seededRandom(5);
    const { counts } = read(reorder(repeat(packets, random, 0.3), random, 6, OPENING));
    assert.ok(counts.repeatedSegments > 10);
    assert.ok(counts.earlySegments > 10);
  });

  it('across the wrap of the sequence numbers', () => {
    for (const initial of [
      [0xffff_ff00, 0xffff_fff0],
      [0x7fff_ff00, 0xffff_ffff],
      [0xffff_ffff, 0x7fff_fff0],
    ] as const) {
      const packets = script({ initial });
      const random = seededRandom(11);
      sameAs(read(reorder(repeat(packets, random, 0.3), random, 8, OPENING)), packets);
    }
  });

  it('never leave a reply before its request', () => {
    const packets = script({ operations: 200, segmentBytes: 1460 });
    const { conversations } = read(reorder(packets, seededRandom(3), 9, OPENING));
    const sides = conversations[0]?.events.map(([side]) => side).slice(0, -1);
    assert.ok(sides);
    assert.equal(sides.length, 402);
    for (const [index, side] of sides.entries()) assert.equal(side, index % 2 === 0 ? 'client' : 'server');
  });

  it('of overlapping bytes the first seen stay', () => {
    const message = encodeMessage({ find: 'a', $db: 'b', filter: { t: 'x'.repeat(100) } }, 1, 0);
    const connection = new ScriptedConnection().open(1000);
    connection.send(true, message, 1001);
    const [data] = connection.packets.slice(-1) as [ScriptedPacket];
    const part = (from: number, to: number, fill?: number): ScriptedPacket => {
      const payload = Buffer.from(message.subarray(from, to));
      if (fill !== undefined) payload.fill(fill);
      return { ...data, sequence: data.sequence + from, payload };
    };
    const opening = connection.packets.slice(0, OPENING);
    const orders = [
      [part(0, 30), part(20, 70), part(50, 70, 0), part(70, message.length)],
      [part(40, 60), part(25, 80, 0xee), part(0, 30), part(60, message.length)],
    ];
    const [clean, dirty] = orders.map((order) => got(read([...opening, ...order]).conversations[0], 'client'));
    assert.equal(clean, message.toString('hex'));
    const expected = Buffer.from(message);
    expected.fill(0xee, 25, 40);
    expected.fill(0xee, 60, 80);
    // What came first is kept on both sides of the early piece; the later piece fills only what was open.
    assert.equal(dirty, expected.toString('hex'));
  });

  it('keep-alives and pure acknowledgements change nothing', () => {
    const packets = script().flatMap((packet) => [
      packet,
      { ...packet, flags: 16, payload: Buffer.alloc(0) },
      { ...packet, flags: 16, sequence: (packet.sequence - 1) >>> 0, payload: Buffer.alloc(packet.flags & 2 ? 0 : 1) },
    ]);
    const reading = read(packets);
    assert.equal(got(reading.conversations[0], 'client'), sent(script(), true));
    assert.equal(reading.counts.gaps, 0);
  });
});

describe('ports used again', () => {
  const first = script({ operations: 3 });
  const second = script({ operations: 5, initial: [900_000, 4_000_000], startMs: 1_700_000_100_000 });

  it('begin another connection, with and without the end of the first', () => {
    for (const end of [first.length, first.length - 3]) {
      const packets = first.slice(0, end);
      const { conversations, counts } = read([...packets, ...second]);
      assert.equal(conversations.length, 2);
      assert.equal(got(conversations[0], 'server'), sent(packets, false));
      assert.equal(got(conversations[1], 'server'), sent(second, false));
      assert.equal(counts.joinedLate, 0);
      assert.deepEqual(conversations[0]?.events.at(-1), ['end', end === first.length ? 'client' : 'capture']);
    }
  });

  it('also when the SYN was lost', () => {
    const { conversations, counts } = read([...first, ...second.slice(OPENING)]);
    assert.equal(conversations.length, 2);
    assert.equal(counts.joinedLate, 1);
    assert.ok(got(conversations[1], 'server').length > 0);
  });

  it('a repeated SYN begins nothing', () => {
    const [syn, synAck, ...rest] = first as [ScriptedPacket, ScriptedPacket, ...ScriptedPacket[]];
    sameAs(read([syn, syn, synAck, syn, synAck, ...rest]), first);
  });

  it('stragglers after the end begin nothing', () => {
    const { conversations } = read([...first, ...first.slice(-6)]);
    assert.equal(conversations.length, 1);
  });
});

describe('the end', () => {
  it('of a connection by RST is whose it was', () => {
    for (const fromClient of [true, false]) {
      const connection = mongoScript({ operations: 2, withClose: false }).reset(fromClient, 1_700_000_000_500);
      const { conversations } = read(connection.packets);
      assert.deepEqual(conversations[0]?.events.at(-1), ['end', fromClient ? 'client' : 'server']);
    }
  });

  it('by FIN is whoever sent the first, and bytes after it still count', () => {
    const connection = mongoScript({ operations: 1, withClose: false });
    connection.close(1_700_000_000_600, false);
    const { conversations } = read(connection.packets);
    assert.deepEqual(conversations[0]?.events.at(-1), ['end', 'server']);
  });

  it('of the capture ends every connection', () => {
    const { conversations } = read(script({ withClose: false }));
    assert.deepEqual(conversations[0]?.events.at(-1), ['end', 'capture']);
  });
});

describe('bytes that were not captured', () => {
  const without = (packets: readonly ScriptedPacket[], ...indexes: number[]): ScriptedPacket[] =>
    packets.filter((_, index) => !indexes.includes(index));

  it('leave a gap in their direction, and nothing else is lost', () => {
    const packets = mongoScript({ operations: 100 }).packets;
    for (const lost of [7, 8, 30, 31]) {
      const { conversations, counts } = read(without(packets, lost));
      const { fromClient, payload } = packets[lost] as ScriptedPacket;
      assert.equal(counts.gaps, 1, `packet ${lost}`);
      assert.equal(counts.gapBytes, payload.length);
      const kept = without(packets, lost);
      assert.equal(got(conversations[0], 'client'), sent(kept, true));
      assert.equal(got(conversations[0], 'server'), sent(kept, false));
      const gap = conversations[0]?.events.find(([kind]) => kind === 'gap');
      assert.deepEqual(gap, ['gap', fromClient ? 'client' : 'server']);
    }
  });

  it('are given up after a second of packets, not at the end', () => {
    const packets = mongoScript({ operations: 30 }).packets.map((packet, index) =>
      index < 12 ? packet : { ...packet, timeMs: packet.timeMs + 2000 },
    );
    const { conversations } = read(without(packets, 9));
    const times = conversations[0]?.times ?? [];
    assert.ok(times.length > 50);
    // Held segments keep their own times.
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
  });

  it('are given up after 64 packets, if their receiver acknowledged them', () => {
    // All at the same moment: only the number of packets can tell.
    const packets = mongoScript({ operations: 100 }).packets.map((packet) => ({ ...packet, timeMs: 5000 }));
    const kept = without(packets, 9);
    let gapAt = Infinity;
    for (let count = 20; count < packets.length && gapAt === Infinity; count++) {
      const { counts } = readCapture(pcapFile(recordsOf(kept.slice(0, count))), { isUnfinished: true });
      if (counts.gaps > 0) gapAt = count;
    }
    assert.ok(gapAt > 60 && gapAt < 90, `after ${gapAt} packets`);
  });

  it('that nobody acknowledged are waited for', () => {
    const connection = new ScriptedConnection({ segmentBytes: 400 }).open(1000);
    const message = encodeMessage({ insert: 'a', $db: 'b', documents: [{ t: 'x'.repeat(100_000) }] }, 1, 0);
    connection.send(true, message, 1001);
    const packets = connection.packets;
    const moved = [...without(packets, 5), packets[5] as ScriptedPacket];
    const { conversations, counts } = read(moved);
    assert.equal(counts.gaps, 0);
    assert.equal(got(conversations[0], 'client'), message.toString('hex'));
  });

  it('end the waiting when too much is held', () => {
    const connection = new ScriptedConnection({ segmentBytes: 60_000 }).open(1000);
    const message = encodeMessage({ insert: 'a', $db: 'b', documents: [{ t: 'x'.repeat(3_000_000) }] }, 1, 0);
    connection.send(true, message, 1001);
    const { conversations, counts } = read(without(connection.packets, 4));
    assert.equal(counts.gaps, 1);
    assert.equal(got(conversations[0], 'client').length, 2 * (message.length - 60_000));
  });

  it('random loss: every byte that was captured comes out once', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const packets = script({ operations: 60 });
      const kept = packets.filter((_, index) => index < OPENING || random() > 0.05);
      const { conversations } = read(reorder(repeat(kept, random, 0.2), random, 4, OPENING));
      for (const side of ['client', 'server'] as const) {
        const captured = sent(kept, side === 'client');
        const bytes = got(conversations[0], side);
        // A segment that was reordered past the moment its hole was given up is too late.
        assert.ok(bytes.length <= captured.length);
        assert.ok(bytes.length > captured.length * 0.9, `${seed}: ${bytes.length} of ${captured.length}`);
      }
    }
  });

  it('one direction alone is read', () => {
    const packets = script();
    for (const fromClient of [true, false]) {
      const { conversations, counts } = read(packets.filter((packet) => packet.fromClient === fromClient));
      assert.equal(conversations.length, 1);
      assert.equal(got(conversations[0], fromClient ? 'client' : 'server'), sent(packets, fromClient));
      assert.equal(conversations[0]?.found.clientPort, 40_000);
      assert.equal(counts.gaps, 0);
    }
  });
});

describe('a capture that begins in the middle', () => {
  it('is read from the next message, told by its content', () => {
    const packets = mongoScript({ operations: 20, segmentBytes: 200, replyBytes: 1000 }).packets;
    for (let start = 1; start < 40; start++) {
      const { conversations, counts } = read(packets.slice(start));
      assert.equal(conversations.length, 1, `from packet ${start}`);
      const [conversation] = conversations;
      assert.equal(conversation?.found.clientPort, 40_000);
      assert.equal(conversation?.found.serverPort, 27_017);
      if (start > 1) assert.equal(counts.joinedLate, 1);
      const joined = got(conversation, 'server');
      assert.ok(joined.length > 0 && sent(packets, false).endsWith(joined));
    }
  });

  it('also behind a few bytes that end a message', () => {
    const { packets } = mongoScript({ operations: 4 });
    const [tail, next] = [6, 7].map((index) => packets[index] as ScriptedPacket) as [ScriptedPacket, ScriptedPacket];
    const cut = tail.payload.length - 10;
    // Ten bytes that could be the start of a message, as far as they go; the next segment of the same side begins one.
    const end = Buffer.concat([Buffer.from([100, 0, 0, 0]), tail.payload.subarray(cut + 4)]);
    const before = { ...next, sequence: (next.sequence - 10) >>> 0, payload: end };
    const { conversations } = read([before, next, ...packets.slice(8)]);
    assert.equal(conversations.length, 1);
    assert.ok(got(conversations[0], next.fromClient ? 'client' : 'server').startsWith(next.payload.toString('hex')));
  });

  it('both sides are told that bytes are missing', () => {
    const { conversations } = read(mongoScript({ operations: 3 }).packets.slice(5));
    assert.deepEqual(conversations[0]?.events.slice(0, 2), [
      ['gap', 'client'],
      ['gap', 'server'],
    ]);
  });
});

describe('what is spoken', () => {
  const dialogue = (client: string | Buffer, server: string | Buffer = '', port = 9999): ScriptedPacket[] => {
    const connection = new ScriptedConnection({ serverPort: port, clientPort: 20_000 }).open(1000);
    connection.send(true, Buffer.from(client as string, 'latin1'), 1001);
    if (server.length > 0) connection.send(false, Buffer.from(server as string, 'latin1'), 1002);
    return connection.close(1003).packets;
  };
  const HELLO = '\x16\x03\x01\x00\x10\x01';
  const kindsOf = (packets: readonly ScriptedPacket[]): unknown =>
    Object.fromEntries(read(packets).counts.connections.counts);

  it('is told by the first bytes', () => {
    assert.deepEqual(kindsOf(dialogue(HELLO)), { tls: 1 });
    assert.deepEqual(kindsOf(dialogue('GET / HTTP/1.1\r\n')), { http: 1 });
    assert.deepEqual(kindsOf(dialogue('SSH-2.0-OpenSSH\r\n')), { other: 1 });
    assert.deepEqual(kindsOf(dialogue('')), { silent: 1 });
    assert.deepEqual(kindsOf(dialogue('\x30\x00')), { cut: 1 });
    assert.deepEqual(kindsOf(dialogue('\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f')), {
      other: 1,
    });
  });

  it('whatever segments the first bytes come in', () => {
    for (const [bytes, kind] of [
      [HELLO, 'tls'],
      ['POST /x HTTP/1.1\r\n\r\n', 'http'],
      ['\x05\x00\x00\x00hello, this is a text of somebody else', 'other'],
    ] as const) {
      for (let cut = 1; cut < 6; cut++) {
        const connection = new ScriptedConnection({ segmentBytes: cut }).open(1000);
        connection.send(true, Buffer.from(bytes, 'latin1'), 1001);
        assert.deepEqual(kindsOf(connection.packets), { [kind]: 1 }, `${kind} in segments of ${cut}`);
      }
    }
    for (let cut = 1; cut < 40; cut++) {
      const packets = script({ operations: 1, segmentBytes: cut, serverPort: 443 });
      sameAs(read(packets), packets);
    }
  });

  it('names the servers of TLS', () => {
    const packets = [...dialogue(HELLO, '', 27_017), ...dialogue(HELLO, '', 27_018)];
    assert.deepEqual(Object.fromEntries(read(packets).counts.tlsServers), { '10.0.0.2:27017': 1, '10.0.0.2:27018': 1 });
    const late = dialogue(HELLO, '\x16\x03\x03\x00\x10\x02', 27_017);
    assert.deepEqual(Object.fromEntries(read(late.slice(3)).counts.tlsServers), { '10.0.0.2:27017': 1 });
    const data = dialogue('\x17\x03\x03\x00\x10abc', '', 7017);
    assert.deepEqual(Object.fromEntries(read(data.slice(3)).counts.tlsServers), { '10.0.0.2:7017': 1 });
  });

  it('lets go of what is not MongoDB at once', () => {
    const connection = new ScriptedConnection({ serverPort: 80 }).open(1000);
    for (let index = 0; index < 50; index++) connection.send(true, Buffer.alloc(1000, 0xee), 1001 + index);
    const packets = [...connection.packets.slice(0, 4), ...connection.packets.slice(5)];
    const { counts } = read(packets);
    assert.equal(counts.earlySegments, 0);
    assert.deepEqual(Object.fromEntries(counts.connections.counts), { other: 1 });
  });
});

describe('bounds', () => {
  it('the connections that were silent longest are given up', () => {
    const all = Array.from({ length: 50 }, (_, index) =>
      mongoScript({ clientPort: 10_000 + index, operations: 1, startMs: 1e6 + index * 1000, withClose: false }),
    );
    const file = pcapFile(recordsOf(all.flatMap(({ packets }) => packets)));
    const { conversations, counts } = readCapture(file, { maxConnections: 20 });
    assert.equal(conversations.length, 50);
    assert.ok(counts.evicted >= 30 && counts.evicted < 50, String(counts.evicted));
    for (const { events } of conversations) assert.deepEqual(events.at(-1), ['end', 'capture']);
  });

  it('connections that look alike to the table are bounded too', () => {
    // Swapped ports and addresses give the same hash: ten thousand of them must not be walked for each packet.
    const packets = Array.from({ length: 64 }, (_, index) =>
      mongoScript({
        clientHost: `10.0.${index}.1`,
        serverHost: `10.0.${index}.2`,
        operations: 1,
        withClose: false,
      }),
    ).flatMap((connection) => connection.packets);
    const { conversations, counts } = read(packets);
    assert.equal(conversations.length, 64);
    assert.equal(counts.evicted, 32);
  });
});
