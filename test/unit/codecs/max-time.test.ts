// The time limit of a command, patched or inserted. What the reader makes of maxTimeMS is in command.test.ts.
// Invariants tested: afterwards the message is read again without complaint and says the new limit; every other byte of the
// documents is what it was; a place is given only where the server would take the value for a limit.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BsonDocument,
  crc32c,
  Double,
  encodeMessage,
  Frame,
  Int32,
  insertMaxTime,
  Long,
  MSG_FLAG,
  maxTimePlace,
  mayInsertMaxTime,
  patchMaxTime,
  readCommand,
  serialize,
  stripChecksum,
} from '../../../codecs/index.ts';
import { encodeQuery } from '../../support/test-client.ts';
import { check } from './check.ts';

const GET_MORE: BsonDocument = { getMore: 7n, collection: 'log', $db: 'shop' };

const read = (document: BsonDocument): ReturnType<typeof readCommand> =>
  readCommand(Frame.of(encodeMessage(document, 3, 0)));

function checksummed(plain: Buffer): Buffer {
  const bytes = Buffer.concat([plain, Buffer.alloc(4)]);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(bytes.readInt32LE(16) | MSG_FLAG.checksumPresent, 16);
  bytes.writeUInt32LE(crc32c(bytes, 0, bytes.length - 4), bytes.length - 4);
  return bytes;
}

/** A command with a document sequence on this side of the body. */
function withSequence(document: BsonDocument, side: 'before' | 'behind'): Buffer {
  const content = Buffer.concat([Buffer.from('docs\0'), serialize({ a: 1 })]);
  const sequence = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), content]);
  sequence.writeInt32LE(content.length + 4, 1);
  const body = Buffer.concat([Buffer.from([0]), serialize(document)]);
  const bytes = Buffer.concat([Buffer.alloc(20), ...(side === 'before' ? [sequence, body] : [body, sequence])]);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(2013, 12);
  return bytes;
}

describe('a limit that stands there', () => {
  for (const [type, value] of [
    ['int32', new Int32(9000)],
    ['int64', Long.fromNumber(9000)],
    ['double', new Double(9000)],
  ] as const) {
    test(`is patched as ${type}, and nothing else`, () => {
      const command = read({ ...GET_MORE, maxTimeMS: value, comment: 'c' });
      const before = Buffer.from(command.frame.bytes);
      const place = maxTimePlace(command);
      assert.ok(place);
      patchMaxTime(command.frame, place, 1234);
      assert.deepEqual(readCommand(command.frame).maxTimeMS, 1234);
      assert.equal(readCommand(command.frame).maxTimeType, command.maxTimeType, 'the type stays');
      patchMaxTime(command.frame, place, 9000);
      assert.deepEqual(command.frame.bytes, before);
    });
  }

  test('is a whole number from 1 to what an int32 holds', () => {
    for (const [asked, written] of [
      [0, 1],
      [-5, 1],
      [0.9, 1],
      [17.9, 17],
      [2 ** 40, 2_147_483_647],
    ] as const) {
      for (const value of [new Int32(5), Long.fromNumber(2 ** 30), new Double(5)]) {
        const command = read({ ...GET_MORE, maxTimeMS: value });
        const place = maxTimePlace(command);
        assert.ok(place);
        patchMaxTime(command.frame, place, asked);
        assert.equal(readCommand(command.frame).maxTimeMS, written);
      }
    }
  });

  test('stands in the same place once the checksum is stripped', () => {
    const command = readCommand(Frame.of(checksummed(encodeMessage({ ...GET_MORE, maxTimeMS: 5 }, 3, 0))));
    const place = maxTimePlace(command);
    assert.ok(place);
    const frame = stripChecksum(command.frame);
    patchMaxTime(frame, place, 3);
    assert.equal(readCommand(frame).maxTimeMS, 3);
  });

  test("that is the server's to judge has no place, and none is put beside it", () => {
    for (const maxTimeMS of [-1, 2 ** 31, Number.NaN, '5', null, { a: 1 }, true]) {
      const command = read({ ...GET_MORE, maxTimeMS });
      assert.equal(maxTimePlace(command), null, JSON.stringify(maxTimeMS));
      assert.equal(mayInsertMaxTime(command), false, JSON.stringify(maxTimeMS));
      assert.throws(() => insertMaxTime(command), RangeError);
    }
  });

  test('of a type without numbers is our own mistake', () => {
    assert.throws(() => patchMaxTime(read(GET_MORE).frame, { offset: 21, type: 2 }, 5), RangeError);
  });
});

describe('a limit that is put in', () => {
  test('is the last field of the body, and leaves the original alone', () => {
    const command = read(GET_MORE);
    const before = Buffer.from(command.frame.bytes);
    const { frame, place } = insertMaxTime(command);
    patchMaxTime(frame, place, 66);
    const bytes = frame.bytes;
    assert.deepEqual(bytes, encodeMessage({ ...GET_MORE, maxTimeMS: new Int32(66) }, 3, 0));
    assert.deepEqual(command.frame.bytes, before);
    check(bytes, (frame) => readCommand(frame).maxTimeMS, 66);
  });

  for (const side of ['before', 'behind'] as const) {
    test(`leaves a sequence ${side} the body where it was`, () => {
      const document = { insert: 'a', $db: 'shop' };
      const { frame } = insertMaxTime(readCommand(Frame.of(withSequence(document, side))));
      assert.deepEqual(frame.bytes, withSequence({ ...document, maxTimeMS: new Int32(1) }, side));
      assert.equal(readCommand(frame).maxTimeMS, 1);
    });
  }

  test('makes the checksum go', () => {
    const command = readCommand(Frame.of(checksummed(encodeMessage(GET_MORE, 3, 0, MSG_FLAG.exhaustAllowed))));
    const { frame } = insertMaxTime(command);
    const again = readCommand(frame);
    assert.equal(again.checksumPresent, false);
    assert.equal(again.exhaustAllowed, true, 'other flags stay');
    assert.equal(again.maxTimeMS, 1);
  });

  test('does not go into OP_QUERY, nor into a body without room', () => {
    const query = encodeQuery({ ping: 1 }, 3, { namespace: 'shop.$cmd', numberToReturn: -1 });
    assert.equal(mayInsertMaxTime(readCommand(Frame.of(query))), false);
    const room = 16_777_216 + 16_384 - serialize({ ping: 1, fill: '', $db: 'a' }).length;
    for (const [length, may] of [
      [room - 15, true],
      [room - 14, false],
    ] as const) {
      assert.equal(mayInsertMaxTime(read({ ping: 1, fill: 'x'.repeat(length), $db: 'a' })), may);
    }
  });
});
