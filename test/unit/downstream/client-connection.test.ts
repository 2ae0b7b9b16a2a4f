// One client connection under bad input, pipelining, slow reading and sudden ends, through the whole proxy.
// What single commands are answered is elsewhere. Invariants tested: the reaction of every decode reason; answers in the
// order of the questions; what is held for a client is bounded; one client's bytes disturb nobody else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BsonDocument,
  crc32c,
  DECODE_REASONS,
  type DecodeReason,
  encodeMessage,
  serialize,
} from '../../../codecs/index.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { cursorReply, encodeQuery, session, type TestClient } from '../../support/test-client.ts';

const PING = { ping: 1, $db: 'admin' };

/** A message with these sections behind the flag bits. */
function message(flagBits: number, ...sections: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(20), ...sections]);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(501, 4);
  bytes.writeInt32LE(2013, 12);
  bytes.writeUInt32LE(flagBits, 16);
  return bytes;
}

const body = (document: BsonDocument): Buffer => Buffer.concat([Buffer.from([0]), serialize(document)]);

function sequence(name: string, ...documents: readonly BsonDocument[]): Buffer {
  const inner = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((document) => serialize(document))]);
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeInt32LE(inner.length + 4, 1);
  return Buffer.concat([head, inner]);
}

/** A ping with four bytes overwritten. */
function damagedPing(at: number, value: number): Buffer {
  const bytes = encodeMessage(PING, 501, 0);
  bytes.writeInt32LE(value, at);
  return bytes;
}

function headerOnly(): Buffer {
  const bytes = message(0).subarray(0, 16);
  bytes.writeInt32LE(16, 0);
  return bytes;
}

/** `{ping: 1, ping: 1}` and the like cannot be made by serialize. */
function twice(document: BsonDocument): Buffer {
  const once = serialize(document);
  const fields = once.subarray(4, once.length - 1);
  const doubled = Buffer.concat([Buffer.alloc(4), fields, fields, Buffer.alloc(1)]);
  doubled.writeInt32LE(doubled.length, 0);
  return Buffer.concat([Buffer.from([0]), doubled]);
}

/** Of replies, or of compressed requests (client-connection.compression.test.ts). */
type ElsewhereReason =
  | 'no_ok'
  | 'bad_compressed_size'
  | 'nested_compression'
  | 'unknown_compressor'
  | 'compressor_unavailable'
  | 'compressor_not_negotiated'
  | 'inflate_failed';

/** Bytes for every other reason that a request can have. */
const INPUTS: Readonly<Record<Exclude<DecodeReason, ElsewhereReason>, Buffer>> = {
  length_too_small: damagedPing(0, 15),
  length_too_large: damagedPing(0, 48_000_001),
  unknown_opcode: damagedPing(12, 1),
  bad_layout: headerOnly(),
  unknown_required_flag: damagedPing(16, 4),
  too_many_sequences: message(0, body({ insert: 'a', $db: 'd' }), sequence('a'), sequence('b'), sequence('c')),
  bad_checksum: message(1, body(PING), Buffer.from([1, 2, 3, 4])),
  two_bodies: message(0, body(PING), body(PING)),
  no_body: message(0, sequence('documents', {})),
  unknown_section: message(0, Buffer.from([7]), serialize(PING)),
  security_token_section: message(0, body(PING), Buffer.from([2]), serialize({})),
  repeated_sequence: message(0, body({ insert: 'a', $db: 'd' }), sequence('documents', {}), sequence('documents', {})),
  sequence_in_body: message(0, body({ insert: 'a', documents: [], $db: 'd' }), sequence('documents', {})),
  bad_sequence: message(0, body({ insert: 'a', $db: 'd' }), Buffer.from([1, 3, 0, 0, 0, 0, 0, 0])),
  document_too_large: message(0, body({ insert: 'a', pad: Buffer.alloc(16_793_601), $db: 'd' })),
  invalid_bson: damagedPing(25, 0x6e69_707e),
  duplicate_field: message(0, twice(PING)),
  empty_command: message(0, body({})),
  field_type: message(0, body({ find: 'a', lsid: 7, $db: 'd' })),
  db_missing: message(0, body({ ping: 1 })),
  db_invalid: message(0, body({ ping: 1, $db: 'a.b' })),
  db_in_query: encodeQuery({ isMaster: 1, $db: 'admin' }, 501, { namespace: 'admin.$cmd', numberToReturn: 1 }),
  collection_invalid: message(0, body({ find: '', $db: 'd' })),
  bad_number_to_return: encodeQuery({ isMaster: 1 }, 501, { namespace: 'admin.$cmd', numberToReturn: 2 }),
};

