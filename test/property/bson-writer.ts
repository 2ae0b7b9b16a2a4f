// Writes random BSON documents of every type byte by byte, and remembers what was written.
// It reads nothing and uses no BSON library. Invariant: what it writes is valid by the BSON specification, the
// deprecated types included.

import fc from 'fast-check';
import { BSON_TYPE } from '../../codecs/index.ts';

/** One element as it was written. */
export interface Written {
  readonly type: number;
  readonly name: string;
  readonly value: Buffer;
  /** Elements of a nested document, array or scope, else null. */
  readonly inner: readonly Written[] | null;
}

export interface WrittenDocument {
  readonly bytes: Buffer;
  readonly elements: readonly Written[];
}

interface Value {
  readonly type: number;
  readonly value: Buffer;
  readonly inner: readonly Written[] | null;
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);
const string = (text: string): Buffer => Buffer.concat([int32(Buffer.byteLength(text) + 1), cstring(text)]);

function writeDocument(elements: readonly Written[]): Buffer {
  const parts = elements.flatMap(({ type, name, value }) => [Buffer.from([type]), cstring(name), value]);
  const body = Buffer.concat([...parts, Buffer.alloc(1)]);
  return Buffer.concat([int32(body.length + 4), body]);
}

function writeBinary(content: Uint8Array, subtype: number): Buffer {
  const inner = subtype === 2 ? Buffer.concat([int32(content.length), content]) : Buffer.from(content);
  return Buffer.concat([int32(inner.length), Buffer.from([subtype]), inner]);
}

function writeScoped(code: string, scope: WrittenDocument): Buffer {
  const content = Buffer.concat([string(code), scope.bytes]);
  return Buffer.concat([int32(content.length + 4), content]);
}

const text = fc.string({ maxLength: 10, unit: 'binary' });
const noZero = text.filter((value) => !value.includes('\0'));
/** `__proto__` is a trap of JavaScript objects; `$ref` and `$id` make bson build a DBRef: neither is a rule of BSON. */
const name = noZero.filter((value) => !['__proto__', '$ref', '$id', '$db'].includes(value));
const raw = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));

const plain = (type: number, value: fc.Arbitrary<Buffer>): fc.Arbitrary<Value> =>
  value.map((bytes) => ({ type, value: bytes, inner: null }));
const empty = (type: number): fc.Arbitrary<Value> => plain(type, fc.constant(Buffer.alloc(0)));

/** A vector's content has rules of its own (its header says how many bits are padding), a uuid is 16 bytes. */
const binary = fc.oneof(
  fc
    .tuple(
      fc.uint8Array({ maxLength: 20 }),
      fc.nat(255).filter((subtype) => ![3, 4, 9].includes(subtype)),
    )
    .map(([content, subtype]) => writeBinary(content, subtype)),
  raw(16).map((content) => writeBinary(content, 4)),
  raw(6).map((content) => writeBinary(Buffer.concat([Buffer.from([0x03, 0]), content]), 9)),
);

const leaf: fc.Arbitrary<Value> = fc.oneof(
  plain(BSON_TYPE.double, raw(8)),
  plain(BSON_TYPE.string, text.map(string)),
  plain(BSON_TYPE.binary, binary),
  empty(BSON_TYPE.undefined),
  plain(BSON_TYPE.objectId, raw(12)),
  plain(BSON_TYPE.boolean, fc.constantFrom(Buffer.from([0]), Buffer.from([1]))),
  plain(BSON_TYPE.date, raw(8)),
  empty(BSON_TYPE.null),
  plain(
    BSON_TYPE.regex,
    noZero.map((pattern) => Buffer.concat([cstring(pattern), cstring('im')])),
  ),
  plain(
    BSON_TYPE.dbPointer,
    fc.tuple(text, raw(12)).map(([namespace, id]) => Buffer.concat([string(namespace), id])),
  ),
  plain(BSON_TYPE.code, text.map(string)),
  plain(BSON_TYPE.symbol, text.map(string)),
  plain(BSON_TYPE.int32, raw(4)),
  plain(BSON_TYPE.timestamp, raw(8)),
  plain(BSON_TYPE.int64, raw(8)),
  plain(BSON_TYPE.decimal128, raw(16)),
  empty(BSON_TYPE.minKey),
  empty(BSON_TYPE.maxKey),
);

const build = (elements: readonly Written[]): WrittenDocument => ({ bytes: writeDocument(elements), elements });

const tied: { value: fc.Arbitrary<Value>; document: fc.Arbitrary<WrittenDocument> } = fc.letrec<{
  value: Value;
  document: WrittenDocument;
}>((tie) => ({
  document: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 6 })
    .map((fields) => build(fields.map(([field, value]) => ({ name: field, ...value })))),
  value: fc.oneof(
    { depthSize: 'small' },
    { weight: 6, arbitrary: leaf },
    {
      weight: 1,
      arbitrary: tie('document').map(({ bytes, elements }) => ({
        type: BSON_TYPE.document,
        value: bytes,
        inner: elements,
      })),
    },
    {
      weight: 1,
      arbitrary: fc.array(tie('value'), { maxLength: 4 }).map((values) => {
        const { bytes, elements } = build(values.map((value, index) => ({ name: String(index), ...value })));
        return { type: BSON_TYPE.array, value: bytes, inner: elements };
      }),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(text, tie('document')).map(([code, scope]) => ({
        type: BSON_TYPE.codeWithScope,
        value: writeScoped(code, scope),
        inner: scope.elements,
      })),
    },
  ),
}));

/** Documents of all types, nested, names possibly twice. */
export const document: fc.Arbitrary<WrittenDocument> = tied.document;
