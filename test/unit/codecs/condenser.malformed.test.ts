// Large messages that break a rule of their layout: each is refused with its reason, in one piece and byte by byte.
// Does not test what the readers refuse. Invariant: how the bytes come makes no difference.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Decimal128 } from 'bson';
import { emptyValue } from '../../../codecs/condenser-rules.ts';
import {
  Binary,
  BSON_TYPE,
  DecodeError,
  encodeMessage,
  Frame,
  OPCODE,
  readAnyRequest,
  serialize,
  skipElement,
} from '../../../codecs/index.ts';
import { body, condense, FILLER, int32, message, sequence, skim, text, times } from './large-messages.ts';

const BODY = body({ insert: 'items', $db: 'shop' });
const raw = (hex: string): Buffer => Buffer.from(hex.replace(/ /g, ''), 'hex');
/** A body of one element (type, name, value as given) with a right length. */
const element = (type: number, value: Buffer): Buffer => {
  const content = Buffer.concat([Buffer.from([type]), text('a'), value, Buffer.from([0])]);
  return Buffer.concat([Buffer.from([0]), int32(content.length + 4), content]);
};

/** One operation, its elements and its end given. */
const operation = (hex: string): Buffer => Buffer.concat([int32(raw(hex).length + 4), raw(hex)]);
const NO_END = operation('10 696e7365727400 00000000 01');
const bulkWrite = (operations: Buffer): Buffer =>
  message(
    OPCODE.msg,
    int32(0),
    body({ bulkWrite: 1, $db: 'admin' }),
    Buffer.concat([Buffer.from([1]), int32(operations.length + 8), text('ops'), operations]),
  );

