// A conversation that passes by: requests paired with replies, counted like in pool mode, whatever the shape of the talk.
// Damage, gaps and ends are in conversation-reader.damage.test.ts, compression in message-order.test.ts.
// Invariant: chunks are overwritten after each call, so that whatever is kept of them shows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BsonDocument, encodeReply, Long, OPCODE, serialize } from '../../../codecs/index.ts';
import type { Conversation } from '../../../src/sniff/conversation.ts';
import { answer, ask, lend, makeRig } from './sniff-rig.ts';

const MORE_TO_COME = 2;
const EXHAUST_ALLOWED = 0x10000;

const fromClient = (conversation: Conversation, bytes: Buffer, nowMs: number): void =>
  lend(bytes, (chunk) => conversation.clientBytes(chunk, nowMs));
const fromServer = (conversation: Conversation, bytes: Buffer, nowMs: number): void =>
  lend(bytes, (chunk) => conversation.serverBytes(chunk, nowMs));

function cursor(id: bigint, documents: number, field = 'firstBatch'): BsonDocument {
  return {
    cursor: {
      [field]: Array.from({ length: documents }, (_, n) => ({ n })),
      id: Long.fromBigInt(id),
      ns: 'shop.items',
    },
  };
}

test('one question, one answer: call site, collection, documents, bytes and time', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const request = ask(7, { find: 'items', filter: {}, comment: 'list.ts:12' });
  const reply = answer(1, 7, cursor(0n, 3));
  fromClient(conversation, request, 100);
  assert.deepEqual([conversation.pending, rig.finished.length, rig.rows()[0]?.active], [1, 0, 1]);
  fromServer(conversation, reply, 108.5);
  assert.deepEqual(rig.finished, [
    {
      command: 'find',
      collection: 'items',
      callSite: 'list.ts:12',
      outcome: 'ok',
      code: 0,
      returned: 3,
      changed: 0,
      serverMs: 8.5,
      requestBytes: request.length,
      replyBytes: reply.length,
    },
  ]);
  const [row] = rig.rows();
  assert.deepEqual(
    [
      row?.listener,
      row?.app,
      row?.callSite,
      row?.database,
      row?.collection,
      row?.command,
      row?.operations,
      row?.active,
    ],
    ['main', '-', 'list.ts:12', 'shop', 'items', 'find', 1, 0],
  );
  assert.deepEqual([conversation.operations, conversation.pending, conversation.heldBytes], [1, 0, 0]);
  assert.equal(rig.decodeErrors.size, 0);
});

test('cut at every byte in both directions it is the same', () => {
  const request = ask(7, { find: 'items', comment: 'a' });
  const reply = answer(1, 7, cursor(0n, 2));
  const rig = makeRig();
  const conversation = rig.open();
  let now = 0;
  for (const byte of request) fromClient(conversation, Buffer.from([byte]), now++);
  for (const byte of reply) fromServer(conversation, Buffer.from([byte]), now++);
  assert.deepEqual(
    rig.finished.map(({ returned, serverMs }) => [returned, serverMs]),
    [[2, reply.length]],
  );
});

test('pipelined requests are answered in any order, each its own', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const requests = [1, 2, 3].map((id) => ask(id, { find: `c${id}` }));
  fromClient(conversation, Buffer.concat(requests), 0);
  assert.equal(conversation.pending, 3);
  fromServer(conversation, Buffer.concat([answer(9, 2), answer(10, 1), answer(11, 3)]), 5);
  assert.deepEqual(
    rig.finished.map(({ collection }) => collection),
    ['c2', 'c1', 'c3'],
  );
  assert.equal(rig.decodeErrors.size, 0);
});

