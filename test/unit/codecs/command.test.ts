// Golden requests: every recorded or built frame has the view that stands beside it as JSON.
// Does not try replies: reply.test.ts does. UPDATE_GOLDEN=1 rewrites the JSON files; review reads the difference.
// Invariant: every request fixture has a golden view, every malformed one a reason in its first line.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  type BsonDocument,
  DECODE_REASONS,
  DecodeError,
  encodeMessage,
  encodeReply,
  Frame,
  Framer,
  Int32,
  inflate,
  Long,
  loadCompressors,
  OPCODE,
  readCommand,
} from '../../../codecs/index.ts';
import { readHexFolder } from '../../support/hex.ts';
import { check, goldenOf, outcomeOf, readAndDescribeCommand } from './check.ts';

const view = (document: BsonDocument): ReturnType<typeof readCommand> =>
  readCommand(Frame.of(encodeMessage({ ...document, $db: 'shop' }, 1, 0)));

describe('golden requests', () => {
  for (const { name, bytes } of readHexFolder('frames').filter(({ name }) => name.startsWith('request-'))) {
    test(name, () => {
      check(bytes, readAndDescribeCommand, goldenOf(name, bytes, readAndDescribeCommand));
    });
  }
});

describe('malformed requests', () => {
  before(loadCompressors);
  for (const { name, text, bytes } of readHexFolder('malformed')) {
    test(name, () => {
      const reason = /^# expect: (\w+)/.exec(text)?.[1] ?? '';
      assert.ok(reason in DECODE_REASONS, `unknown reason ${reason}`);
      const seen = firstReason(bytes);
      assert.equal(seen, reason);
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.equal(firstReason(bytes.subarray(0, cut), bytes.subarray(cut)), reason, `cut at ${cut}`);
      }
    });
  }
});

/** The reason with which framer or reader refuse the stream, '' if they do not. */
function firstReason(...chunks: Buffer[]): string {
  let answer = '';
  const framer = new Framer({
    onFrame: (frame) => void readCommand(frame.opcode === OPCODE.compressed ? inflate(frame) : frame),
    accepts: (opcode) => opcode === OPCODE.msg || opcode === OPCODE.query || opcode === OPCODE.compressed,
  });
  try {
    for (const chunk of chunks) {
      framer.push(chunk);
    }
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    answer = error.reason;
  }
  return answer;
}

test('a collection is found by the rule of its command', () => {
  const cases: readonly (readonly [BsonDocument, string])[] = [
    [{ find: 'a.b.c' }, 'a.b.c'],
    [{ findandmodify: 'a' }, 'a'],
    [{ aggregate: 1 }, '$cmd.aggregate'],
    [{ aggregate: 1.0 }, '$cmd.aggregate'],
    [{ aggregate: 'a' }, 'a'],
    [{ getMore: Long.fromNumber(3), collection: '$cmd.listCollections' }, '$cmd.listCollections'],
    [{ killCursors: 'a', cursors: [Long.fromNumber(3)] }, 'a'],
    [{ listCollections: 1 }, ''],
    [{ dropDatabase: 1 }, ''],
    [{ ping: 'a' }, ''],
    [{ explain: { find: 'a' } }, 'a'],
    [{ explain: { aggregate: 1 } }, '$cmd.aggregate'],
    [{ explain: { explain: { find: 'a' } } }, ''],
    [{ explain: { frobnicate: 'a' } }, 'a'],
    [{ bulkWrite: 1, ops: [], nsInfo: [{ ns: 'x.a.b' }] }, 'a.b'],
    [{ bulkWrite: 1, ops: [], nsInfo: [{ ns: 'x.a' }, { ns: 'x.b' }] }, ''],
    [{ bulkWrite: 1 }, ''],
    [{ bulkWrite: 1, nsInfo: [{ odd: 1 }] }, ''],
    [{ renameCollection: 'x.a.b' }, 'a.b'],
    [{ dataSize: 'nodot' }, 'nodot'],
    [{ frobnicate: 'a' }, 'a'],
    [{ frobnicate: 1 }, ''],
    [{ find: 'größe' }, 'größe'],
    [{ find: 'x'.repeat(100) }, 'x'.repeat(100)],
  ];
  for (const [document, collection] of cases) {
    assert.equal(view(document).collection, collection, JSON.stringify(document));
  }
  assert.equal(view({ bulkWrite: 1, nsInfo: [{ ns: 'x.a.b' }] }).bulkWriteNamespace, 'x.a.b');
});

test('a comment is taken from the top, else from inside the operation', () => {
  const cases: readonly (readonly [BsonDocument, unknown])[] = [
    [{ find: 'a', comment: 'top', filter: { $comment: 'inner' } }, 'top'],
    [{ find: 'a', filter: { x: 1, $comment: 'inner' } }, 'inner'],
    [{ count: 'a', query: { $comment: 'inner' } }, 'inner'],
    [
      {
        update: 'a',
        updates: [
          { q: { $comment: 'first' }, u: {} },
          { q: { $comment: 'second' }, u: {} },
        ],
      },
      'first',
    ],
    [{ update: 'a', updates: [{ u: {} }] }, undefined],
    [{ update: 'a', updates: [] }, undefined],
    [{ delete: 'a', deletes: [{ q: { $comment: 'first' }, limit: 1 }] }, 'first'],
    [{ aggregate: 'a', pipeline: [{ $sort: { a: 1 } }, { $match: { $comment: 'm' } }] }, 'm'],
    [{ aggregate: 'a', pipeline: [{ $match: {} }, { $match: { $comment: 'm' } }] }, undefined],
    [{ aggregate: 'a', pipeline: [] }, undefined],
    [{ aggregate: 'a', pipeline: ['odd'] }, undefined],
    [{ ping: 1, comment: new Int32(7) }, 7],
    [
      { ping: 1, comment: { traceparent: 'x', n: [1] } },
      { traceparent: 'x', n: [1] },
    ],
    [{ ping: 1, comment: null }, null],
    [{ ping: 1 }, undefined],
  ];
  for (const [document, comment] of cases) {
    assert.deepEqual(view(document).commentValue, comment, JSON.stringify(document));
  }
});