const CASES: readonly (readonly [string, string, Buffer])[] = [
  ['no flags', 'bad_layout', message(OPCODE.msg)],
  ['a body that ends too early', 'invalid_bson', message(OPCODE.msg, int32(0), BODY.subarray(0, 10))],
  ['a section cut in its length', 'bad_sequence', message(OPCODE.msg, int32(0), BODY, raw('01 05 00'))],
  ['a sequence beyond the message', 'bad_sequence', message(OPCODE.msg, int32(0), raw('01 ffff0000 61 00'), BODY)],
  [
    'a sequence name beyond its section',
    'bad_sequence',
    message(OPCODE.msg, int32(0), raw('01 05000000'), text('documents'), BODY),
  ],
  [
    'a sequence name without end',
    'bad_sequence',
    message(OPCODE.msg, int32(0), Buffer.concat([Buffer.from([1]), int32(5000)]), Buffer.alloc(4996, 0x61)),
  ],
  [
    'a sequence cut in the length of a document',
    'bad_sequence',
    message(OPCODE.msg, int32(0), BODY, raw('01 08000000 6100 0500')),
  ],
  [
    'three sequences',
    'too_many_sequences',
    message(OPCODE.msg, int32(0), BODY, ...['a', 'b', 'c'].map((name) => sequence(name, []))),
  ],
  ['an early end of a document', 'invalid_bson', message(OPCODE.msg, int32(0), element(0, Buffer.alloc(4)))],
  [
    'a field name without end',
    'invalid_bson',
    message(
      OPCODE.msg,
      int32(0),
      Buffer.concat([Buffer.from([0]), int32(4005), Buffer.alloc(4000, 0x61), Buffer.from([0])]),
    ),
  ],
  ['a type that is none', 'invalid_bson', message(OPCODE.msg, int32(0), element(0x14, Buffer.alloc(0)))],
  ['a string shorter than its NUL', 'invalid_bson', message(OPCODE.msg, int32(0), element(2, int32(0)))],
  [
    'a negative binary',
    'invalid_bson',
    message(OPCODE.msg, int32(0), element(5, Buffer.concat([int32(-1), Buffer.from([0])]))),
  ],
  [
    'a pointer with a bad name',
    'invalid_bson',
    message(OPCODE.msg, int32(0), element(12, Buffer.concat([int32(0), Buffer.alloc(12)]))),
  ],
  ['a document shorter than empty', 'invalid_bson', message(OPCODE.msg, int32(0), element(3, int32(4)))],
  ['a value beyond its document', 'invalid_bson', message(OPCODE.msg, int32(0), element(16, raw('01 00')))],
  [
    'a regular expression beyond its document',
    'invalid_bson',
    message(OPCODE.msg, int32(0), element(11, Buffer.from('aaaa')), BODY),
  ],
  ['a namespace without end', 'bad_layout', message(OPCODE.insert, int32(0), Buffer.alloc(3000, 0x61))],
  ['nothing behind the namespace', 'bad_layout', message(OPCODE.update, int32(0), text('a.b'))],
  [
    'a query cut in its length',
    'bad_layout',
    message(OPCODE.query, int32(0), text('a.$cmd'), int32(0), int32(1), raw('05 00')),
  ],
  [
    'a query beyond the message',
    'invalid_bson',
    message(OPCODE.query, int32(0), text('a.$cmd'), int32(0), int32(1), int32(100), Buffer.alloc(20)),
  ],
  ['a number of cursors cut', 'bad_layout', message(OPCODE.killCursors, int32(0), raw('01 00'))],
  ['fewer cursors than said', 'bad_layout', message(OPCODE.killCursors, int32(0), int32(9001), Buffer.alloc(72_000))],
  ['more cursors than said', 'bad_layout', message(OPCODE.killCursors, int32(0), int32(8999), Buffer.alloc(72_000))],
  ['half a cursor', 'bad_layout', message(OPCODE.killCursors, int32(0), int32(9000), Buffer.alloc(72_004))],
  ['cursors less than none', 'bad_layout', message(OPCODE.killCursors, int32(0), int32(-1))],
  ['a getMore that is cut', 'bad_layout', message(OPCODE.getMore, int32(0), text('a.b'), Buffer.alloc(11))],
  ['a getMore that goes on', 'bad_layout', message(OPCODE.getMore, int32(0), text('a.b'), Buffer.alloc(13))],
  ['a text without end', 'bad_layout', message(OPCODE.diagnostic, Buffer.alloc(5000, 0x61))],
  ['a text that goes on behind its end', 'bad_layout', message(OPCODE.diagnostic, text('a'), text('b'))],
  ['no text', 'bad_layout', message(OPCODE.diagnostic)],
  ['an operation shorter than empty', 'bad_sequence', bulkWrite(raw('04000000 00'))],
  ['an operation that does not end', 'invalid_bson', bulkWrite(Buffer.concat([NO_END, NO_END]))],
  ['an operation without a value', 'invalid_bson', bulkWrite(operation('10 696e7365727400 0000 00'))],
  ['an operation of a type that is none', 'invalid_bson', bulkWrite(operation('14 696e7365727400 00000000 00'))],
  ['a message of no known opcode', 'unknown_opcode', message(2003, Buffer.alloc(100))],
  ['a compressed message', 'unknown_opcode', message(OPCODE.compressed, Buffer.alloc(100))],
  [
    'bytes behind the last part',
    'bad_layout',
    message(OPCODE.delete, int32(0), text('a.b'), int32(0), serialize({}), Buffer.alloc(30)),
  ],
];

for (const [name, reason, bytes] of CASES) {
  test(`${name}: ${reason}`, () => {
    const everyByte = times(Math.max(0, bytes.length - 17), (index) => index + 1);
    for (const cuts of [[], everyByte]) {
      assert.throws(
        () => condense(bytes, cuts),
        (error) => error instanceof DecodeError && error.reason === reason,
      );
    }
  });
}

test('a message that ends inside of something is told of when its last byte passed', () => {
  const field = Buffer.concat([
    Buffer.from([2]),
    text('a'),
    int32(70_000),
    Buffer.alloc(69_999, 0x61),
    Buffer.from([0]),
  ]);
  const content = Buffer.concat([field, Buffer.from([2]), Buffer.from('a name that does not end')]);
  const open = message(OPCODE.msg, int32(0), Buffer.from([0]), int32(content.length + 4), content);
  const follower = encodeMessage({ ping: 1, $db: 'admin' }, 78, 0);
  for (const chunkBytes of [open.length, 4096, 1]) {
    const { unread, seen } = skim('client', Buffer.concat([open, follower]), chunkBytes);
    assert.deepEqual(
      unread.map(({ reason, wireBytes }) => [reason, wireBytes]),
      [['bad_layout', open.length]],
    );
    assert.equal(seen.length, 1);
  }
});

