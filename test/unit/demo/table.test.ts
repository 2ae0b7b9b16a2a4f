// Tables as lines: aligned, never wider than asked, with the right columns left out.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import stringWidth from 'string-width';
import { type Column, cutText, fitText, layoutTable } from '../../../src/demo/table.ts';

interface Row {
  readonly name: string;
  readonly place: string;
  readonly count: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { head: 'name', align: 'left', rank: 0, narrowest: 4, text: (row) => row.name },
  { head: 'place', align: 'left', rank: 2, narrowest: 4, cut: 'start', text: (row) => row.place },
  { head: 'count', align: 'right', rank: 1, text: (row) => String(row.count) },
];
const ROWS: readonly Row[] = [
  { name: 'Cart.show', place: 'shop.carts', count: 7 },
  { name: 'Reports', place: 'shop.orders', count: 12_345_678 },
];

const layout = (width: number, maxLines = 10): readonly string[] => layoutTable(COLUMNS, ROWS, { width, maxLines });

describe('layoutTable', () => {
  it('aligns texts to the left and numbers to the right', () => {
    assert.deepEqual(layout(80), [
      'name       place           count',
      'Cart.show  shop.carts          7',
      'Reports    shop.orders  12345678',
    ]);
  });

  it('cuts the widest cell first, each at its own end', () => {
    assert.deepEqual(layout(28), [
      'name      place        count',
      'Cart.sh…  …p.carts         7',
      'Reports   ….orders  12345678',
    ]);
  });

  it('leaves out the column of the highest rank, then the next, never one of rank 0', () => {
    assert.deepEqual(layout(19), ['name          count', 'Cart.show         7', 'Reports    12345678']);
    assert.deepEqual(layout(9), ['name', 'Cart.show', 'Reports']);
    assert.deepEqual(layout(3), ['na…', 'Ca…', 'Re…']);
  });

  it('is never wider than asked, whatever the cells hold', () => {
    const wild = [
      '',
      '日本語日本語日本語',
      '👩‍👩‍👧‍👦👩‍👩‍👧‍👦',
      'e\u0301'.repeat(20),
      '\u001b[31mred\u001b[0m',
      'line\nbreak\ttab',
      'x'.repeat(500),
    ];
    const rows = wild.map((name) => ({ name, place: name, count: 1 }));
    for (let width = 1; width < 60; width++) {
      for (const line of layoutTable(COLUMNS, rows, { width, maxLines: 20 })) {
        assert.ok(stringWidth(line) <= width, `${width}: ${JSON.stringify(line)}`);
        assert.doesNotMatch(line, /\p{Cc}/u);
      }
    }
  });

  it('counts the rows for which there is no line', () => {
    assert.deepEqual(layout(9, 2), ['name', '… and 2 …']);
    assert.deepEqual(layoutTable(COLUMNS, [...ROWS, ...ROWS], { width: 12, maxLines: 4 }), [
      'name',
      'Cart.show',
      'Reports',
      '… and 2 more',
    ]);
    assert.deepEqual(layout(9, 1), ['name']);
    assert.deepEqual(layout(9, 0), []);
  });

  it('colours cells without moving them', () => {
    const painted = COLUMNS.map((column) => ({ ...column, paint: (cell: string) => `<${cell}>` }));
    const [, first] = layoutTable(painted, ROWS, { width: 80, maxLines: 3 });
    assert.equal(first, '<Cart.show>  <shop.carts >  <       7>');
  });
});

describe('cutText and fitText', () => {
  it('count columns, not characters', () => {
    assert.equal(cutText('日本語', 6), '日本語');
    assert.equal(cutText('日本語', 5), '日本…');
    assert.equal(cutText('日本語', 4), '日…');
    assert.equal(cutText('abc', 0), '');
    assert.equal(cutText('shop.orders', 7, 'start'), '…orders');
    assert.equal(fitText('日本', 6, 'right'), '  日本');
    assert.equal(fitText('abcdef', 4, 'left'), 'abc…');
  });
});
