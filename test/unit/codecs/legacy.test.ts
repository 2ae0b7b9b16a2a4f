// The removed opcodes and OP_REPLY with several documents: golden views, malformed messages, the declared layouts.
// Does not try what pool mode serves: command.test.ts and reply.test.ts do.
// Invariant: every legacy frame has a golden view, and scanner and declared layout say the same of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BsonDocument,
  type CommandView,
  DECODE_REASONS,
  encodeMessage,
  encodeReply,
  Frame,
  Int32,
  OPCODE,
  opcodeName,
  readAnyReply,
  readAnyRequest,
  readCommand,
  readLegacyReference,
  readReply,
  scanCommandReply,
  scanLegacy,
  serialize,
} from '../../../codecs/index.ts';
import { type HexFile, readHexFolder } from '../../support/hex.ts';
import { check, describeCommand, describeReply, goldenOf, outcomeOf } from './check.ts';

const readRequest = (frame: Frame): unknown => describeCommand(readAnyRequest(frame));
const readResponse = (frame: Frame): unknown => describeReply(readAnyReply(frame));
const frames: readonly HexFile[] = readHexFolder('frames');
const legacy = frames.filter(({ name }) => name.startsWith('legacy-'));

describe('golden legacy frames', () => {
  for (const { name, bytes } of legacy) {
    const read = name.startsWith('legacy-request-') ? readRequest : readResponse;
    test(name, () => check(bytes, read, goldenOf(name, bytes, read)));
  }
});

describe('malformed legacy frames', () => {
  for (const { name, text, bytes } of readHexFolder('malformed/legacy')) {
    test(name, () => {
      const reason = /^# expect: (\w+)/.exec(text)?.[1] ?? '';
      assert.ok(reason in DECODE_REASONS, `unknown reason ${reason}`);
      check(bytes, name.startsWith('request-') ? readRequest : readResponse, `refused: ${reason}`);
    });
  }
});

test('pool mode refuses every removed opcode by its name', () => {
  for (const { name, bytes } of legacy) {
    const frame = Frame.of(bytes);
    if (frame.opcode === OPCODE.query || frame.opcode === OPCODE.reply) continue;
    assert.equal(outcomeOf(readCommand, frame), 'refused: unknown_opcode', name);
    assert.equal(outcomeOf(readReply, frame), 'refused: unknown_opcode', name);
    assert.notEqual(opcodeName(frame.opcode), 'unknown');
  }
});

test('what pool mode reads, the wider door reads alike', () => {
  for (const { name, bytes } of frames) {
    const frame = Frame.of(bytes);
    if (name.startsWith('request-') && name !== 'request-legacy-find') {
      assert.deepEqual(
        outcomeOf(readRequest, frame),
        outcomeOf((each) => describeCommand(readCommand(each)), frame),
        name,
      );
    } else if (name.startsWith('reply-')) {
      assert.deepEqual(
        outcomeOf(readResponse, frame),
        outcomeOf((each) => describeReply(readReply(each)), frame),
        name,
      );
    }
  }
});

test('the declared layouts see the same as the scanner', () => {
  for (const { name, bytes } of legacy) {
    const { opcode } = Frame.of(bytes);
    if (opcode === OPCODE.query || opcode === OPCODE.reply) continue;
    const reference = readLegacyReference(bytes);
    const layout = opcode === OPCODE.commandReply ? scanCommandReply(bytes) : scanLegacy(bytes, opcode);
    assert.deepEqual([reference.messageLength, reference.opcode], [bytes.length, opcode], name);
    const names = reference.namespace ?? reference.database ?? reference.text;
    const isNamed = layout.namespaceStart >= 0;
    assert.equal(
      isNamed ? bytes.toString('latin1', layout.namespaceStart, layout.namespaceEnd) : undefined,
      names,
      name,
    );
    const documents =
      layout.documentsStart < 0 ? undefined : bytes.subarray(layout.documentsStart, layout.documentsEnd);
    assert.deepEqual(reference.documents, documents, name);
    const ids = reference.cursorIds ?? (reference.cursorId === undefined ? [] : [reference.cursorId]);
    assert.deepEqual(
      ids,
      ids.map((_, index) => bytes.readBigInt64LE(layout.cursorsStart + 8 * index)),
      name,
    );
    assert.equal((layout.cursorsEnd - layout.cursorsStart) / 8, ids.length, name);
  }
  assert.throws(() => readLegacyReference(encodeMessage({ ping: 1 }, 1, 0)), RangeError);
  assert.throws(() => readLegacyReference(Buffer.alloc(3)), RangeError);
});

test('an OP_REPLY is a command or documents by the request it answers', () => {
  const query = readAnyRequest(frameOf('legacy-request-query'));
  const getMore = readAnyRequest(frameOf('legacy-request-get-more'));
  const hello = readAnyRequest(frameOf('request-legacy-hello'));
  const reply = Frame.of(encodeReply({ ok: 0, code: new Int32(5) }, 1, 7));
  assert.deepEqual(verdict(reply, hello), [false, 5, 0]);
  assert.deepEqual(verdict(reply, null), [false, 5, 0]);
  assert.deepEqual(verdict(reply, query), [true, 0, 1]);
  assert.deepEqual(verdict(reply, getMore), [true, 0, 1]);
  const open = encodeReply({ ok: 0 }, 1, 7);
  open.writeBigInt64LE(5n, 20);
  assert.deepEqual(verdict(Frame.of(open), null), [true, 0, 1]);
  assert.deepEqual(verdict(frameOf('legacy-reply-failure'), query), [false, 13, 0]);
  assert.deepEqual(verdict(frameOf('legacy-reply-cursor-not-found'), getMore), [false, 43, 0]);
});

test('a comment beside $query wins over one inside', () => {
  const wrapped = { $query: { a: 1, $comment: 'inner' }, $comment: 'beside' };
  assert.equal(query('shop.orders', wrapped).commentValue, 'beside');
  assert.equal(query('shop.orders', { $query: wrapped.$query }).commentValue, 'inner');
  assert.equal(query('shop.orders', { $query: 5 }).commentValue, undefined);
  assert.equal(query('shop.$cmd', { $query: { ping: 1 }, $comment: 'beside' }).commentValue, 'beside');
});

function query(namespace: string, document: BsonDocument): CommandView {
  const head = Buffer.alloc(20);
  const skip = Buffer.alloc(8);
  skip.writeInt32LE(-1, 4);
  const message = Buffer.concat([head, Buffer.from(`${namespace}\0`), skip, serialize(document)]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(OPCODE.query, 12);
  return readAnyRequest(Frame.of(message));
}

function verdict(frame: Frame, request: CommandView | null): readonly [boolean, number, number] {
  const { ok, code, batchCount } = readAnyReply(frame, request);
  return [ok, code, batchCount];
}

function frameOf(name: string): Frame {
  const file = frames.find((each) => each.name === name);
  assert.ok(file !== undefined, name);
  return Frame.of(file.bytes);
}