test('writes count what they changed, errors their code, as in pool mode', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const talk: readonly (readonly [BsonDocument, BsonDocument])[] = [
    [{ insert: 'items', documents: [{}, {}] }, { n: 2 }],
    [
      { update: 'items', updates: [] },
      { n: 5, nModified: 4, upserted: [{ index: 0, _id: 1 }] },
    ],
    [{ delete: 'items', deletes: [] }, { n: 6 }],
    [{ findAndModify: 'items' }, { lastErrorObject: { n: 1 } }],
    [
      { insert: 'items', documents: [{}] },
      { n: 0, writeErrors: [{ index: 0, code: 11000, errmsg: 'duplicate' }] },
    ],
    [
      { insert: 'items', documents: [{}] },
      { n: 1, writeConcernError: { code: 64 } },
    ],
    [{ find: 'items' }, { ok: 0, code: 13, errmsg: 'no' }],
  ];
  for (const [index, [question, said]] of talk.entries()) {
    fromClient(conversation, ask(index + 1, question), 0);
    fromServer(conversation, answer(100 + index, index + 1, said), 1);
  }
  assert.deepEqual(
    rig.finished.map(({ outcome, code, changed }) => [outcome, code, changed]),
    [
      ['ok', 0, 2],
      ['ok', 0, 5],
      ['ok', 0, 6],
      ['ok', 0, 1],
      ['write_error', 11_000, 0],
      ['write_error', 64, 1],
      ['command_error', 13, 0],
    ],
  );
});

test('what wants no answer is finished at once: moreToCome and the legacy writes', () => {
  const rig = makeRig();
  const conversation = rig.open();
  fromClient(conversation, ask(1, { insert: 'items', documents: [{}] }, MORE_TO_COME), 0);
  const legacy = Buffer.concat([Buffer.alloc(20), Buffer.from('shop.items\0'), serialize({ a: 1 })]);
  legacy.writeInt32LE(legacy.length, 0);
  legacy.writeInt32LE(2, 4);
  legacy.writeInt32LE(OPCODE.insert, 12);
  fromClient(conversation, legacy, 0);
  assert.deepEqual(
    rig.finished.map(({ command, outcome, serverMs }) => [command, outcome, serverMs]),
    [
      ['insert', 'ok', -1],
      ['OP_INSERT', 'ok', -1],
    ],
  );
  assert.equal(conversation.pending, 0);
});

test('a hello names the application before it is charged, and its reply is told of', () => {
  const told: unknown[] = [];
  const rig = makeRig({
    events: { onHello: (connection, reply) => told.push([connection.server, reply.document.getString('me')]) },
  });
  const conversation = rig.open();
  const client = {
    application: { name: 'shop\u202e' },
    driver: { name: 'nodejs', version: '7.9.0' },
    os: { type: 'x' },
  };
  fromClient(conversation, ask(1, { hello: 1, client }), 0);
  assert.deepEqual([conversation.app, conversation.driver], ['shop\u{fffd}', 'nodejs 7.9.0']);
  fromServer(conversation, answer(1, 1, { me: 'db-1:27017', hosts: ['db-1:27017'] }), 1);
  fromClient(conversation, ask(2, { find: 'items' }), 2);
  assert.deepEqual(told, [['db:27017', 'db-1:27017']]);
  assert.deepEqual(
    rig.rows().map((row) => [row.app, row.command]),
    [
      ['shop\u{fffd}', 'hello'],
      ['shop\u{fffd}', 'find'],
    ],
  );
});

test('a legacy hello in OP_QUERY, answered by OP_REPLY', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const query = Buffer.concat([
    Buffer.alloc(20),
    Buffer.from('admin.$cmd\0'),
    Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    serialize({ isMaster: 1, client: { application: { name: 'old' } } }),
  ]);
  query.writeInt32LE(query.length, 0);
  query.writeInt32LE(4, 4);
  query.writeInt32LE(OPCODE.query, 12);
  fromClient(conversation, query, 0);
  fromServer(conversation, encodeReply({ ismaster: true, ok: 1 }, 1, 4), 2);
  assert.deepEqual(
    rig.finished.map(({ command, outcome, serverMs }) => [command, outcome, serverMs]),
    [['isMaster', 'ok', 2]],
  );
  assert.equal(conversation.app, 'old');
});