test('maxTimeMS is read as any number and its place can be patched', () => {
  assert.equal(view({ ping: 1 }).maxTimeMS, -1);
  assert.equal(view({ ping: 1, maxTimeMS: 5 }).maxTimeMS, 5);
  assert.equal(view({ ping: 1, maxTimeMS: Long.fromNumber(5) }).maxTimeMS, 5);
  assert.equal(view({ ping: 1, maxTimeMS: 5.5 }).maxTimeMS, 5.5);
  for (const odd of [-1, 2 ** 31, Number.POSITIVE_INFINITY, Number.NaN, 'x']) {
    assert.equal(view({ ping: 1, maxTimeMS: odd }).maxTimeMS, -1);
  }
  const patched = view({ ping: 1, maxTimeMS: 5 });
  patched.frame.bytes.writeInt32LE(77, patched.maxTimeOffset);
  assert.equal(readCommand(patched.frame).maxTimeMS, 77);
});

test('awaiting cursors are recognised before they exist', () => {
  assert.equal(view({ find: 'a', tailable: true, awaitData: true }).opensAwaitingCursor, 'tailable');
  assert.equal(view({ find: 'a', tailable: 1, awaitData: 1.5 }).opensAwaitingCursor, 'tailable');
  assert.equal(view({ find: 'a', tailable: true }).opensAwaitingCursor, 'none');
  assert.equal(view({ find: 'a', tailable: true, awaitData: 'x' }).opensAwaitingCursor, 'none');
  assert.equal(view({ aggregate: 'a', pipeline: [{ $changeStream: {} }] }).opensAwaitingCursor, 'change_stream');
  assert.equal(view({ aggregate: 'a', pipeline: [{ $match: {} }, { $changeStream: {} }] }).opensAwaitingCursor, 'none');
  assert.equal(view({ aggregate: 'a', pipeline: {} }).opensAwaitingCursor, 'none');
  assert.equal(view({ frob: 'a', tailable: true, awaitData: true }).opensAwaitingCursor, 'none');
});

test('the same command name and namespace are the same strings every time', () => {
  const first = view({ find: 'interned' });
  const second = view({ find: 'interned' });
  assert.equal(first.collection, second.collection);
  assert.equal(first.database, 'shop');
  assert.equal(view({ find: 'other' }).collection, 'other');
});

test('what is nested deeper than the limit is refused', () => {
  const shallow = readCommand(Frame.of(nestedComment(190)));
  assert.equal(JSON.stringify(shallow.commentValue).length, 190 * 6 - 4);
  for (const levels of [200, 20_000]) {
    assert.equal(outcomeOf(readCommand, Frame.of(nestedComment(levels))), 'refused: invalid_bson');
  }
});

test('what is malformed below the top level is refused', () => {
  const bytes = encodeMessage({ find: 'a', filter: { b: { c: 'abcdefgh' } }, $db: 'd' }, 1, 0);
  bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
  assert.equal(outcomeOf(readCommand, Frame.of(bytes)), 'refused: invalid_bson');
});

/** A ping whose comment is `{a: {a: … {}}}` with this many documents. */
function nestedComment(levels: number): Buffer {
  const comment = Buffer.alloc(levels * 8 - 3);
  for (let level = 0, length = comment.length; level < levels; level++, length -= 8) {
    comment.writeInt32LE(length, level * 7);
    if (level < levels - 1) {
      comment.set([3, 0x61, 0], level * 7 + 4);
    }
  }
  const plain = encodeMessage({ ping: 1, $db: 'a' }, 1, 0);
  const name = Buffer.from('comment\0');
  const message = Buffer.concat([plain.subarray(0, -1), Buffer.from([3]), name, comment, Buffer.alloc(1)]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(message.length - 21, 21);
  return message;
}

test('an explain of nothing and a fractional cursor id', () => {
  const empty = Frame.of(encodeMessage({ explain: {}, $db: 'shop' }, 1, 0));
  assert.equal(outcomeOf(readCommand, empty), 'refused: empty_command');
  assert.equal(view({ getMore: 1.5, collection: 'a' }).cursorId, 0n);
  assert.equal(view({ getMore: 7, collection: 'a' }).cursorId, 7n);
});

test('a reply is no command', () => {
  assert.equal(outcomeOf(readCommand, Frame.of(encodeMessage({ ok: 1 }, 1, 7))), 'refused: db_missing');
  assert.equal(outcomeOf(readCommand, Frame.of(encodeReply({ ok: 1 }, 1, 7))), 'refused: unknown_opcode');
});

test('the last field behind the body, whatever it is, does not shift the first ones', () => {
  const wide: BsonDocument = { find: 'a' };
  for (let index = 0; index < 2000; index++) {
    wide[`field${index}`] = index;
  }
  const last = view({ ...wide, comment: 'here' });
  assert.equal(last.commentValue, 'here');
  assert.equal(last.collection, 'a');
});
