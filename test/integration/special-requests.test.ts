// Requests that are right and rare, over real sockets: old opcodes, checksums, a sequence before the body, exhaust, many
// at once, the largest there may be. What is wrong with bytes is bad-input.test.ts. Invariant tested: each has its one
// answer, in the opcode and the order asked, and the server gets what it would get without weir.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { encodeMessage, MAX_MESSAGE_BYTES, OPCODE, serialize } from '../../codecs/index.ts';
import { emptyCursor, RawServer } from '../support/raw-server.ts';
import { eventually } from './harness/eventually.ts';
import { House } from './harness/house.ts';
import { RawClient } from './harness/raw-client.ts';
import { body, forge, query, sequence } from './harness/wire-forge.ts';

const EXHAUST_ALLOWED = 0x1_0000;
const QUERY_FAILURE = 2;
const FIND = { find: 'orders', filter: {}, $db: 'shop' };

let server: RawServer;
let house: House;
const clients: RawClient[] = [];

before(async () => {
  server = new RawServer();
  await server.start();
  house = await House.start({ upstreamPort: server.port });
});

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  server.script = (request) => request.reply();
});

after(async () => {
  await house.stop();
  await server.stop();
});

async function open(): Promise<RawClient> {
  const client = await RawClient.connect(house.port);
  clients.push(client);
  return client;
}

describe('OP_QUERY', () => {
  for (const [name, code, codeName] of [
    ['find', 352, 'UnsupportedOpQueryCommand'],
    ['insert', 352, 'UnsupportedOpQueryCommand'],
    ['aggregate', 352, 'UnsupportedOpQueryCommand'],
    ['frobnicate', 352, 'UnsupportedOpQueryCommand'],
    ['killAllSessions', 13, 'Unauthorized'],
    ['saslStart', 18, 'AuthenticationFailed'],
  ] as const) {
    test(`with ${name}: ${code} as OP_REPLY, not sent on, kept open`, async () => {
      const client = await open();
      const arrived = server.requests.length;
      client.send(query('shop.$cmd', { [name]: 'orders' }));
      const answer = await client.next();
      assert.equal(answer?.opcode, OPCODE.reply);
      assert.equal(answer.responseTo, 1);
      assert.deepEqual([answer.document['ok'], answer.document['code']], [0, code]);
      assert.equal(answer.document['codeName'], codeName);
      assert.equal((await client.ask({ ping: 1 }))['ok'], 1);
      assert.equal(server.requests.length, arrived);
    });
  }

  test('with hello, wrapped or not: answered as OP_REPLY', async () => {
    const client = await open();
    for (const document of [{ isMaster: 1 }, { $query: { hello: 1 } }]) {
      client.send(query('admin.$cmd', document));
      const answer = await client.next();
      assert.equal(answer?.opcode, OPCODE.reply);
      assert.equal(answer.document['ok'], 1);
    }
  });

  test('that is no command: $err and queryFailure', async () => {
    const client = await open();
    client.send(query('shop.orders', { a: 1 }, 0));
    const answer = await client.next();
    assert.equal(answer?.opcode, OPCODE.reply);
    assert.equal(answer.flags & QUERY_FAILURE, QUERY_FAILURE);
    assert.deepEqual(Object.keys(answer.document), ['$err', 'code', 'ok']);
    assert.deepEqual([answer.document['code'], answer.document['ok']], [5_739_101, 0]);
  });
});

describe('a request of the removed kinds', () => {
  for (const [name, opcode] of Object.entries({
    OP_REPLY: 1,
    OP_UPDATE: 2001,
    OP_INSERT: 2002,
    OP_GET_MORE: 2005,
    OP_DELETE: 2006,
    OP_KILL_CURSORS: 2007,
  })) {
    test(`${name}: closed, counted, and behind it nothing is served`, async () => {
      const counted = async (): Promise<number> =>
        (await house.metrics()).sum('weir_decode_errors_total', { reason: 'unknown_opcode' });
      const beforehand = await counted();
      const arrived = server.requests.length;
      const client = await open();
      client.send(Buffer.concat([forge({ opcode, sections: [body(FIND)] }), encodeMessage(FIND, 2, 0)]));
      await client.closed();
      assert.deepEqual(client.replies, []);
      assert.equal(await counted(), beforehand + 1);
      assert.equal(server.requests.length, arrived);
    });
  }
});

describe('a message with', () => {
  test('a checksum: checked, and neither passed on nor answered with', async () => {
    const client = await open();
    server.script = (request) => request.reply(emptyCursor());
    client.send(forge({ flags: 1, sections: [body(FIND)], checksum: 'right' }));
    const answer = await client.next();
    assert.deepEqual([answer?.document['ok'], answer?.flags], [1, 0]);
    const bytes = encodeMessage(FIND, 1, 0).length;
    const [busy] = server.poolConnections;
    assert.ok(busy !== undefined);
    const read = busy.bytesRead;
    client.send(forge({ requestId: 2, flags: 1, sections: [body(FIND)], checksum: 'right' }));
    await client.next();
    assert.equal(busy.bytesRead - read, bytes, 'four bytes less than it was');
  });

  test('its sequence before the body: both arrive', async () => {
    const client = await open();
    const documents = [serialize({ _id: 1 }), serialize({ _id: 2 })];
    const arrived = server.requests.length;
    client.send(forge({ sections: [sequence('documents', documents), body({ insert: 'orders', $db: 'shop' })] }));
    assert.equal((await client.next())?.document['ok'], 1);
    assert.equal(server.requests[arrived]?.name, 'insert');
  });
});