test('an awaiting hello has no time of its own; a streamed one is one operation', () => {
  const told: number[] = [];
  const rig = makeRig({ events: { onHello: (_connection, reply) => told.push(reply.frame.requestId) } });
  const conversation = rig.open();
  const topologyVersion = { processId: 1, counter: Long.fromBigInt(1n) };
  fromClient(conversation, ask(1, { hello: 1, topologyVersion, maxAwaitTimeMS: 10_000 }, EXHAUST_ALLOWED), 0);
  fromServer(conversation, answer(50, 1, {}, MORE_TO_COME), 9_000);
  fromServer(conversation, answer(51, 50, {}, MORE_TO_COME), 19_000);
  fromServer(conversation, answer(52, 51), 29_000);
  fromServer(conversation, answer(53, 52), 39_000);
  assert.deepEqual(
    rig.finished.map(({ command, serverMs }) => [command, serverMs]),
    [['hello', -1]],
  );
  assert.deepEqual(told, [50, 51, 52]);
  assert.deepEqual([...rig.decodeErrors], [['sniffed_server|reply_without_request', 1]]);
});

test('an exhaust cursor: one operation, the documents and bytes of all its replies', () => {
  const rig = makeRig();
  const conversation = rig.open();
  fromClient(conversation, ask(1, { find: 'items', comment: 'export.ts:3' }), 0);
  fromServer(conversation, answer(49, 1, cursor(8n, 2)), 1);
  const getMore = { getMore: Long.fromBigInt(8n), collection: 'items' };
  fromClient(conversation, ask(2, getMore, EXHAUST_ALLOWED), 2);
  const replies = [
    answer(50, 2, cursor(8n, 10, 'nextBatch'), MORE_TO_COME),
    answer(51, 50, cursor(8n, 10, 'nextBatch'), MORE_TO_COME),
    answer(52, 51, cursor(0n, 5, 'nextBatch')),
  ];
  for (const reply of replies) fromServer(conversation, reply, 3);
  assert.deepEqual(
    rig.rows().map((row) => [row.command, row.callSite, row.operations, row.documentsReturned]),
    [
      ['find', 'export.ts:3', 1, 2],
      ['getMore', 'export.ts:3', 1, 25],
    ],
  );
  assert.equal(
    rig.rows()[1]?.replyBytes,
    replies.reduce((sum, reply) => sum + reply.length, 0),
  );
  // The stream ended the cursor: nobody's call site any more.
  fromClient(conversation, ask(3, getMore), 4);
  assert.equal(rig.rows()[2]?.callSite, '-');
});

test('getMore and killCursors are charged to the call site that opened the cursor, on any connection, of that server only', () => {
  const rig = makeRig();
  const [first, second, elsewhere] = [rig.open(), rig.open(), rig.open('db-2:27017')];
  fromClient(first, ask(1, { find: 'items', comment: 'page.ts:9' }), 0);
  fromServer(first, answer(1, 1, cursor(77n, 1)), 1);
  const getMore = { getMore: Long.fromBigInt(77n), collection: 'items' };
  fromClient(second, ask(1, getMore), 2);
  fromServer(second, answer(2, 1, cursor(77n, 1, 'nextBatch')), 3);
  fromClient(elsewhere, ask(1, getMore), 4);
  fromClient(second, ask(2, { killCursors: 'items', cursors: [Long.fromBigInt(77n)] }), 5);
  fromServer(second, answer(3, 2), 6);
  fromClient(second, ask(3, getMore), 7);
  fromServer(second, answer(4, 3, { ok: 0, code: 43 }), 8);
  assert.deepEqual(
    rig.rows().map((row) => [row.command, row.callSite, row.operations + row.active]),
    [
      ['find', 'page.ts:9', 1],
      ['getMore', 'page.ts:9', 1],
      ['getMore', '-', 2],
      ['killCursors', 'page.ts:9', 1],
    ],
  );
});

test('a large insert is counted with all its bytes and documents, and little of it is held', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const request = ask(1, { insert: 'items', documents: Array.from({ length: 2000 }, () => ({ a: 'x'.repeat(500) })) });
  let most = 0;
  for (let at = 0; at < request.length; at += 10_000) {
    fromClient(conversation, request.subarray(at, at + 10_000), at);
    most = Math.max(most, conversation.heldBytes);
  }
  fromServer(conversation, answer(2, 1, { n: 2000 }), request.length);
  assert.deepEqual(
    rig.finished.map(({ changed, requestBytes }) => [changed, requestBytes]),
    [[2000, request.length]],
  );
  assert.equal(rig.rows()[0]?.requestBytes, request.length);
  assert.ok(most < 50_000, `${most} bytes were held`);
});

