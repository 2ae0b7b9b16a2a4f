// Filters of the sandbox's own. Invariant under test: a negated operator is the exact opposite, and odd filters have a code.
// What a server would say is compared by the script of test/real; here is what that script does not ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Binary, Decimal128, Long, MinKey, ObjectId } from 'bson';
import type { Doc } from '../../../src/sandbox/documents.ts';
import { compileFilter, type MatchContext } from '../../../src/sandbox/matcher.ts';
import { textOrderOf } from '../../../src/sandbox/sorting.ts';

const context: MatchContext = { texts: textOrderOf(undefined), expression: () => () => true };
const matches = (filter: Doc, document: Doc, own: MatchContext = context): boolean =>
  compileFilter(filter, own)(document);
const refused = (filter: Doc, code = 2): void => assert.throws(() => compileFilter(filter, context), { code });

test('opposites are opposites on every document', () => {
  const documents: Doc[] = [
    {},
    { a: null },
    { a: 1 },
    { a: [] },
    { a: [1, 2] },
    { a: { b: 1 } },
    { a: [[1]] },
    { a: 'x' },
  ];
  const pairs: [Doc, Doc][] = [
    [{ a: 1 }, { a: { $ne: 1 } }],
    [{ a: { $in: [1, 'x', null] } }, { a: { $nin: [1, 'x', null] } }],
    [{ a: { $exists: true } }, { a: { $exists: false } }],
    [{ a: { $gt: 0 } }, { a: { $not: { $gt: 0 } } }],
    [{ a: /x/ }, { a: { $not: /x/ } }],
    [{ a: { $size: 2 } }, { a: { $not: { $size: 2 } } }],
    [{ 'a.b': 1 }, { $nor: [{ 'a.b': 1 }] }],
  ];
  for (const [filter, opposite] of pairs) {
    for (const document of documents)
      assert.notEqual(matches(filter, document), matches(opposite, document), JSON.stringify([filter, document]));
  }
});

test('several operators on one path all hold, each by an element of its own', () => {
  assert.ok(matches({ a: { $gt: 5, $lt: 2 } }, { a: [1, 9] }));
  assert.ok(!matches({ a: { $elemMatch: { $gt: 5, $lt: 2 } } }, { a: [1, 9] }));
  assert.ok(
    matches(
      { a: { $elemMatch: { b: 1, c: { $gt: 1 } } } },
      {
        a: [
          { b: 1, c: 1 },
          { b: 1, c: 2 },
        ],
      },
    ),
  );
  assert.ok(matches({ a: { $elemMatch: { $or: [{ b: 1 }, { b: 2 }] } } }, { a: [{ b: 2 }] }));
  assert.ok(matches({ a: { $elemMatch: { 0: 1 } } }, { a: [[1]] }));
  assert.ok(
    matches({ a: { $all: [{ $elemMatch: { b: 1 } }, { $elemMatch: { b: 2 } }] } }, { a: [{ b: 1 }, { b: 2 }] }),
  );
  assert.ok(matches({ a: { $all: [/^x/, 'y'] } }, { a: ['y', 'xx'] }));
  assert.ok(!matches({ a: { $all: [] } }, { a: [] }));
});

test('bits, moduli, types and patterns', () => {
  assert.ok(matches({ a: { $bitsAllSet: [0, 2] } }, { a: 5 }));
  assert.ok(matches({ a: { $bitsAnyClear: 6 } }, { a: 5 }));
  assert.ok(matches({ a: { $bitsAllClear: [1] } }, { a: 5 }));
  assert.ok(matches({ a: { $bitsAnySet: new Binary(Buffer.from([0, 1])) } }, { a: 256 }));
  assert.ok(matches({ a: { $bitsAllSet: 1 } }, { a: Long.fromString('9007199254740993') }));
  assert.ok(!matches({ a: { $bitsAllSet: 1 } }, { a: 'x' }));
  assert.ok(matches({ a: { $mod: [3, 1] } }, { a: 4.9 }));
  assert.ok(!matches({ a: { $mod: [3, 1] } }, { a: 'x' }));
  assert.ok(matches({ a: { $type: 'objectId' } }, { a: [new ObjectId()] }));
  assert.ok(matches({ a: { $type: [2, 'number'] } }, { a: new Decimal128('1') }));
  assert.ok(matches({ a: { $type: -1 } }, { a: new MinKey() }));
  assert.ok(matches({ a: { $regex: 'A b # note', $options: 'ix' } }, { a: 'ab' }));
  assert.ok(matches({ a: { $regex: /x/i } }, { a: 'X' }));
});

test('a collation compares texts, not types', () => {
  const own: MatchContext = { ...context, texts: textOrderOf({ locale: 'en', strength: 1 }) };
  assert.ok(matches({ a: 'x' }, { a: 'X' }, own));
  assert.ok(matches({ a: { $in: ['é'] } }, { a: 'E' }, own));
  assert.throws(() => textOrderOf({ locale: 'no such locale' }), { code: 2 });
  assert.throws(() => textOrderOf({ locale: 5 }), { code: 14 });
});

test('what is no filter is refused', () => {
  refused({ $and: [] });
  refused({ $or: [1] });
  refused({ $where: 'true' });
  refused({ a: { $near: 1 } });
  refused({ a: { $gt: /x/ } });
  refused({ a: { $in: [{ $gt: 1 }] } });
  refused({ a: { $all: 1 } });
  refused({ a: { $all: [{ $gt: 1 }] } });
  refused({ a: { $not: 1 } });
  refused({ a: { $not: {} } });
  refused({ a: { $elemMatch: 1 } });
  refused({ a: { $size: 'x' } });
  refused({ a: { $mod: [1] } });
  refused({ a: { $options: 'i' } });
  refused({ a: { $regex: 5 } });
  refused({ a: { $regex: '(' } }, 51_091);
  refused({ a: { $regex: 'a', $options: 'q' } }, 51_108);
  refused({ a: { $type: 'nothing' } });
  refused({ a: { $type: [] } }, 9);
  refused({ a: { $bitsAllSet: -1 } });
  refused({ a: { $bitsAllSet: [-1] } });
  let deep: Doc = { a: 1 };
  for (let depth = 0; depth < 150; depth += 1) deep = { $and: [deep] };
  refused(deep, 15);
});
