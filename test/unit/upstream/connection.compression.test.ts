// Compression towards the server, through the whole proxy: what is asked for, what goes and comes compressed, and what
// becomes of a connection while a large message is deflated or inflated off the event loop.
// Invariants tested: without an agreement nothing is compressed or taken; a connection is free only when it is clean.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  type BsonDocument,
  COMPRESSORS,
  type CompressorName,
  deflate,
  Frame,
  loadCompressors,
  OPCODE,
  readCompressedHeader,
} from '../../../codecs/index.ts';
import type { Operation } from '../../../src/core/operation.ts';
import type { Compressor } from '../../../src/options.ts';
import { eventually } from '../../integration/harness/eventually.ts';
import type { ServerRequest } from '../../support/fake-server.ts';
import { makeRig, type Rig } from '../../support/rig.ts';
import { cursorReply, FLAG } from '../../support/test-client.ts';

const BIG = 'weir '.repeat(8000);

function rigOf(asked: readonly Compressor[] = ['snappy', 'zlib'], agreed: readonly string[] = ['zlib', 'snappy']): Rig {
  const rig = makeRig({ upstreamCompressors: asked, compressors: ['zlib'], pool: { maxConnections: 1 } });
  rig.server.hello = agreed.length === 0 ? {} : { compression: [...agreed] };
  rig.cluster.start();
  rig.clock.advance(0);
  return rig;
}

/** How the last request of this connection came. */
function cameAs(request: ServerRequest): CompressorName | 'plain' {
  const frame = request.connection.received.find(({ requestId }) => requestId === request.requestId);
  assert.ok(frame !== undefined);
  return frame.opcode === OPCODE.compressed ? readCompressedHeader(frame).name : 'plain';
}

function compressedReply(request: ServerRequest, document: BsonDocument, name: CompressorName): Buffer {
  return deflate(Frame.of(request.encodeReply(document)), COMPRESSORS[name]).bytes;
}

async function until(rig: Rig, what: string, condition: () => boolean): Promise<void> {
  await eventually(what, () => {
    rig.settle();
    return condition();
  });
}

before(loadCompressors);

describe('what is asked for', () => {
  test('nothing by default, and nothing by the monitor', () => {
    const plain = rigOf([]);
    plain.app('shop').send({ find: 'a' });
    assert.deepEqual(
      plain.server.hellos.map(({ document }): unknown => document['compression']),
      [undefined, undefined],
    );
    const rig = rigOf(['zstd', 'snappy']);
    rig.app('shop').send({ find: 'a' });
    assert.deepEqual(
      rig.server.hellos.map(({ document }): unknown => document['compression']),
      [undefined, ['zstd', 'snappy']],
    );
  });

  const CASES: readonly (readonly [readonly Compressor[], readonly string[], CompressorName | 'plain'])[] = [
    [['snappy', 'zlib'], ['zlib', 'snappy'], 'snappy'],
    [['zstd', 'zlib'], ['zlib'], 'zlib'],
    [['zstd'], ['zstd'], 'zstd'],
    [['zstd'], ['snappy'], 'plain'],
    [['zstd'], [], 'plain'],
    [[], ['zlib'], 'plain'],
    [['zlib'], ['a', 'b', 'c', 'd', 'zlib'], 'plain'],
  ];
  for (const [asked, agreed, expected] of CASES) {
    test(`asked for ${asked.join()}, the server says ${agreed.join()}: ${expected}`, () => {
      const rig = rigOf(asked, agreed);
      rig.app('shop').send({ find: 'a' });
      assert.equal(cameAs(rig.server.take('find')), expected);
    });
  }
});

describe('requests', () => {
  test('are compressed, answered by their ids, and counted', () => {
    const rig = rigOf();
    const client = rig.app('shop');
    for (let round = 0; round < 3; round++) {
      client.send({ find: 'a', comment: BIG.slice(0, 4000) });
      const request = rig.server.take('find');
      assert.equal(cameAs(request), 'snappy');
      assert.equal(String(request.document['comment']).length, 4000);
      rig.answer('find', cursorReply(0, 'a'));
      assert.equal(client.last['ok'], 1);
    }
    assert.equal(rig.server.pooled.length, 1);
    assert.equal(rig.compression.messages.counts.get('upstream|snappy|sent'), 3);
    assert.ok((rig.compression.bytes.counts.get('upstream|snappy|sent|plain') ?? 0) > 12_000);
    assert.ok((rig.compression.bytes.counts.get('upstream|snappy|sent|wire') ?? 0) < 2000);
    assert.equal(rig.compression.messages.counts.get('upstream|snappy|received'), undefined);
  });

  test('of the forbidden list and of weir itself go plain', () => {
    const rig = rigOf();
    const client = rig.app('shop');
    for (const name of ['createUser', 'updateUser', 'copydb']) {
      client.send({ [name]: 'x' });
      assert.equal(cameAs(rig.server.take(name)), 'plain', name);
      rig.answer(name);
    }
    client.send({ find: 'a' });
    rig.answer('find', cursorReply(77, 'a'));
    client.close();
    rig.clock.advance(0);
    assert.equal(cameAs(rig.server.take('killCursors')), 'plain');
  });

  test('a write that wants no answer is followed by its fence, small or large', async () => {
    const rig = rigOf();
    const client = rig.app('shop');
    for (const text of ['', BIG]) {
      client.send({ insert: 'a', documents: [{ text }] }, FLAG.moreToCome);
      await until(rig, 'the fence', () => rig.server.open('ping').length === 1);
      const { connection } = rig.server.take('ping');
      assert.deepEqual(
        connection.requests.slice(-2).map(({ name }) => name),
        ['insert', 'ping'],
      );
      assert.deepEqual(connection.requests.slice(-2).map(cameAs), ['snappy', 'plain']);
      rig.answer('ping');
      rig.server.requests.length = 0;
    }
    assert.equal(rig.table.totals.active, 0);
  });
});

