// Golden replies, and the replies that only a broken server sends.
// Does not try requests: command.test.ts does.
// Invariant: every reply fixture has a golden view.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BsonDocument,
  Double,
  encodeMessage,
  encodeReply,
  Frame,
  Int32,
  isStateChangeCode,
  Long,
  ObjectId,
  OPCODE,
  type ReplyView,
  readReply,
} from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';
import { check, goldenOf, outcomeOf, readAndDescribeReply } from './check.ts';

const view = (document: BsonDocument): ReplyView => readReply(Frame.of(encodeMessage(document, 1, 7)));

describe('golden replies', () => {
  for (const { name, bytes } of readHexFolder('frames').filter(({ name }) => name.startsWith('reply-'))) {
    test(name, () => {
      check(bytes, readAndDescribeReply, goldenOf(name, bytes, readAndDescribeReply));
    });
  }
});

test('ok is true for 1 of every number type and for true, else false', () => {
  for (const ok of [1, new Double(1), new Int32(1), Long.fromNumber(1), true]) {
    assert.equal(view({ ok }).ok, true);
  }
  for (const ok of [0, new Double(0), Long.fromNumber(0), false, 'yes', null]) {
    assert.equal(view({ ok }).ok, false);
  }
});

test('a reply without ok is refused', () => {
  assert.equal(outcomeOf(readReply, Frame.of(encodeMessage({ n: 1 }, 1, 7))), 'refused: no_ok');
  assert.equal(outcomeOf(readReply, Frame.of(encodeMessage({}, 1, 7))), 'refused: no_ok');
  assert.equal(outcomeOf(readReply, Frame.of(encodeReply({ n: 1 }, 1, 7))), 'refused: no_ok');
});

test('an OP_REPLY holds exactly one document', () => {
  const two = encodeReply({ ok: 1 }, 1, 7);
  two.writeInt32LE(2, 32);
  assert.equal(outcomeOf(readReply, Frame.of(two)), 'refused: bad_layout');
  const trailing = Buffer.concat([encodeReply({ ok: 1 }, 1, 7), Buffer.alloc(3)]);
  trailing.writeInt32LE(trailing.length, 0);
  assert.equal(outcomeOf(readReply, Frame.of(trailing)), 'refused: bad_layout');
  const request = encodeReply({ ok: 1 }, 1, 7);
  request.writeInt32LE(OPCODE.query, 12);
  assert.equal(outcomeOf(readReply, Frame.of(request)), 'refused: unknown_opcode');
});

test('a state change is seen at the root, in any write error and in the write concern error', () => {
  for (const code of [189, 10107, 11602, 13435, 13436, 10058, 91, 11600]) {
    assert.ok(isStateChangeCode(code));
    assert.equal(view({ ok: 0, code }).hasStateChangeCode, true);
    assert.equal(view({ ok: 1, code }).hasStateChangeCode, false);
    assert.equal(view({ ok: 1, writeErrors: [{ code: 1 }, { code: Long.fromNumber(code) }] }).hasStateChangeCode, true);
    assert.equal(view({ ok: 1, writeConcernError: { code } }).hasStateChangeCode, true);
  }
  assert.equal(view({ ok: 0, code: 11000, codeName: 'NotWritablePrimary' }).hasStateChangeCode, false);
});

test('odd shapes of known fields count for nothing', () => {
  const odd = view({
    ok: 1,
    code: 'x',
    codeName: 5,
    errmsg: 5,
    errorLabels: 'x',
    cursor: [1],
    n: 'x',
    upserted: 1,
    writeErrors: [5, {}, { code: 'x' }],
    writeConcernError: { errmsg: 'x' },
    lastErrorObject: {},
    topologyVersion: { processId: 5 },
  });
  const { code, codeName, errmsg, hasErrorLabels, cursorPresent, n, upsertedCount, lastErrorN, processId } = odd;
  assert.deepEqual(
    { code, codeName, errmsg, hasErrorLabels, cursorPresent, n, upsertedCount, lastErrorN, processId },
    {
      code: 0,
      codeName: '',
      errmsg: '',
      hasErrorLabels: false,
      cursorPresent: false,
      n: 0,
      upsertedCount: 0,
      lastErrorN: 0,
      processId: '',
    },
  );
  assert.equal(odd.writeErrorCount, 3);
  assert.equal(odd.firstWriteErrorCode, 0);
  assert.equal(odd.cursorId, 0n);
});

test('labels are found by name, between values that are none', () => {
  const labelled = view({ ok: 0, errorLabels: [5, 'A', 'B'] });
  assert.deepEqual([labelled.hasLabel('A'), labelled.hasLabel('B'), labelled.hasLabel('C')], [true, true, false]);
  assert.equal(view({ ok: 0, errorLabels: [] }).hasErrorLabels, false);
  assert.equal(view({ ok: 0 }).hasLabel('A'), false);
});

test('a cursor id beyond 2^53 is exact and open', () => {
  const id = Long.fromString('-9223372036854775808');
  const open = view({ cursor: { id, firstBatch: [], ns: 'a.b' }, ok: 1 });
  assert.equal(open.hasOpenCursor, true);
  assert.equal(open.cursorId, -(2n ** 63n));
});

test('a field that appears twice has its last value, as in drivers', () => {
  const plain = encodeMessage({ ok: 1 }, 1, 7);
  const again = Buffer.concat([plain.subarray(0, -1), Buffer.from('106f6b000000000000', 'hex')]);
  again.writeInt32LE(again.length, 0);
  again.writeInt32LE(again.length - 21, 21);
  assert.equal(readReply(Frame.of(again)).ok, false);
});

test('the process id tells two server processes apart', () => {
  const processId = new ObjectId();
  assert.equal(
    view({ ok: 1, topologyVersion: { processId, counter: Long.fromNumber(1) } }).processId,
    processId.toHexString(),
  );
});
