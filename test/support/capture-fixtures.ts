// The captures of fixtures/captures, made by script: run `UPDATE_GOLDEN=1 npx tsx --test test/unit/cli/decode.fixtures.test.ts`
// to write them and what weir decode prints of them. Invariant: the same bytes on every machine and day.

import { encodeMessage } from '../../codecs/index.ts';
import {
  type CaptureRecord,
  ipBytes,
  LINK_TYPE,
  linkBytes,
  NG,
  pcapFile,
  pcapngFile,
  recordsOf,
} from './capture-writer.ts';
import { mongoScript } from './mongo-script.ts';
import { reorder, repeat, ScriptedConnection, type ScriptedPacket, seededRandom } from './tcp-script.ts';

/** 2026-01-05T08:00:00Z. */
const START_MS = 1_767_600_000_000;
const CLIENT = {
  application: { name: 'shop' },
  driver: { name: 'nodejs', version: '7.9.0' },
  os: { type: 'Linux' },
};

type Document = Record<string, unknown>;

/** A session of an application: a cursor, writes, an error, a write without a reply. */
function shopSession(): ScriptedConnection {
  const connection = new ScriptedConnection({ clientPort: 40_001 }).open(START_MS);
  let nowMs = START_MS;
  let id = 0;
  const ask = (request: Document, reply: Document | null, ms = 1): void => {
    nowMs += 5;
    id += 1;
    connection.send(true, encodeMessage(request, id, 0, reply === null ? 2 : 0), nowMs);
    if (reply !== null) connection.send(false, encodeMessage(reply, 500 + id, id), nowMs + ms);
  };
  const batch = (count: number): Document[] => Array.from({ length: count }, (_, index) => ({ _id: index, total: 5 }));
  ask({ hello: 1, client: CLIENT, $db: 'admin' }, { ok: 1, maxWireVersion: 21, hosts: [] });
  ask(
    { find: 'orders', filter: { open: true }, comment: 'Orders.list', $db: 'shop' },
    { cursor: { id: 77, ns: 'shop.orders', firstBatch: batch(10) }, ok: 1 },
    30,
  );
  nowMs += 40;
  ask(
    { getMore: 77n, collection: 'orders', $db: 'shop' },
    { cursor: { id: 0, ns: 'shop.orders', nextBatch: batch(4) }, ok: 1 },
  );
  ask({ insert: 'orders', documents: batch(3), comment: 'Checkout.place', $db: 'shop' }, { n: 3, ok: 1 });
  ask(
    {
      update: 'stock',
      updates: [{ q: { _id: 1 }, u: { $inc: { left: -1 } } }],
      comment: 'Checkout.place',
      $db: 'shop',
    },
    { n: 1, nModified: 1, ok: 1 },
  );
  ask(
    { insert: 'orders', documents: batch(1), comment: { callsite: 'Checkout.place' }, $db: 'shop' },
    { n: 0, writeErrors: [{ index: 0, code: 11_000, errmsg: 'duplicate key' }], ok: 1 },
  );
  ask({ aggregate: 'orders', pipeline: [], $db: 'shop' }, { ok: 0, code: 9, codeName: 'FailedToParse', errmsg: 'no' });
  ask({ insert: 'log', documents: batch(1), comment: 'Audit.note', $db: 'shop' }, null);
  return connection.close(nowMs + 10);
}

/** Packets of several connections by time. */
function merged(...connections: readonly (readonly ScriptedPacket[])[]): ScriptedPacket[] {
  return connections.flat().sort((a, b) => a.timeMs - b.timeMs);
}

function foreign(first: string, serverPort: number, clientPort: number): readonly ScriptedPacket[] {
  const connection = new ScriptedConnection({ serverPort, clientPort }).open(START_MS);
  return connection.send(true, Buffer.from(first, 'latin1'), START_MS + 1).close(START_MS + 2).packets;
}

/** Nanoseconds, VLAN tags, comments and statistics between the packets. */
function taggedPcapng(packets: readonly ScriptedPacket[]): Buffer {
  const blocks = packets.map((packet) =>
    // Nanoseconds since 1970 are beyond what a double holds; these are whole microseconds.
    NG.enhanced(0, packet.timeMs * 1e6, linkBytes(LINK_TYPE.cooked2, ipBytes(packet), [0x8100])),
  );
  return Buffer.concat([NG.section(), NG.interface({ linkType: LINK_TYPE.cooked2, resolution: 9 }), ...blocks]);
}

function lossyPcapng(): Buffer {
  const { packets } = mongoScript({ operations: 40, startMs: START_MS, segmentBytes: 120, clientPort: 40_002 });
  const random = seededRandom(6);
  const late = packets.slice(8).filter(() => random() > 0.03);
  return pcapngFile(recordsOf(reorder(repeat(late, random, 0.1), random, 3, 0), LINK_TYPE.raw), {
    linkType: LINK_TYPE.raw,
    bigEndian: true,
  });
}

function mixedPcap(): Buffer {
  const six = mongoScript({
    clientHost: '20010db8000000000000000000000001',
    serverHost: '20010db8000000000000000000000002',
    operations: 3,
    startMs: START_MS,
  });
  const [sample] = shopSession().packets as [ScriptedPacket];
  const others: CaptureRecord[] = [
    { timeMs: START_MS, bytes: linkBytes(LINK_TYPE.ethernet, ipBytes(sample, { protocol: 17 })) },
    { timeMs: START_MS, bytes: linkBytes(LINK_TYPE.ethernet, ipBytes(sample, { fragment: 0x2000 })) },
    { timeMs: START_MS, bytes: Buffer.concat([Buffer.alloc(12), Buffer.from([8, 6]), Buffer.alloc(28)]) },
  ];
  const packets = merged(
    foreign('\x16\x03\x01\x00\x10\x01\x00\x00\x0c\x03\x03', 27_017, 41_001),
    foreign('GET / HTTP/1.1\r\n\r\n', 8080, 41_002),
    foreign('SSH-2.0-client\r\n', 22, 41_003),
    foreign('', 27_017, 41_004),
    six.packets,
  );
  return pcapFile([...others, ...recordsOf(packets)]);
}

/** Name and bytes of each capture. */
export function captureFixtures(): ReadonlyMap<string, Buffer> {
  const session = shopSession().packets;
  const whole = pcapFile(recordsOf(session));
  return new Map([
    ['shop.pcap', whole],
    ['shop-vlan.pcapng', taggedPcapng(session)],
    ['lossy.pcapng', lossyPcapng()],
    ['mixed.pcap', mixedPcap()],
    ['cut.pcap', whole.subarray(0, whole.length - 100)],
    ['snap.pcap', pcapFile(recordsOf(session), { snapLength: 96 })],
  ]);
}