describe('replies', () => {
  for (const name of ['snappy', 'zlib'] as const) {
    test(`${name}: are inflated, whatever the client speaks`, async () => {
      const rig = rigOf();
      const client = rig.app('shop');
      const zlib = rig.connectClient();
      zlib.hello('other', { compression: ['zlib'] });
      for (const text of ['', BIG]) {
        client.send({ find: 'a' });
        const first = rig.server.take('find');
        first.isAnswered = true;
        first.connection.socket.feed(compressedReply(first, cursorReply(0, 'a', [{ text }]), name));
        await until(rig, 'the reply', () => 'cursor' in client.last);
        assert.deepEqual((client.last['cursor'] as BsonDocument)['firstBatch'], [{ text }]);
        assert.equal(client.replies.at(-1)?.compressor, undefined);
        client.send({ ping: 1, $db: 'admin' });

        zlib.sendCompressed({ find: 'a' }, 'zlib');
        await until(rig, 'the second find', () => rig.server.open('find').length === 1);
        const second = rig.server.take('find');
        second.isAnswered = true;
        second.connection.socket.feed(compressedReply(second, cursorReply(0, 'a', [{ text }]), name));
        await until(rig, 'the compressed reply', () => 'cursor' in zlib.last);
        assert.equal(zlib.replies.at(-1)?.compressor, 'zlib');
        zlib.send({ ping: 1, $db: 'admin' });
      }
      assert.equal(rig.server.pooled.length, 1);
      assert.equal(rig.compression.messages.counts.get(`upstream|${name}|received`), 4);
    });
  }

  interface Death {
    readonly what: string;
    readonly spoil: (reply: Buffer) => Buffer;
    readonly reason: string;
  }
  const DEATHS: readonly Death[] = [
    {
      what: 'a wrong checksum',
      spoil: (reply) => {
        reply.writeUInt8(reply.readUInt8(reply.length - 1) ^ 1, reply.length - 1);
        return reply;
      },
      reason: 'inflate_failed',
    },
    {
      what: 'a lie about the size',
      spoil: (reply) => {
        reply.writeInt32LE(reply.readInt32LE(20) - 1, 20);
        return reply;
      },
      reason: 'bad_compressed_size',
    },
    {
      what: 'a compressor that was not agreed upon',
      spoil: (reply) => {
        reply.writeUInt8(COMPRESSORS.zstd, 24);
        return reply;
      },
      reason: 'compressor_not_negotiated',
    },
    {
      what: 'a message in a message',
      spoil: (reply) => {
        reply.writeInt32LE(OPCODE.compressed, 16);
        return reply;
      },
      reason: 'nested_compression',
    },
  ];
  for (const { what, spoil, reason } of DEATHS) {
    for (const text of ['', BIG]) {
      test(`${what} costs the connection${text === '' ? '' : ', large'}`, async () => {
        const rig = rigOf();
        const client = rig.app('shop');
        client.send({ find: 'a' });
        const request = rig.server.take('find');
        request.connection.socket.feed(spoil(compressedReply(request, cursorReply(0, 'a', [{ text }]), 'zlib')));
        await until(rig, 'the error', () => client.last['ok'] === 0);
        assert.equal(client.last['code'], 6);
        assert.deepEqual([...rig.decodeErrors.counts], [[`upstream|${reason}`, 1]]);
        assert.equal(rig.cluster.closedFor('malformed_reply'), 1);
        assert.equal(request.connection.isGone, true);
      });
    }
  }

  test('without an agreement a compressed one costs the connection', () => {
    const rig = rigOf(['zlib'], []);
    const client = rig.app('shop');
    client.send({ find: 'a' });
    const request = rig.server.take('find');
    request.connection.socket.feed(compressedReply(request, cursorReply(0, 'a'), 'zlib'));
    rig.settle();
    assert.equal(client.last['code'], 6);
    assert.deepEqual([...rig.decodeErrors.counts], [['upstream|compressor_not_negotiated', 1]]);
  });

  test('and where nothing was asked for', () => {
    const rig = rigOf([], []);
    const client = rig.app('shop');
    client.send({ find: 'a' });
    const request = rig.server.take('find');
    request.connection.socket.feed(compressedReply(request, cursorReply(0, 'a'), 'zlib'));
    rig.settle();
    assert.equal(client.last['code'], 6);
    assert.deepEqual([...rig.decodeErrors.counts], [['upstream|unknown_opcode', 1]]);
  });
});