test('operations that are not admitted are neither counted nor told of, but their cursors are known', () => {
  const asked: string[] = [];
  const rig = makeRig({
    admits: (operation) => {
      asked.push(operation.callSite);
      return operation.command.name === 'getMore';
    },
  });
  const conversation = rig.open();
  fromClient(conversation, ask(1, { find: 'items', comment: 'a.ts' }), 0);
  fromServer(conversation, answer(1, 1, cursor(5n, 1)), 1);
  fromClient(conversation, ask(2, { getMore: Long.fromBigInt(5n), collection: 'items' }), 2);
  fromServer(conversation, answer(2, 2, cursor(0n, 1, 'nextBatch')), 3);
  assert.deepEqual(asked, ['a.ts', 'a.ts']);
  assert.deepEqual(
    rig.rows().map((row) => [row.command, row.callSite]),
    [['getMore', 'a.ts']],
  );
  assert.deepEqual(
    rig.finished.map(({ command }) => command),
    ['getMore'],
  );
});

test('an operation is told of with the conversation that it belongs to', () => {
  const ids: number[] = [];
  const rig = makeRig({ events: { onFinished: (_operation, conversation) => ids.push(conversation.id) } });
  const [first, second] = [rig.open(), rig.open()];
  assert.notEqual(first.id, second.id);
  fromClient(second, ask(1, { ping: 1 }), 0);
  fromServer(second, answer(1, 1), 0);
  assert.deepEqual(ids, [second.id]);
  assert.equal(rig.sniffer.conversations, 2);
  first.end(1);
  first.end(2);
  assert.equal(rig.sniffer.conversations, 1);
});

test('an old exhaust query: replies follow until the cursor is at its end', () => {
  const rig = makeRig();
  const conversation = rig.open();
  const query = Buffer.concat([
    Buffer.alloc(16),
    Buffer.from([0x40, 0, 0, 0]),
    Buffer.from('shop.items\0'),
    Buffer.alloc(8),
    serialize({ a: 1 }),
  ]);
  query.writeInt32LE(query.length, 0);
  query.writeInt32LE(3, 4);
  query.writeInt32LE(OPCODE.query, 12);
  fromClient(conversation, query, 0);
  const reply = (id: number, responseTo: number, cursorId: number): Buffer => {
    const bytes = encodeReply({ n: 1 }, id, responseTo);
    bytes.writeInt32LE(cursorId, 20);
    return bytes;
  };
  fromServer(conversation, Buffer.concat([reply(10, 3, 9), reply(11, 10, 9), reply(12, 3, 0), reply(13, 12, 0)]), 1);
  assert.deepEqual(
    rig.rows().map((row) => [row.command, row.collection, row.operations, row.documentsReturned]),
    [['OP_QUERY', 'items', 1, 3]],
  );
  assert.deepEqual([...rig.decodeErrors], [['sniffed_server|reply_without_request', 1]]);
});

test('an unacknowledged killCursors forgets its cursors', () => {
  const rig = makeRig();
  const conversation = rig.open();
  fromClient(conversation, ask(1, { find: 'items', comment: 'a.ts' }), 0);
  fromServer(conversation, answer(1, 1, cursor(5n, 1)), 1);
  fromClient(conversation, ask(2, { killCursors: 'items', cursors: [Long.fromBigInt(5n)] }, MORE_TO_COME), 2);
  fromClient(conversation, ask(3, { killCursors: 'items', cursors: [] }), 2);
  fromClient(conversation, ask(4, { getMore: Long.fromBigInt(5n), collection: 'items' }), 2);
  assert.deepEqual(
    rig.rows().map((row) => [row.command, row.callSite]),
    [
      ['find', 'a.ts'],
      ['killCursors', 'a.ts'],
      ['killCursors', '-'],
      ['getMore', '-'],
    ],
  );
});