describe('bad input', () => {
  for (const [reason, bytes] of Object.entries(INPUTS) as [keyof typeof INPUTS, Buffer][]) {
    const rule = DECODE_REASONS[reason];
    test(`${reason}: ${rule.reaction} ${rule.code}`, () => {
      const rig = startRig();
      const other = rig.app('other');
      other.send({ find: 'a' });
      const client = rig.app('shop');
      client.feed(Buffer.from(bytes));
      assert.deepEqual([...rig.decodeErrors.counts], [[`downstream|${reason}`, 1]]);
      const answers = client.replies.slice(1);
      if (rule.reaction === 'close') assert.deepEqual(answers, []);
      else {
        assert.equal(answers.length, 1);
        assert.deepEqual(answers[0]?.document, {
          ok: 0,
          errmsg: rule.message,
          code: rule.code,
          codeName: rule.codeName,
        });
        assert.equal(answers[0]?.responseTo, 501);
        assert.equal(answers[0]?.opcode, bytes.readInt32LE(12) === 2004 ? 1 : 2013);
      }
      assert.equal(client.isClosed, rule.reaction !== 'reply');
      rig.answer('find', cursorReply(0, 'a'));
      assert.equal(other.last['ok'], 1);
      assert.equal(rig.table.totals.active, 0);
      if (client.isClosed) return;
      client.send(PING);
      assert.deepEqual(client.last, { ok: 1 }, 'the connection goes on');
    });
  }

  test('a length is judged before anything is held', () => {
    const rig = startRig();
    const client = rig.app('shop');
    client.feed(damagedPing(0, 0x7fff_ffff).subarray(0, 16));
    assert.equal(client.isClosed, true);
  });

  test('one byte a second is a request like any other', () => {
    const rig = startRig();
    const client = rig.app('shop');
    const bytes = client.encode({ find: 'a' });
    for (const byte of bytes) {
      assert.equal(rig.server.open('find').length, 0);
      client.feed(Buffer.from([byte]));
      rig.clock.advance(1000);
    }
    assert.equal(rig.server.open('find').length, 1);
  });

  test('a client that vanishes at any byte leaves nothing', () => {
    const rig = startRig();
    const bytes = encodeMessage({ find: 'a', $db: 'shop' }, 5, 0);
    for (let length = 0; length <= bytes.length; length++) {
      const client = rig.connectClient();
      client.feed(Buffer.from(bytes.subarray(0, length)));
      client.close();
    }
    rig.answer('find', cursorReply(0, 'a'));
    assert.equal(rig.downstream.connections.size, 0);
    assert.equal([...rig.dispatcher.peers.all()].length, 0);
    assert.equal(rig.table.totals.active, 0);
    assert.equal(rig.table.totals.operations, 1);
  });

  test('a 201-deep document is passed on or refused, never a crash', () => {
    const rig = startRig();
    const client = rig.app('shop');
    let deep: BsonDocument = { x: 1 };
    for (let i = 0; i < 250; i++) deep = { d: deep };
    client.send({ find: 'a', filter: deep });
    client.send({ hello: 1, client: deep, $db: 'admin' });
    client.send({ endSessions: [deep], $db: 'admin' });
    assert.equal(client.isClosed, false);
  });
});

/** A command whose top level is fine, with a string that runs past its nested document. */
function hidden(client: TestClient, document: BsonDocument, flags = 0): Buffer {
  const bytes = client.encode(document, flags);
  bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
  return bytes;
}

describe('garbage inside what weir itself must decode', () => {
  const garbage = { text: 'abcdefgh' };
  const COMMANDS: readonly (readonly [what: string, document: BsonDocument])[] = [
    ['hello', { hello: 1, client: { driver: garbage }, $db: 'admin' }],
    ['endSessions', { endSessions: [garbage], $db: 'admin' }],
    ['killCursors', { killCursors: 'a', cursors: [5n, 6n], note: garbage }],
    ['comment', { find: 'a', comment: { nested: garbage } }],
  ];
  for (const [what, document] of COMMANDS) {
    for (const isPipelined of [false, true]) {
      test(`${what}${isPipelined ? ', behind a request that is under way' : ''}`, () => {
        const rig = startRig();
        const client = rig.connectClient();
        client.send({ find: 'a' });
        rig.answer('find', cursorReply(5, 'a'));
        if (isPipelined) client.send({ count: 'a' });
        client.feed(hidden(client, document));
        if (isPipelined) rig.answer('count', { n: 1 });
        for (const request of rig.server.open('find')) request.reply({});
        rig.settle();
        // Passed on as it is (the server judges it) or refused with 22: in both cases nothing breaks or hangs.
        const forwarded = rig.server.pooled.flatMap((connection) => connection.received).at(-1);
        if (client.replies.length < (isPipelined ? 3 : 2)) {
          assert.ok(forwarded);
          rig.server.pooled[0]?.replyTo(forwarded, {});
          rig.settle();
        }
        assert.equal(client.isClosed, false);
        client.send(PING);
        assert.deepEqual(client.last, { ok: 1 });
        assert.equal(rig.table.totals.active, 0);
      });
    }
  }
});

test('a request with a checksum is passed on without it, and so is a reply', () => {
  const rig = startRig();
  const client = rig.app('shop');
  client.feed(withChecksum(client.encode({ find: 'a', lsid: session(1) })));
  const request: ReturnType<Rig['server']['take']> = rig.server.take('find');
  assert.equal(request.flagBits & 1, 0);
  request.connection.socket.feed(withChecksum(request.encodeReply(cursorReply(0, 'a'))));
  rig.settle();
  const frame = client.raw.at(-1);
  assert.equal((frame?.bytes.readInt32LE(16) ?? 1) & 1, 0);
  assert.equal(client.last['ok'], 1);
});

/** The message with its CRC-32C behind it. */
function withChecksum(bytes: Buffer): Buffer {
  const longer = Buffer.concat([bytes, Buffer.alloc(4)]);
  longer.writeInt32LE(longer.length, 0);
  longer.writeUInt32LE(longer.readUInt32LE(16) | 1, 16);
  longer.writeUInt32LE(crc32c(longer.subarray(0, -4)), longer.length - 4);
  return longer;
}
