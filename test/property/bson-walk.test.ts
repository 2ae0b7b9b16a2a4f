// The element cursor against the bson package on documents of every type, deprecated ones included: values, not only
// places, and who refuses what. The documents are written here, byte by byte, so that neither side reads its own hand.
// Invariant: where the two disagree on a document there is a row in KNOWN_DIFFERENCES that says why, or the test fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize as bsonDeserialize, EJSON } from 'bson';
import fc from 'fast-check';
import { BSON_TYPE, DecodeError, ElementCursor } from '../../codecs/index.ts';
import { mutate } from '../fuzz/mutate.ts';
import { mutateElement } from '../fuzz/mutate-bson.ts';
import { Random } from '../fuzz/random.ts';
import { document, type Written } from './bson-writer.ts';

const BOX = { interruptAfterTimeLimit: 1500, numRuns: 100_000, markInterruptAsFailure: false } as const;
const OPTIONS = { promoteValues: false, promoteLongs: false, bsonRegExp: true, validation: { utf8: false } } as const;

interface Element {
  readonly type: number;
  readonly name: string;
  readonly value: Buffer;
  /** Elements of a nested document, array or scope. */
  readonly inner: readonly Element[] | null;
}

/** Every element on every level, by the cursor. @throws DecodeError */
function elementsOf(bytes: Buffer, start = 0, end: number = bytes.length): Element[] {
  const cursor = new ElementCursor(bytes, start, end);
  const elements: Element[] = [];
  while (cursor.next()) {
    const { type, valueStart, valueEnd } = cursor;
    const nested = nestedStart(bytes, type, valueStart);
    elements.push({
      type,
      name: bytes.toString('utf8', cursor.nameStart, cursor.nameEnd),
      value: bytes.subarray(valueStart, valueEnd),
      inner: nested < 0 ? null : elementsOf(bytes, nested, valueEnd),
    });
  }
  assert.equal(cursor.end, end, 'the document fills its place');
  return elements;
}

function nestedStart(bytes: Buffer, type: number, valueStart: number): number {
  if (type === BSON_TYPE.document || type === BSON_TYPE.array) {
    return valueStart;
  }
  return type === BSON_TYPE.codeWithScope ? valueStart + 8 + bytes.readInt32LE(valueStart + 4) : -1;
}

/** The value as bson reads it when it stands alone. */
function valueAlone({ type, value }: Element): unknown {
  const head = Buffer.from([0, 0, 0, 0, type, 0x76, 0]);
  head.writeInt32LE(value.length + 8, 0);
  return bsonDeserialize(Buffer.concat([head, value, Buffer.alloc(1)]), OPTIONS)['v'];
}

const text = (value: unknown): string => EJSON.stringify({ v: value }, { relaxed: false });

test('every type: the cursor sees the elements that were written', () => {
  const types = new Set<number>();
  fc.assert(
    fc.property(document, ({ bytes, elements }) => {
      const compare = (seen: readonly Element[], written: readonly Written[]): void => {
        assert.deepEqual(
          seen.map(({ type, name, value }) => [type, name, value.toString('hex')]),
          written.map(({ type, name, value }) => [type, name, value.toString('hex')]),
        );
        written.forEach(({ inner, type }, index) => {
          types.add(type);
          if (inner !== null) {
            compare(seen[index]?.inner ?? [], inner);
          }
        });
      };
      compare(elementsOf(bytes), elements);
    }),
    BOX,
  );
  assert.deepEqual([...types].sort(byNumber), Object.values(BSON_TYPE).sort(byNumber), 'every type was tried');
});

const byNumber = (a: number, b: number): number => a - b;

test('every value, cut out by its offsets, is the value that bson reads in the whole document', () => {
  fc.assert(
    fc.property(document, ({ bytes }) => {
      const whole = bsonDeserialize(bytes, OPTIONS);
      const last = new Map(elementsOf(bytes).map((element) => [element.name, element]));
      assert.deepEqual(Object.keys(whole).sort(), [...last.keys()].sort());
      for (const [name, element] of last) {
        assert.equal(text(valueAlone(element)), text(whole[name]), name);
      }
    }),
    BOX,
  );
});

/** Whether some element on some level has the property. */
function some(elements: readonly Element[], is: (element: Element) => boolean): boolean {
  return elements.some((element) => is(element) || (element.inner !== null && some(element.inner, is)));
}

/** What only bson refuses, each with the rule: the cursor hops over such values and leaves them to the server. */
const KNOWN_DIFFERENCES: readonly (readonly [rule: string, is: (element: Element) => boolean])[] = [
  ['the options of a regular expression are letters of imxlsu', hasUnknownOption],
  ['a binary of the old subtype 2 repeats its length inside', hasWrongInnerLength],
];

function hasUnknownOption({ type, value }: Element): boolean {
  const options = value.subarray(value.indexOf(0) + 1, value.length - 1).toString('latin1');
  return type === BSON_TYPE.regex && !/^[imxlsu]*$/.test(options);
}

function hasWrongInnerLength({ type, value }: Element): boolean {
  const isOld = type === BSON_TYPE.binary && value[4] === 2;
  return isOld && (value.length < 9 || value.readInt32LE(5) !== value.length - 9);
}

test('damaged documents: whoever refuses alone has a known reason', () => {
  const counts = { both: 0, neither: 0, cursorOnly: 0 };
  fc.assert(
    fc.property(document, document, fc.nat(), ({ bytes }, other, seed) => {
      const random = new Random(seed);
      for (let round = 0; round < 8; round++) {
        const damaged = damage(bytes, other.bytes, random);
        const elements = tryElements(damaged);
        const error = refusalOfBson(damaged);
        if (elements !== null && error === null) {
          counts.both++;
        } else if (elements === null && error !== null) {
          counts.neither++;
        } else if (elements === null) {
          assert.fail(`bson takes what the cursor refuses: ${damaged.toString('hex')}`);
        } else {
          counts.cursorOnly++;
          const known = KNOWN_DIFFERENCES.some(([, is]) => some(elements, is));
          assert.ok(known, `only bson refuses (${String(error)}): ${damaged.toString('hex')}`);
        }
      }
    }),
    { ...BOX, interruptAfterTimeLimit: 3000 },
  );
  assert.ok(counts.both > 100 && counts.neither > 100, JSON.stringify(counts));
});

/** A damaged copy whose length and last byte are right again, most of the time. */
function damage(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const damaged = random.oneIn(2) ? mutateElement(Buffer.from(bytes), random, [other]) : mutate(bytes, random, [other]);
  if (damaged.length >= 5 && !random.oneIn(10)) {
    damaged.writeInt32LE(damaged.length, 0);
    damaged[damaged.length - 1] = 0;
  }
  return damaged;
}

/** The elements, null if the cursor refuses. */
function tryElements(bytes: Buffer): Element[] | null {
  try {
    // A document that is shorter than its place: bson refuses that, and whoever opens a cursor compares the ends.
    return bytes.length >= 4 && bytes.readInt32LE(0) !== bytes.length ? null : elementsOf(bytes);
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return null;
  }
}

function refusalOfBson(bytes: Buffer): unknown {
  try {
    bsonDeserialize(bytes, OPTIONS);
    return null;
  } catch (error) {
    return error;
  }
}
