// Bytes to requests and back, cut everywhere and broken in every way protocol allows.
// Invariant under test: nothing is read past the end of a message.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serialize } from 'bson';
import { decodeDocument } from '../../../src/sandbox/documents.ts';
import {
  BodyError,
  encodeWireReply,
  MessageSplitter,
  readEnvelope,
  readRequest,
  WireError,
} from '../../../src/sandbox/wire.ts';

function header(length: number, opcode: number, requestId = 7): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(length, 0);
  bytes.writeInt32LE(requestId, 4);
  bytes.writeInt32LE(opcode, 12);
  return bytes;
}

function opMsg(sections: readonly Buffer[], flags = 0, tail: Buffer = Buffer.alloc(0)): Buffer {
  const flagBytes = Buffer.alloc(4);
  flagBytes.writeUInt32LE(flags >>> 0);
  const body = Buffer.concat([flagBytes, ...sections, tail]);
  return Buffer.concat([header(16 + body.length, 2013), body]);
}

const body = (document: object): Buffer => Buffer.concat([Buffer.from([0]), serialize(document)]);

function sequence(identifier: string, documents: readonly object[]): Buffer {
  const content = Buffer.concat([Buffer.from(`${identifier}\0`), ...documents.map((document) => serialize(document))]);
  const size = Buffer.alloc(4);
  size.writeInt32LE(content.length + 4);
  return Buffer.concat([Buffer.from([1]), size, content]);
}

function opQuery(namespace: string, document: object): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(`${namespace}\0`), Buffer.alloc(8), serialize(document)]);
  return Buffer.concat([header(16 + bytes.length, 2004), bytes]);
}

const read = (message: Buffer) => readRequest(message, readEnvelope(message));

function bodyErrorCode(message: Buffer): number {
  try {
    read(message);
  } catch (error) {
    if (error instanceof BodyError) return error.code;
    throw error;
  }
  throw new Error('the message was accepted');
}

test('messages come out whole wherever the stream is cut', () => {
  const first = opMsg([body({ ping: 1, $db: 'a' })]);
  const second = opMsg([body({ find: 'c', $db: 'a' })]);
  const stream = Buffer.concat([first, second]);
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const splitter = new MessageSplitter();
    const messages = [...splitter.push(stream.subarray(0, cut)), ...splitter.push(stream.subarray(cut))];
    assert.deepEqual(messages, [first, second], `cut at ${cut}`);
  }
  const byByte = new MessageSplitter();
  assert.deepEqual(
    [...stream].flatMap((byte) => byByte.push(Buffer.from([byte]))),
    [first, second],
  );
});

test('a size outside 16 to 48 000 000 is refused as soon as the header is there', () => {
  for (const size of [-1, 0, 15, 48_000_001, 0x7fffffff]) {
    assert.throws(() => new MessageSplitter().push(header(size, 2013)), WireError, `size ${size}`);
  }
  assert.deepEqual(new MessageSplitter().push(header(48_000_000, 2013)), []);
});

test('a kind-1 sequence becomes a field, before or behind the body', () => {
  const parts = [body({ insert: 'c', $db: 'shop' }), sequence('documents', [{ a: 1 }, { a: 2 }])];
  for (const sections of [parts, [...parts].reverse()]) {
    const request = read(opMsg(sections));
    assert.equal(request.database, 'shop');
    assert.deepEqual(request.command['documents'], [{ a: 1 }, { a: 2 }]);
    assert.equal(Object.keys(request.command)[0], 'insert');
  }
});

test('moreToCome is read and a checksum is cut off', () => {
  const request = read(opMsg([body({ insert: 'c', $db: 'a' })], 3, Buffer.from([1, 2, 3, 4])));
  assert.equal(request.moreToCome, true);
  assert.equal(request.command['insert'], 'c');
});

test('bodies that cannot be read are answered with their code', () => {
  const good = body({ ping: 1, $db: 'a' });
  assert.equal(bodyErrorCode(opMsg([good, good])), 40_430);
  assert.equal(bodyErrorCode(opMsg([sequence('documents', [])])), 40_587);
  assert.equal(bodyErrorCode(opMsg([good, Buffer.from([9, 5, 0, 0, 0, 0])])), 40_432);
  assert.equal(bodyErrorCode(opMsg([good, sequence('ping', [{}])])), 40_433);
  assert.equal(bodyErrorCode(opMsg([body({ ping: 1 })])), 40_571);
  assert.equal(bodyErrorCode(opMsg([good.subarray(0, good.length - 1)])), 22);
  assert.equal(bodyErrorCode(opMsg([Buffer.from([0, 255, 255, 255, 127, 0])])), 22);
});

test('a message that is cut short anywhere never reads past its end', () => {
  const message = opMsg([body({ insert: 'c', $db: 'shop' }), sequence('documents', [{ a: 1 }])]);
  for (let length = 20; length < message.length; length += 1) {
    const cut = Buffer.from(message.subarray(0, length));
    cut.writeInt32LE(length, 0);
    try {
      read(cut);
    } catch (error) {
      assert.ok(error instanceof BodyError, `length ${length}: ${String(error)}`);
    }
  }
});

test('unknown opcodes and required flags end the connection, unknown optional flags do not', () => {
  assert.throws(() => readEnvelope(header(16, 2010)), WireError);
  assert.throws(() => readEnvelope(header(16, 2013)), WireError);
  assert.throws(() => readEnvelope(opMsg([body({ ping: 1, $db: 'a' })], 4)), WireError);
  assert.equal(readEnvelope(opMsg([body({ ping: 1, $db: 'a' })], 0x10000)).requestId, 7);
});

test('OP_QUERY gives its command, wrapped or not, and is answered by OP_REPLY', () => {
  for (const document of [{ ismaster: 1 }, { $query: { ismaster: 1 }, $readPreference: {} }]) {
    const request = read(opQuery('admin.$cmd', document));
    assert.equal(request.database, 'admin');
    assert.deepEqual(request.command, { ismaster: 1 });
    const reply = encodeWireReply(request, 3, { ok: 1 });
    assert.equal(reply.readInt32LE(0), reply.length);
    assert.equal(reply.readInt32LE(8), 7);
    assert.equal(reply.readInt32LE(12), 1);
    assert.equal(reply.readInt32LE(32), 1);
    assert.deepEqual(decodeDocument(reply.subarray(36)), { ok: 1 });
  }
  assert.equal(bodyErrorCode(opQuery('shop.items', {})), 5_739_101);
});

test('an OP_MSG reply is one section and answers the request id', () => {
  const envelope = readEnvelope(opMsg([body({ ping: 1, $db: 'a' })]));
  const reply = encodeWireReply(envelope, 9, { ok: 1 });
  assert.deepEqual([reply.readInt32LE(0), reply.readInt32LE(4), reply.readInt32LE(8)], [reply.length, 9, 7]);
  assert.deepEqual([reply.readInt32LE(12), reply.readUInt32LE(16), reply.readUInt8(20)], [2013, 0, 0]);
  assert.deepEqual(decodeDocument(reply.subarray(21)), { ok: 1 });
});