describe('off the event loop', () => {
  test('a reply before its request was written costs the connection', () => {
    const rig = rigOf();
    const client = rig.app('shop');
    client.send({ find: 'a' });
    const before = rig.server.take('find');
    rig.answer('find', cursorReply(0, 'a'));
    client.send({ insert: 'a', documents: [{ text: BIG }] });
    before.connection.replyTo(Frame.of(before.encodeReply({})), {}, before.requestId + 1);
    rig.settle();
    assert.equal(rig.cluster.closedFor('reply_before_request'), 1);
    assert.equal(client.last['code'], 6);
  });

  test('a connection that is lost before its request was written is one that never got it', async () => {
    const rig = rigOf();
    const client = rig.app('shop');
    client.send({ find: 'a' });
    const { connection } = rig.server.take('find');
    rig.answer('find', cursorReply(0, 'a'));
    client.send({ insert: 'a', documents: [{ text: BIG }] });
    connection.socket.hangUp();
    rig.settle();
    assert.equal(client.last['code'], 6);
    assert.equal(client.last['errmsg'], 'weir: the server could not be reached');
    assert.equal(rig.table.totals.active, 0);
    // What comes back from the thread finds a closed connection, and the next one works.
    rig.clock.advance(60_000);
    client.send({ find: 'b' });
    await until(rig, 'the next find', () => rig.server.open('find').length === 1);
    assert.equal(
      rig.server.requests.some(({ name }) => name === 'insert'),
      false,
    );
  });

  test('a connection that is lost while its reply is inflated fails its operation once', async () => {
    const rig = rigOf();
    const client = rig.app('shop');
    client.send({ find: 'a' });
    const request = rig.server.take('find');
    request.connection.socket.feed(compressedReply(request, cursorReply(0, 'a', [{ text: BIG }]), 'zlib'));
    assert.equal(client.replies.length, 1, 'it is being inflated');
    request.connection.socket.hangUp();
    rig.settle();
    assert.equal(client.last['code'], 6);
    // The same work once more, so that the first is over as well: its reply must reach nobody.
    client.send({ find: 'a' });
    rig.clock.advance(60_000);
    await until(rig, 'the second find', () => rig.server.open('find').length === 1);
    const again = rig.server.take('find');
    again.connection.socket.feed(compressedReply(again, cursorReply(0, 'a', [{ text: BIG.repeat(20) }]), 'zlib'));
    await until(rig, 'the reply', () => 'cursor' in client.last);
    assert.deepEqual(
      client.replies.map(({ responseTo }) => responseTo),
      [1, 2, 3],
    );
    assert.equal(rig.table.totals.active, 0);
  });

  test('one that came while a reply was inflated was not sent before it came', async () => {
    const rig = rigOf();
    const seen: Operation[] = [];
    const serve = rig.dispatcher.serve.bind(rig.dispatcher);
    rig.dispatcher.serve = (operation) => {
      seen.push(operation);
      serve(operation);
    };
    rig.app('first').send({ find: 'a' });
    const request = rig.server.take('find');
    request.isAnswered = true;
    request.connection.socket.feed(compressedReply(request, cursorReply(0, 'a', [{ text: BIG }]), 'zlib'));
    rig.clock.advance(50);
    rig.app('second').send({ count: 'b' });
    await until(rig, 'the count', () => rig.server.open('count').length === 1);
    rig.answer('count', { n: 1 });
    assert.equal(seen.find(({ command }) => command.name === 'count')?.waitMs, 0);
  });

  test('bytes behind a reply that is inflated cost the connection', async () => {
    for (const [what, extra, reason] of [
      ['a second reply', null, 'unexpected_reply'],
      ['half of one', Buffer.alloc(10), 'bytes_left'],
    ] as const) {
      const rig = rigOf();
      const client = rig.app('shop');
      client.send({ find: 'a' });
      const request = rig.server.take('find');
      const reply = compressedReply(request, cursorReply(0, 'a', [{ text: BIG }]), 'zlib');
      request.connection.socket.feed(Buffer.concat([reply, extra ?? request.encodeReply({})]));
      await until(rig, what, () => rig.cluster.closedFor(reason) === 1);
      assert.equal(request.connection.isGone, true, what);
      assert.equal(rig.table.totals.active, 0, what);
    }
  });

  test('the connection is lent again only after its reply was inflated', async () => {
    const rig = rigOf();
    const [first, second] = [rig.app('one'), rig.app('two')];
    first.send({ find: 'a' });
    second.send({ find: 'b' });
    const request = rig.server.take('find');
    request.isAnswered = true;
    request.connection.socket.feed(compressedReply(request, cursorReply(0, 'a', [{ text: BIG }]), 'snappy'));
    rig.settle();
    assert.equal(rig.server.open('find').length, 0);
    await until(rig, 'the second', () => rig.server.open('find').length === 1);
    assert.equal(first.last['ok'], 1);
    assert.equal(rig.server.pooled.length, 1);
  });
});
