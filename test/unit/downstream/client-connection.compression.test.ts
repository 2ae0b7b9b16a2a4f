// Compression towards clients, through the whole proxy: what is agreed, what comes back compressed, what is refused, and
// the order of things while a large message is inflated or deflated off the event loop.
// Invariants tested: nothing is compressed that the client did not ask for; one connection, one order; one end for each.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  type BsonDocument,
  COMPRESSORS,
  type CompressorName,
  deflate,
  Frame,
  loadCompressors,
} from '../../../codecs/index.ts';
import { eventually } from '../../integration/harness/eventually.ts';
import { readHexFolder } from '../../support/hex.ts';
import { type Rig, startRig } from '../../support/rig.ts';
import { cursorReply, encodeQuery, FLAG, type TestClient } from '../../support/test-client.ts';

const ALL = ['snappy', 'zstd', 'zlib'] as const satisfies readonly CompressorName[];
const BIG = 'weir '.repeat(8000);
const PING = { ping: 1, $db: 'admin' };

const rigOf = (compressors: readonly CompressorName[] = ALL): Rig => startRig({ compressors });

/** A client that asked for these and got what the rig offers of them. */
function clientOf(rig: Rig, compression: readonly string[] = ALL): TestClient {
  const client = rig.connectClient();
  client.hello('shop', { compression: [...compression] });
  return client;
}

/** Lets what runs off the event loop come back, until this holds. */
async function until(rig: Rig, what: string, condition: () => boolean): Promise<void> {
  await eventually(what, () => {
    rig.settle();
    return condition();
  });
}

function namesOf(client: TestClient): (CompressorName | 'plain')[] {
  return client.replies.map(({ compressor }) => compressor ?? 'plain');
}

/** The text of the first document of a cursor's batch. */
function firstTextOf(client: TestClient): string {
  const { firstBatch } = client.last['cursor'] as { firstBatch: { text: string }[] };
  return firstBatch[0]?.text ?? '';
}

before(loadCompressors);

describe('what is agreed', () => {
  const CASES: readonly (readonly [string, readonly CompressorName[], BsonDocument, unknown])[] = [
    ["the client's order", ALL, { compression: ['zlib', 'snappy'] }, ['zlib', 'snappy']],
    ['only what is offered', ['zlib'], { compression: ['snappy', 'zlib'] }, ['zlib']],
    ['unknown names and other types are passed over', ALL, { compression: ['lz4', 7, 'zstd'] }, ['zstd']],
    ['each once', ALL, { compression: ['zlib', 'zlib'] }, ['zlib']],
    ['noop is not offered', ALL, { compression: ['noop'] }, undefined],
    ['nothing fits', ['zlib'], { compression: ['snappy'] }, undefined],
    ['nothing offered', [], { compression: ['snappy'] }, undefined],
    ['nothing asked', ALL, {}, undefined],
    ['an empty list', ALL, { compression: [] }, undefined],
    ['no list', ALL, { compression: 'zlib' }, undefined],
    ['an endless list', ALL, { compression: [...new Array<string>(16).fill('lz4'), 'zlib'] }, undefined],
  ];
  for (const [what, offered, extra, expected] of CASES) {
    test(what, () => {
      const client = rigOf(offered).connectClient();
      client.hello('shop', extra);
      assert.deepEqual(client.last['compression'], expected);
      client.query({ isMaster: 1, ...extra });
      assert.deepEqual(client.last['compression'], expected);
    });
  }

  test('a later hello repeats it, or negotiates anew', () => {
    const client = clientOf(rigOf(), ['zlib', 'zstd']);
    client.send({ hello: 1, $db: 'admin' });
    assert.deepEqual(client.last['compression'], ['zlib', 'zstd']);
    client.send({ hello: 1, compression: ['snappy'], $db: 'admin' });
    assert.deepEqual(client.last['compression'], ['snappy']);
    client.send({ hello: 1, compression: [], $db: 'admin' });
    assert.equal('compression' in client.last, false);
  });

  test('a refused hello agrees to nothing', () => {
    const client = clientOf(rigOf(), ['zlib']);
    client.hello('again', { compression: ['snappy'] });
    assert.equal(client.last['code'], 186);
    client.send({ hello: 1, $db: 'admin' });
    assert.deepEqual(client.last['compression'], ['zlib']);
  });
});

