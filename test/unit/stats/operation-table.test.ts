// Guards the table's bounds and its bookkeeping: no row vanishes, nothing is counted twice or not at all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OUTCOMES } from '../../../src/core/outcome.ts';
import { MAX_LABEL_LENGTH } from '../../../src/stats/label.ts';
import type { OperationRow } from '../../../src/stats/operation-row.ts';
import { OperationTable, OTHER } from '../../../src/stats/operation-table.ts';
import { runOperation } from './results.ts';

test('the same six texts give the same row, any different one another', () => {
  const table = new OperationTable({ maxRows: 100 });
  const key = ['main', 'app', 'site', 'db', 'coll', 'find'] as const;
  const row = table.row(...key);
  assert.equal(table.row(...key), row);
  for (let i = 0; i < key.length; i += 1) {
    const changed = key.map((text, index) => (index === i ? `${text}2` : text));
    const [listener = '', app = '', callSite = '', database = '', collection = '', command = ''] = changed;
    const different = table.row(listener, app, callSite, database, collection, command);
    assert.notEqual(different, row);
    const { database: itsDatabase, collection: itsCollection, command: itsCommand } = different;
    assert.deepEqual(
      [different.listener, different.app, different.callSite, itsDatabase, itsCollection, itsCommand],
      changed,
    );
  }
  assert.equal(table.rows().length, 8);
  assert.equal(table.row(...key), row, 'found again after other listeners were asked for');
});

test('when the table is full new keys share the row other, known ones keep theirs', () => {
  const table = new OperationTable({ maxRows: 2 });
  const first = table.row('main', 'a', 's', 'd', 'c1', 'find');
  const second = table.row('main', 'a', 's', 'd', 'c2', 'find');
  assert.equal(table.row('main', 'a', 's', 'd', 'c3', 'find'), table.other);
  assert.equal(table.row('main', 'b', 's', 'd', 'c\n4', 'find'), table.other);
  assert.equal(table.row('main', 'a', 's', 'd', 'c1', 'find'), first);
  assert.deepEqual(table.rows(), [table.other, first, second]);
  const { listener, app, callSite, database, collection, command } = table.other;
  assert.deepEqual(new Set([listener, app, callSite, database, collection, command]), new Set([OTHER]));
});

test('labels are cleaned at admission, and a raw text finds the row of its clean form, full or not', () => {
  const table = new OperationTable({ maxRows: 1 });
  const raw = `evil\u001b]0;${'x'.repeat(1_000_000)}`;
  const row = table.row('main', 'app', raw, 'db', 'coll', 'find');
  assert.equal(row.callSite.length, MAX_LABEL_LENGTH);
  assert.ok(!row.callSite.includes('\u001b'));
  assert.equal(table.row('main', 'app', raw, 'db', 'coll', 'find'), row);
  assert.equal(table.row('main', 'app', row.callSite, 'db', 'coll', 'find'), row);
  assert.equal(table.rows().length, 2);
});

test('property names of objects are labels like any other', () => {
  const table = new OperationTable({ maxRows: 10 });
  const row = table.row('main', '__proto__', 'constructor', 'toString', '', 'hasOwnProperty');
  assert.equal(table.row('main', '__proto__', 'constructor', 'toString', '', 'hasOwnProperty'), row);
  assert.equal(row.app, '__proto__');
});

interface Step {
  readonly app: string;
  readonly collection: string;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly documents: number;
  readonly bytes: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  app: fc.constantFrom('a', 'b', 'c'),
  collection: fc.integer({ min: 0, max: 9 }).map((n) => `c${n}`),
  outcome: fc.constantFrom(...OUTCOMES),
  documents: fc.nat(50),
  bytes: fc.nat(5000),
});

test('sums over rows equal totals kept independently, below and beyond the cap', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 0, max: 40 }), (steps, maxRows) => {
      const table = new OperationTable({ maxRows });
      const expected = {
        operations: 0,
        active: 1,
        errors: 0,
        refused: 0,
        documentsReturned: 0,
        documentsChanged: 0,
        requestBytes: 0,
        replyBytes: 0,
      };
      table.row('main', 'still', 'open', 'd', 'c', 'find').begin();
      const seen = new Set<OperationRow>();
      for (const { app, collection, outcome, documents, bytes } of steps) {
        const row = table.row('main', app, '-', 'db', collection, 'find');
        seen.add(row);
        runOperation(row, {
          outcome,
          documentsReturned: documents,
          documentsChanged: documents * 2,
          requestBytes: bytes,
          replyBytes: bytes * 3,
        });
        expected.operations += 1;
        expected.errors += outcome === 'ok' ? 0 : 1;
        expected.refused += outcome === 'refused' || outcome === 'dropped' ? 1 : 0;
        expected.documentsReturned += documents;
        expected.documentsChanged += documents * 2;
        expected.requestBytes += bytes;
        expected.replyBytes += bytes * 3;
      }
      assert.deepEqual(table.totals, expected);
      assert.ok(table.rows().length <= maxRows + 1);
      for (const row of seen) assert.ok(table.rows().includes(row), 'a row vanished');
    }),
    { numRuns: 200 },
  );
});
