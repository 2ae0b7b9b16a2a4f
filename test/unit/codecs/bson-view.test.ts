// BsonView and skipElement: every BSON type, lengths that lie, depth.
// Does not compare with the bson package: test/property/codecs-bson.test.ts does.
// Invariant: bytes behind the given end are never part of an answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BSON_TYPE, BsonView, DecodeError, Long, serialize, skipElement } from '../../../codecs/index.ts';
import { readHex } from '../../support/hex.ts';

const VALUES: readonly (readonly [keyof typeof BSON_TYPE, string])[] = [
  ['double', '000000000000f83f'],
  ['string', '03000000 6162 00'],
  ['document', '05000000 00'],
  ['array', '0c000000 10 3000 01000000 00'],
  ['binary', '02000000 80 0102'],
  ['undefined', ''],
  ['objectId', '0102030405060708090a0b0c'],
  ['boolean', '01'],
  ['date', '0000000000000000'],
  ['null', ''],
  ['regex', '5e6100 6900'],
  ['dbPointer', '02000000 6100 0102030405060708090a0b0c'],
  ['code', '02000000 6600'],
  ['symbol', '02000000 7300'],
  ['codeWithScope', '0f000000 02000000 6600 05000000 00'],
  ['int32', '05000000'],
  ['timestamp', '0100000002000000'],
  ['int64', '0900000000000000'],
  ['decimal128', '00000000000000000000000000003e30'],
  ['maxKey', ''],
  ['minKey', ''],
];

const reasonOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.reason;
  }
  return '';
};

test('every type is hopped over exactly, and refused one byte short', () => {
  assert.equal(VALUES.length, Object.keys(BSON_TYPE).length);
  for (const [name, hex] of VALUES) {
    const { bytes } = readHex(hex);
    const padded = Buffer.concat([Buffer.alloc(3, 0xee), bytes, Buffer.alloc(20, 0xee)]);
    assert.equal(skipElement(padded, BSON_TYPE[name], 3, padded.length), 3 + bytes.length, name);
    assert.equal(skipElement(padded, BSON_TYPE[name], 3, 3 + bytes.length), 3 + bytes.length, name);
    for (let end = 3; end < 3 + bytes.length; end++) {
      assert.equal(
        reasonOf(() => skipElement(padded, BSON_TYPE[name], 3, end)),
        'invalid_bson',
        `${name} to ${end}`,
      );
    }
  }
});

test('every other type byte is refused', () => {
  const known = new Set<number>(Object.values(BSON_TYPE));
  for (let type = 0; type < 256; type++) {
    if (!known.has(type)) {
      assert.equal(
        reasonOf(() => skipElement(Buffer.alloc(64), type, 0, 64)),
        'invalid_bson',
        `type ${type}`,
      );
    }
  }
});

test('getters give the value of the right type and null for anything else', () => {
  const view = new BsonView(
    serialize({
      s: 'grün',
      i: 5,
      d: 1.5,
      l: Long.fromString('9007199254740993'),
      t: true,
      o: { x: 1 },
      a: ['x'],
      n: null,
    }),
  );
  assert.equal(view.getString('s'), 'grün');
  assert.deepEqual([view.getInt('i'), view.getInt('d'), view.getInt('l')], [5, 1.5, 9007199254740992]);
  assert.deepEqual([view.getBigInt('i'), view.getBigInt('l'), view.getBigInt('s')], [5n, 9007199254740993n, null]);
  assert.equal(new BsonView(serialize({ l: Long.fromString('-4294967297') })).getInt('l'), -4294967297);
  assert.equal(view.getBoolean('t'), true);
  assert.equal(view.getDocument('o')?.getInt('x'), 1);
  assert.equal(view.getArray('a')?.getString('0'), 'x');
  for (const wrong of [
    view.getString('i'),
    view.getInt('s'),
    view.getBoolean('i'),
    view.getDocument('a'),
    view.getArray('o'),
  ]) {
    assert.equal(wrong, null);
  }
  assert.equal(view.getString('absent'), null);
  assert.equal(view.getBigInt('absent'), null);
  assert.deepEqual([view.has('n'), view.has('absent')], [true, false]);
  assert.deepEqual(
    [...view.elements()].map(({ name }) => name),
    ['s', 'i', 'd', 'l', 't', 'o', 'a', 'n'],
  );
});

test('a view stands anywhere in a buffer and knows only its own bytes', () => {
  const document = serialize({ a: 1 });
  const bytes = Buffer.concat([Buffer.alloc(7, 0xff), document, serialize({ b: 2 })]);
  const view = new BsonView(bytes, 7);
  assert.deepEqual([view.getInt('a'), view.getInt('b')], [1, null]);
  assert.ok(view.raw().equals(document));
  assert.equal(
    reasonOf(() => new BsonView(bytes, 7, 7 + document.length - 1)),
    'invalid_bson',
  );
  assert.equal(
    reasonOf(() => new BsonView(Buffer.alloc(0))),
    'invalid_bson',
  );
});

test('names are compared as UTF-8', () => {
  const view = new BsonView(serialize({ größe: 1, 'a.b': 2, '': 3 }));
  assert.deepEqual([view.getInt('größe'), view.getInt('a.b'), view.getInt(''), view.getInt('gr')], [1, 2, 3, null]);
});

test('elements are read one by one: an error behind the wanted field stays unseen, before it is thrown', () => {
  const { bytes } = readHex('16000000 10 6100 01000000 14 6200 01000000 00');
  bytes.writeInt32LE(bytes.length, 0);
  const view = new BsonView(bytes);
  assert.equal(view.getInt('a'), 1);
  assert.equal(
    reasonOf(() => view.getInt('c')),
    'invalid_bson',
  );
});

test('nested views go down to the limit and no further', () => {
  let document: Record<string, unknown> = {};
  for (let level = 0; level < 250; level++) {
    document = { a: document };
  }
  let view: BsonView | null = new BsonView(serialize(document));
  let depth = 0;
  assert.equal(
    reasonOf(() => {
      for (; view !== null; depth++) {
        view = view.getDocument('a');
      }
    }),
    'invalid_bson',
  );
  assert.equal(depth, 199);
  assert.equal(new BsonView(serialize({ i: 1 })).nested({ type: BSON_TYPE.int32, name: 'i', start: 7, end: 11 }), null);
});