describe('what comes compressed', () => {
  for (const name of ALL) {
    test(`${name}: is answered so, by the server and by weir, with the right ids and bytes`, () => {
      const rig = rigOf();
      const client = clientOf(rig);
      const id = client.sendCompressed({ find: 'orders', comment: BIG.slice(0, 2000) }, name);
      assert.equal(rig.server.take('find').document['find'], 'orders');
      rig.answer('find', cursorReply(0, 'orders', [{ text: BIG.slice(0, 2000) }]));
      assert.deepEqual(namesOf(client), ['plain', name]);
      assert.equal(client.replies[1]?.responseTo, id);
      assert.equal(firstTextOf(client).length, 2000);
      client.sendCompressed(PING, name);
      assert.deepEqual(client.last, { ok: 1 });
      assert.deepEqual(namesOf(client), ['plain', name, name]);
      const row = rig.table.rows().find(({ command }) => command === 'find');
      assert.equal(row?.replyBytes, client.raw[1]?.length);
      assert.ok((row?.requestBytes ?? 0) < 1000, String(row?.requestBytes));
      assert.equal(rig.compression.messages.counts.get(`downstream|${name}|received`), 2);
      assert.equal(rig.compression.messages.counts.get(`downstream|${name}|sent`), 2);
      const { counts } = rig.compression.bytes;
      assert.equal(
        counts.get(`downstream|${name}|sent|wire`),
        (client.raw[1]?.length ?? 0) + (client.raw[2]?.length ?? 0),
      );
      assert.ok((counts.get(`downstream|${name}|received|plain`) ?? 0) > 2000);
    });
  }

  test('and what comes plain is answered plain', () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.sendCompressed(PING, 'zlib');
    client.send(PING);
    client.sendCompressed(PING, 'snappy');
    assert.deepEqual(namesOf(client), ['plain', 'zlib', 'plain', 'snappy']);
  });

  test('commands of the forbidden list are taken, and answered plain', () => {
    const rig = rigOf();
    const client = clientOf(rig);
    const local = ['hello', 'isMaster', 'ismaster', 'saslStart', 'saslContinue', 'getnonce', 'authenticate'];
    for (const command of local) client.sendCompressed({ [command]: 1, $db: 'admin' }, 'zlib', FLAG.exhaustAllowed);
    for (const command of ['createUser', 'updateUser', 'copydb', 'copydbSaslStart', 'copydbgetnonce']) {
      client.sendCompressed({ [command]: 'x', $db: 'admin' }, 'zlib');
      rig.answer(command);
    }
    assert.deepEqual(namesOf(client), new Array(13).fill('plain'));
    const hello = encodeQuery({ isMaster: 1 }, 900, { namespace: 'admin.$cmd', numberToReturn: -1 });
    client.feed(deflate(Frame.of(hello), COMPRESSORS.snappy).bytes);
    const last = client.replies.at(-1);
    assert.deepEqual([last?.opcode, last?.responseTo, last?.compressor], [1, 900, undefined]);
  });

  test('errors go the same way, also for what could not be read, and as OP_REPLY', () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.sendCompressed({ getLastError: 1, $db: 'admin' }, 'zstd');
    client.sendCompressed({ ping: 1, $db: 'a.b' }, 'zstd');
    client.sendCompressed({ find: 'a' }, 'zstd');
    rig.answer('find', { ok: 0, code: 10107, codeName: 'NotWritablePrimary', errmsg: 'not primary' });
    const query = encodeQuery({}, 901, { namespace: 'shop.orders', numberToReturn: 0 });
    client.feed(deflate(Frame.of(query), COMPRESSORS.zstd).bytes);
    assert.deepEqual(namesOf(client).slice(1), ['zstd', 'zstd', 'zstd', 'zstd']);
    assert.deepEqual(
      client.replies.slice(1).map(({ document }): unknown => document['code']),
      [59, 73, 6, 5_739_101],
    );
    assert.deepEqual(client.replies.map(({ opcode }) => opcode).slice(1), [2013, 2013, 2013, 1]);
    assert.equal(client.isClosed, false);
  });

  test('a write that wants no answer gets none', () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.sendCompressed({ insert: 'a', documents: [{}] }, 'snappy', FLAG.moreToCome);
    rig.server.take('insert');
    rig.answer('ping');
    assert.equal(client.replies.length, 1);
    assert.equal(rig.table.totals.active, 0);
  });
});

