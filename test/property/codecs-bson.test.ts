// The element cursor against the bson package on random documents, whole and damaged; time-boxed.
// Does not know messages. A failure prints its seed.
// Invariant: whatever bson's own decoder takes, the cursor takes too, and sees the same names, types and bytes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  deserialize as bsonDeserialize,
  serialize as bsonSerialize,
  Code,
  calculateObjectSize,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  onDemand,
  Timestamp,
} from 'bson';
import fc from 'fast-check';
import { BsonView, deserializeExact, ElementCursor, Frame, serialize } from '../../codecs/index.ts';
import { outcomeOf } from '../unit/codecs/check.ts';

const BOX = { interruptAfterTimeLimit: 1500, numRuns: 100_000, markInterruptAsFailure: false } as const;
const DUMMY = Frame.of(Buffer.alloc(16));

/** bson refuses to encode a vector whose content does not fit its own header; the cursor does not look inside. */
const VECTOR_SUBTYPE = 9;

const text = fc.string({ maxLength: 12, unit: 'binary' });
const name = text.filter((key) => !key.includes('\0') && key !== '__proto__');
const id = fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes));
const bits = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.double().map((value) => new Double(value)),
  text,
  fc.uint8Array({ maxLength: 20 }).chain((bytes) =>
    fc
      .nat(255)
      .filter((subtype) => subtype !== VECTOR_SUBTYPE)
      .map((subtype) => new Binary(bytes, subtype)),
  ),
  id,
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
  fc.constant(null),
  fc.constantFrom(new BSONRegExp('^a|b', 'im'), new BSONRegExp('', '')),
  text.map((code) => new Code(code)),
  text.map((code) => new Code(code, { x: 1, y: { z: 'a' } })),
  text.map((value) => new BSONSymbol(value)),
  fc.integer().map((value) => new Int32(value)),
  fc.tuple(fc.nat(), fc.nat()).map(([t, i]) => new Timestamp({ t, i })),
  bits.map((value) => Long.fromBigInt(value)),
  fc.constantFrom('0', '-1.25', 'NaN', '1E+100').map((value) => Decimal128.fromString(value)),
  fc.constantFrom(new MinKey(), new MaxKey()),
);

const { document } = fc.letrec<{ value: unknown; document: Record<string, unknown> }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, tie('document'), fc.array(tie('value'), { maxLength: 4 })),
  document: fc.dictionary(name, tie('value'), { maxKeys: 6 }),
}));

const encode = (value: Record<string, unknown>): Buffer => Buffer.from(bsonSerialize(value));

/** Type, name and value range of every element, seen by the cursor. */
function elementsOf(bytes: Buffer): number[][] {
  const cursor = new ElementCursor(bytes, 0, bytes.length);
  const seen: number[][] = [];
  while (cursor.next()) {
    seen.push([cursor.type, cursor.nameStart, cursor.nameEnd - cursor.nameStart, cursor.valueStart, cursor.valueEnd]);
  }
  return seen;
}

test('the cursor sees what bson sees on demand', () => {
  fc.assert(
    fc.property(document, (value) => {
      const bytes = encode(value);
      const expected = [...onDemand.parseToElements(bytes)].map(([type, nameAt, nameLength, valueAt, length]) => [
        type & 0xff,
        nameAt,
        nameLength,
        valueAt,
        valueAt + length,
      ]);
      assert.deepEqual(elementsOf(bytes), expected);
    }),
    BOX,
  );
});

test('an exact decode and encode is the identity', () => {
  fc.assert(
    fc.property(document, (value) => {
      const bytes = encode(value);
      assert.equal(bytes.length, calculateObjectSize(value));
      assert.ok(serialize(deserializeExact(bytes)).equals(bytes));
    }),
    BOX,
  );
});

test('damaged documents: DecodeError or elements inside the document, and never stricter than bson', () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(document, edits, (value, changes) => {
      const bytes = encode(value);
      for (const [place, byte] of changes) {
        bytes[place % bytes.length] = byte;
      }
      const seen = outcomeOf(() => walk(new BsonView(bytes), 0), DUMMY);
      if (typeof seen === 'string' && acceptedByBson(bytes)) {
        assert.fail(`${seen}, but bson accepts ${bytes.toString('hex')}`);
      }
    }),
    BOX,
  );
});

/** Walks everything; returns the number of elements. */
function walk(view: BsonView, depth: number): number {
  let count = 0;
  for (const element of view.elements()) {
    assert.ok(element.start >= view.start && element.end < view.end, 'inside');
    const nested = view.nested(element);
    count += 1 + (nested === null ? 0 : walk(nested, depth + 1));
  }
  return count;
}

function acceptedByBson(bytes: Buffer): boolean {
  try {
    bsonDeserialize(bytes, {
      validation: { utf8: false },
      promoteValues: false,
      promoteLongs: false,
      bsonRegExp: true,
    });
    return true;
  } catch {
    return false;
  }
}
