// The scanners of OP_MSG, OP_QUERY, OP_REPLY and the header against the layouts declared with binary-parser.
// Does not mutate: test/property/codecs.test.ts does.
// Invariant: both readers see the same ranges in every fixture.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DecodeError,
  Frame,
  OPCODE,
  readHeaderReference,
  readOpMsgReference,
  readOpQueryReference,
  readOpReplyReference,
  scanOpMsg,
  scanOpQuery,
  scanOpReply,
  scanOpReplyDocuments,
} from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';

const frames = readHexFolder('frames');
const ofOpcode = (opcode: number): Buffer[] =>
  frames.map(({ bytes }) => bytes).filter((bytes) => bytes.readInt32LE(12) === opcode);

test('header: the frame and the declared layout agree', () => {
  for (const { bytes } of frames) {
    const frame = Frame.of(bytes);
    const { messageLength, requestId, responseTo, opcode } = readHeaderReference(bytes);
    assert.deepEqual(
      [messageLength, requestId, responseTo, opcode],
      [frame.length, frame.requestId, frame.responseTo, frame.opcode],
    );
  }
});

test('OP_MSG: the scanner and the declared layout agree', () => {
  const messages = ofOpcode(OPCODE.msg);
  assert.ok(messages.length > 30);
  for (const bytes of messages) {
    const { flagBits, bodyStart, bodyEnd, sequences } = scanOpMsg(bytes);
    const reference = readOpMsgReference(bytes);
    assert.equal(flagBits >>> 0, reference.flagBits);
    const bodies = reference.sections.filter(({ kind }) => kind === 0);
    assert.deepEqual(
      bodies.map(({ body }) => body),
      [bytes.subarray(bodyStart, bodyEnd)],
    );
    assert.deepEqual(
      sequences.map((range) => [
        bytes.subarray(range.nameStart, range.nameEnd),
        bytes.subarray(range.documentsStart, range.documentsEnd),
      ]),
      reference.sections.filter(({ kind }) => kind === 1).map(({ identifier, documents }) => [identifier, documents]),
    );
  }
});

test('OP_QUERY: the scanner and the declared layout agree', () => {
  const queries = ofOpcode(OPCODE.query);
  assert.ok(queries.length >= 3);
  for (const bytes of queries) {
    const layout = scanOpQuery(bytes);
    const reference = readOpQueryReference(bytes);
    assert.equal(layout.flags, reference.flags);
    assert.equal(bytes.toString('latin1', layout.namespaceStart, layout.namespaceEnd), reference.namespace);
    assert.equal(layout.numberToReturn, reference.numberToReturn);
    // A projection may follow.
    const query = reference.documents.subarray(0, layout.queryEnd - layout.queryStart);
    assert.deepEqual(bytes.subarray(layout.queryStart, layout.queryEnd), query);
    assert.equal(layout.queryStart + reference.documents.length, bytes.length);
  }
});

test('OP_QUERY: a projection behind the query is passed over', () => {
  const query = frames.find(({ name }) => name === 'request-legacy-find')?.bytes as Buffer;
  const projected = Buffer.concat([query, Buffer.from([5, 0, 0, 0, 0])]);
  assert.equal(scanOpQuery(projected).queryEnd, query.length);
  const twice = Buffer.concat([projected, Buffer.from([5, 0, 0, 0, 0])]);
  assert.throws(() => scanOpQuery(twice), DecodeError);
});

test('OP_REPLY: the scanner and the declared layout agree', () => {
  const replies = ofOpcode(OPCODE.reply);
  assert.ok(replies.length >= 2);
  for (const bytes of replies) {
    const reference = readOpReplyReference(bytes);
    const { flags, documents, documentsStart } = scanOpReplyDocuments(bytes);
    assert.deepEqual([flags, documents], [reference.flags, reference.numberReturned]);
    assert.deepEqual(bytes.subarray(documentsStart), reference.documents);
    if (documents !== 1) {
      assert.throws(() => scanOpReply(bytes), { reason: 'bad_layout' });
      continue;
    }
    const layout = scanOpReply(bytes);
    assert.equal(layout.flags, reference.flags);
    assert.deepEqual(bytes.subarray(layout.bodyStart, layout.bodyEnd), reference.documents);
  }
});