describe('exhaust', () => {
  test('asked of a getMore: the server is not asked for it, and the answer is one, without moreToCome', async () => {
    server.script = (request) => {
      const cursor = { id: 77n, ns: 'shop.orders' };
      request.reply({ cursor: request.name === 'find' ? { ...cursor, firstBatch: [] } : { ...cursor, nextBatch: [] } });
    };
    const client = await open();
    await client.ask(FIND);
    const arrived = server.requests.length;
    client.say({ getMore: 77n, collection: 'orders' }, EXHAUST_ALLOWED);
    const answer = await client.next();
    assert.deepEqual([answer?.document['ok'], answer?.flags], [1, 0]);
    assert.equal((await client.ask({ getMore: 77n, collection: 'orders' }))['ok'], 1);
    assert.equal(server.requests.length, arrived + 2);
    assert.deepEqual(
      server.requests.slice(arrived).map(({ flagBits }) => flagBits),
      [0, 0],
    );
  });

  test('asked of hello: one answer, which names no topologyVersion that a stream could follow', async () => {
    const client = await open();
    client.say({ hello: 1, topologyVersion: { counter: 0n }, maxAwaitTimeMS: 10, $db: 'admin' }, EXHAUST_ALLOWED);
    const answer = await client.next();
    assert.deepEqual([answer?.document['ok'], answer?.flags], [1, 0]);
    assert.equal('topologyVersion' in (answer?.document ?? {}), false);
    assert.equal((await client.ask({ ping: 1 }))['ok'], 1);
    assert.equal(client.replies.length, 2);
  });
});

describe('several requests at once', () => {
  test('three in one chunk are served one after the other, and answered in their order', async () => {
    const served: string[] = [];
    server.script = (request) => {
      served.push(request.name);
      // The first is the slowest.
      if (request.name === 'find') setImmediate(() => request.reply(emptyCursor()));
      else request.reply({ n: 1 });
    };
    const client = await open();
    client.send(
      Buffer.concat([
        encodeMessage(FIND, 31, 0),
        encodeMessage({ count: 'orders', $db: 'shop' }, 32, 0),
        encodeMessage({ ping: 1, $db: 'admin' }, 33, 0),
      ]),
    );
    for (const id of [31, 32, 33]) assert.equal((await client.next())?.responseTo, id);
    assert.deepEqual(served, ['find', 'count']);
  });

  test('the next one before the answer: it waits for it', async () => {
    const held: (() => void)[] = [];
    server.script = (request) => held.push(() => request.reply({ n: held.length }));
    const client = await open();
    const first = client.say({ count: 'orders' });
    await eventually('the first is at the server', () => held.length === 1);
    const second = client.say({ count: 'orders' });
    const witness = await open();
    await witness.ask({ ping: 1 });
    assert.equal(held.length, 1, 'one at a time');
    held[0]?.();
    assert.equal((await client.next())?.responseTo, first);
    await eventually('the second is at the server', () => held.length === 2);
    held[1]?.();
    assert.equal((await client.next())?.responseTo, second);
  });
});

describe('a request of 48 000 000 bytes', () => {
  test('arrives whole, byte by byte; one byte more is refused by its header', async () => {
    const digests: string[] = [];
    const frames: number[] = [];
    server.script = (request) => {
      frames.push(request.frame.length);
      digests.push(digestOf(request.frame.bytes.subarray(16)));
      request.reply({ n: 1 });
    };
    const client = await open();
    const bytes = largestInsert();
    assert.equal(bytes.length, MAX_MESSAGE_BYTES);
    client.send(bytes);
    const answer = await client.next();
    assert.deepEqual([answer?.responseTo, answer?.document['n']], [1, 1]);
    assert.deepEqual(frames, [MAX_MESSAGE_BYTES]);
    assert.deepEqual(digests, [digestOf(bytes.subarray(16))]);

    const greedy = await open();
    greedy.send(forge({ sections: [], claimedLength: MAX_MESSAGE_BYTES + 1 }).subarray(0, 16));
    await greedy.closed();
    assert.deepEqual(greedy.replies, []);
  });
});

function digestOf(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}

/** An insert of documents of a megabyte and one that fills the message to its last byte. */
function largestInsert(): Buffer {
  const command = body({ insert: 'orders', $db: 'shop' });
  const documents = Array.from({ length: 47 }, (_, index) => serialize({ _id: index, text: 'x'.repeat(1_000_000) }));
  const bare = forge({ sections: [command, sequence('documents', [...documents, serialize({ _id: 47, text: '' })])] });
  const rest = MAX_MESSAGE_BYTES - bare.length;
  const last = serialize({ _id: 47, text: 'y'.repeat(rest) });
  return forge({ sections: [command, sequence('documents', [...documents, last])] });
}