describe('what is refused', () => {
  const NEVER: readonly (readonly [string, readonly CompressorName[], readonly string[], CompressorName])[] = [
    ['nothing was agreed', ALL, [], 'zlib'],
    ['nothing is offered', [], ALL, 'zlib'],
    ['another was agreed', ALL, ['snappy'], 'zlib'],
    ['noop never is', ALL, ALL, 'noop'],
  ];
  for (const [what, offered, asked, name] of NEVER) {
    test(`not negotiated: ${what}`, () => {
      const rig = rigOf(offered);
      const client = clientOf(rig, asked);
      client.sendCompressed(PING, name);
      assert.equal(client.isClosed, true);
      assert.equal(client.replies.length, 1);
      assert.deepEqual([...rig.decodeErrors.counts], [['downstream|compressor_not_negotiated', 1]]);
    });
  }

  test('before the first hello, as soon as its header is there', () => {
    const rig = rigOf();
    const client = rig.connectClient();
    client.feed(client.encodeCompressed({ ping: BIG }, 'zlib').subarray(0, 16));
    assert.equal(client.isClosed, true);
  });

  test('what was negotiated away', () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.send({ hello: 1, compression: ['zstd'], $db: 'admin' });
    client.sendCompressed(PING, 'zstd');
    client.sendCompressed(PING, 'zlib');
    assert.deepEqual(namesOf(client), ['plain', 'plain', 'zstd']);
    assert.equal(client.isClosed, true);
  });

  test('every malformed one costs its connection, unanswered, and disturbs nobody', () => {
    for (const { name, text, bytes } of readHexFolder('malformed').filter((file) =>
      file.name.startsWith('compressed-'),
    )) {
      const rig = rigOf();
      const other = clientOf(rig);
      const client = clientOf(rig);
      client.feed(bytes);
      const reason = name.includes('noop') ? 'compressor_not_negotiated' : /^# expect: (\w+)/.exec(text)?.[1];
      assert.deepEqual([...rig.decodeErrors.counts], [[`downstream|${reason}`, 1]], name);
      assert.deepEqual([client.isClosed, client.replies.length], [true, 1], name);
      other.sendCompressed(PING, 'zstd');
      assert.deepEqual(other.last, { ok: 1 }, name);
      assert.equal(rig.table.totals.active, 0);
    }
  });

  test('a reply as a request', () => {
    const rig = rigOf();
    const client = clientOf(rig);
    const bytes = client.encodeCompressed(PING, 'zlib');
    bytes.writeInt32LE(1, 16);
    client.feed(bytes);
    assert.deepEqual([...rig.decodeErrors.counts], [['downstream|unknown_opcode', 1]]);
    assert.equal(client.isClosed, true);
  });
});