test('an empty value is one of its type, for every type whose values may be large', () => {
  const types = Object.values(BSON_TYPE).filter((type) => emptyValue(type) !== null);
  assert.equal(types.length, 9);
  for (const type of types) {
    const value = emptyValue(type) as Buffer;
    assert.equal(skipElement(value, type, 0, value.length), value.length, `type ${type}`);
  }
});

test('a command that begins with a regular expression keeps its name', () => {
  const bytes = encodeMessage({ odd: /x/i, collection: 'items', filler: FILLER.repeat(70), $db: 'shop' }, 1, 0);
  for (const chunkBytes of [bytes.length, 1]) {
    const { seen } = skim('client', bytes, chunkBytes);
    const view = readAnyRequest(seen[0]?.frame as Frame);
    assert.deepEqual([view.name, view.collection], ['odd', '']);
  }
});

test('every type of value passes, kept or left out', () => {
  const long = 'v'.repeat(20_000);
  const bytes = encodeMessage(
    {
      find: 'items',
      expression: /^ab+c/i,
      code: new Code(long),
      scoped: new Code('f()', { long }),
      binary: new Binary(Buffer.from(long)),
      decimal: Decimal128.fromString('1.5'),
      nested: { long },
      texts: [long, /x/],
      missing: null,
      yes: true,
      $db: 'shop',
    },
    1,
    0,
  );
  for (const chunkBytes of [bytes.length, 777, 1]) {
    const { seen, unread } = skim('client', bytes, chunkBytes);
    assert.deepEqual(unread, []);
    const elements = [...readAnyRequest(seen[0]?.frame as Frame).document.elements()];
    assert.deepEqual(
      elements.map(({ name, type }) => [name, type]),
      [...readAnyRequest(Frame.of(bytes)).document.elements()].map(({ name, type }) => [name, type]),
    );
  }
});

test('a bulkWrite operation that does not start with a number keeps nothing of itself', () => {
  const ops = [{ insert: Decimal128.fromString('1') }, { text: FILLER }, {}, { insert: 0 }];
  const namespaces = [{ ns: 'shop.items' }];
  const filler = times(100, () => ({ FILLER }));
  for (const bytes of [
    message(
      OPCODE.msg,
      int32(0),
      body({ bulkWrite: 1, $db: 'admin' }),
      sequence('ops', [...ops, ...filler]),
      sequence('nsInfo', namespaces),
    ),
    message(
      OPCODE.msg,
      int32(0),
      body({ bulkWrite: 1, ops: [...ops, 'text', ...filler], nsInfo: namespaces, $db: 'admin' }),
    ),
  ]) {
    for (const chunkBytes of [bytes.length, 999, 1]) {
      const only = skim('client', bytes, chunkBytes).seen[0];
      assert.ok(only !== undefined && only.frame.length < 4000, `${only?.frame.length}`);
      assert.ok(!only.frame.bytes.includes('xxxx'));
      assert.ok((only.counts?.of('ops') ?? 0) >= 104);
    }
  }
});

test('beyond the hard bound nothing is kept, wanted or not', () => {
  const wanted = Object.fromEntries(
    ['filter', 'query', 'q', 'pipeline', 'lsid', 'comment', 'cursors'].map((name) => [name, 'w'.repeat(64_000)]),
  );
  const bytes = encodeMessage(
    { find: 'items', ...wanted, updates: times(100, () => ({ FILLER })), nsInfo: ['x'.repeat(20_000)], $db: 'shop' },
    1,
    0,
  );
  const { frame } = skim('client', bytes, 65_536).seen[0] as { frame: Frame };
  assert.ok(frame.length < 470_000, `${frame.length} bytes were kept`);
});