describe('off the event loop', () => {
  for (const name of ['snappy', 'zlib', 'zstd'] as const) {
    test(`${name}: answers keep the order of their questions`, async () => {
      const rig = rigOf();
      const client = clientOf(rig);
      client.feed(
        Buffer.concat([
          client.encodeCompressed({ find: 'big', comment: BIG }, name),
          client.encode(PING),
          client.encodeCompressed({ find: 'small' }, name),
          client.encodeCompressed({ find: 'big2', comment: BIG }, name),
          client.encode(PING),
        ]),
      );
      assert.equal(rig.server.open('find').length, 0, 'it is being inflated');
      await until(rig, 'the first find', () => rig.server.open('find').length === 1);
      assert.equal(client.replies.length, 1, 'the ping behind it waits');
      rig.answer('find', cursorReply(0, 'big', [{ text: BIG }]));
      assert.equal(rig.server.open('find').length, 0, 'its reply is being deflated');
      await until(rig, 'the second find', () => rig.server.open('find').length === 1);
      rig.answer('find', cursorReply(0, 'small'));
      await until(rig, 'the third find', () => rig.server.open('find').length === 1);
      rig.answer('find', cursorReply(0, 'big2'));
      await until(rig, 'all answers', () => client.replies.length === 6);
      assert.deepEqual(
        client.replies.map(({ responseTo }) => responseTo),
        [1, 2, 3, 4, 5, 6],
      );
      assert.deepEqual(namesOf(client), ['plain', name, 'plain', name, name, 'plain']);
      assert.equal(rig.table.totals.active, 0);
    });
  }

  test('what cannot be inflated costs its connection, and what was queued behind it', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    const bytes = client.encodeCompressed({ find: 'big', comment: BIG }, 'zlib');
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    client.feed(Buffer.concat([bytes, client.encode(PING)]));
    await until(rig, 'the close', () => client.isClosed);
    assert.deepEqual([...rig.decodeErrors.counts], [['downstream|inflate_failed', 1]]);
    assert.equal(client.replies.length, 1);
  });

  test('a command that is refused after inflation is answered, and the connection goes on', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.feed(
      Buffer.concat([client.encodeCompressed({ find: 'a', $db: 'a.b', comment: BIG }, 'zlib'), client.encode(PING)]),
    );
    await until(rig, 'both answers', () => client.replies.length === 3);
    assert.deepEqual(client.replies.map(({ document }): unknown => document['code']).slice(1), [73, undefined]);
    assert.deepEqual(namesOf(client), ['plain', 'zlib', 'plain']);
  });

  test('a client that leaves meanwhile is forgotten, and nothing is sent for it', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.feed(
      Buffer.concat([
        client.encodeCompressed({ find: 'big', comment: BIG }, 'zlib'),
        client.encodeCompressed({ find: 'queued' }, 'zlib'),
        client.encodeCompressed({ insert: 'kept', documents: [{}] }, 'zlib', FLAG.moreToCome),
      ]),
    );
    client.close();
    await until(rig, 'the write that wants no answer', () => rig.server.open('insert').length === 1);
    assert.equal(rig.server.open('find').length, 0);
    rig.answer('ping');
    assert.equal(rig.table.totals.active, 0);
    assert.equal(rig.downstream.connections.size, 0);
  });

  test('a large write that wants no answer is carried out though its client left', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.sendCompressed({ insert: 'a', documents: [{ text: BIG }] }, 'snappy', FLAG.moreToCome);
    client.close();
    await until(rig, 'the write', () => rig.server.open('insert').length === 1);
  });

  test('writes that want no answer keep their order after the close', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.feed(
      Buffer.concat([
        client.encodeCompressed({ insert: 'first', documents: [{ text: BIG }] }, 'zlib', FLAG.moreToCome),
        client.encode({ insert: 'second', documents: [{}] }, FLAG.moreToCome),
      ]),
    );
    client.close();
    assert.equal(rig.server.open('insert').length, 0);
    await until(rig, 'the first write', () => rig.server.open('ping').length === 1);
    rig.answer('ping');
    await until(rig, 'the second write', () => rig.server.open('ping').length === 1);
    assert.deepEqual(
      rig.server.open('insert').map(({ document }): unknown => document['insert']),
      ['first', 'second'],
    );
  });

  test('a client that leaves while its answer is deflated ends its operation once', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.sendCompressed({ find: 'a' }, 'snappy');
    rig.answer('find', cursorReply(0, 'a', [{ text: BIG }]));
    assert.equal(rig.table.totals.active, 1);
    client.close();
    await until(rig, 'the end of the operation', () => rig.table.totals.active === 0);
    assert.equal(rig.table.totals.operations, 2);
    // The server's connection was free all the time.
    rig.app('other').send({ find: 'b' });
    assert.equal(rig.server.pooled.length, 1);
  });

  test('a drain waits for a request that is being inflated, and for its answer', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.sendCompressed({ find: 'a', comment: BIG }, 'snappy');
    for (const connection of rig.downstream.connections) connection.drain();
    assert.equal(client.isClosed, false);
    await until(rig, 'the find', () => rig.server.open('find').length === 1);
    rig.answer('find', cursorReply(0, 'a', [{ text: BIG }]));
    assert.equal(client.isClosed, false);
    await until(rig, 'the answer', () => client.isClosed);
    assert.deepEqual(namesOf(client), ['plain', 'snappy']);
  });

  test('a drain during the inflation of what is refused closes', async () => {
    const rig = rigOf();
    const client = clientOf(rig);
    client.sendCompressed({ find: 'a', $db: 'a.b', comment: BIG }, 'snappy');
    for (const connection of rig.downstream.connections) connection.drain();
    await until(rig, 'the close', () => client.isClosed);
    assert.equal(client.last['code'], 73);
  });
});
