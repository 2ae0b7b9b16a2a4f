// The table of cursors alone: owners, ids that two members share, room. Through the router: router.cursors.test.ts.
// Invariants tested: size counts every cursor once; a namesake is never taken for another's.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer } from '../../../src/core/client.ts';
import { type CursorEntry, CursorTable } from '../../../src/router/cursor-table.ts';

const peer = new Peer('10.0.0.1 app');
const stranger = new Peer('10.0.0.2 app');

function entry(server: string, id: bigint, over: Partial<CursorEntry> = {}): CursorEntry {
  return {
    id,
    server,
    lsidKey: 'session',
    peer,
    database: 'shop',
    collection: 'orders',
    namespace: 'shop.orders',
    callSite: '-',
    awaits: 'none',
    app: 'app',
    openedMs: 0,
    usedMs: 0,
    ...over,
  };
}

function tableOf(...entries: readonly CursorEntry[]): CursorTable {
  const table = new CursorTable();
  for (const cursor of entries) table.add(cursor);
  return table;
}

const ORDERS = { database: 'shop', collection: 'orders' };
const ITEMS = { database: 'shop', collection: 'items' };

describe('two cursors of one id at two members', () => {
  test('of two owners: each finds its own', () => {
    const [mine, theirs] = [entry('a', 1n), entry('b', 1n, { lsidKey: 'other', peer: stranger })];
    const table = tableOf(mine, theirs);
    assert.equal(table.size, 2);
    assert.equal(table.owned(1n, 'session', peer, ORDERS), mine);
    assert.equal(table.owned(1n, 'other', stranger, ORDERS), theirs);
    assert.equal(table.owned(1n, 'third', peer, ORDERS), null);
    assert.equal(table.killable(1n, '', stranger, ORDERS), theirs);
  });

  test('of one owner: the namespace decides, else nobody', () => {
    const [orders, items] = [entry('a', 1n), entry('b', 1n, { collection: 'items', namespace: 'shop.items' })];
    const table = tableOf(orders, items);
    assert.equal(table.owned(1n, 'session', peer, ORDERS), orders);
    assert.equal(table.owned(1n, 'session', peer, ITEMS), items);
    assert.equal(table.owned(1n, 'session', peer, { ...ITEMS, collection: 'none' }), null);
    table.add(entry('c', 1n));
    assert.equal(table.owned(1n, 'session', peer, ORDERS), null, 'two of the same place');
  });

  for (const first of [true, false]) {
    test(`the ${first ? 'first' : 'second'} one goes, the other stays`, () => {
      const cursors = [entry('a', 1n), entry('b', 1n)] as const;
      const table = tableOf(...cursors);
      const [gone, left] = first ? cursors : [cursors[1], cursors[0]];
      table.remove(gone);
      table.remove(gone);
      assert.equal(table.size, 1);
      assert.deepEqual([table.isOpen(gone), table.isOpen(left)], [false, true]);
      assert.equal(table.owned(1n, 'session', peer), left);
      assert.deepEqual([...table.all()], [left]);
      assert.deepEqual(table.takePeer(peer), [left]);
    });
  }

  test('of the same member: the newer one replaces the older', () => {
    const [older, newer] = [entry('a', 1n), entry('a', 1n)];
    const table = tableOf(older, newer);
    assert.equal(table.size, 1);
    assert.equal(table.at('a', 1n), newer);
    assert.equal(table.isOpen(older), false);
  });

  test('are forgotten with their member only', () => {
    const table = tableOf(entry('a', 1n), entry('b', 1n), entry('a', 2n), entry('c', 1n));
    table.forgetServer('a');
    assert.deepEqual([...table.all()].map(({ server }) => server).toSorted(), ['b', 'c']);
    assert.equal(table.size, 2);
    assert.equal(table.takeOpen('b', 1n)?.server, 'b');
    assert.equal(table.takeOpen('b', 1n), null);
    assert.equal(table.at('c', 1n)?.server, 'c');
  });
});

describe('room', () => {
  test('the one asked longest ago makes room, namesakes counted', () => {
    const table = new CursorTable(3);
    const cursors = [entry('a', 1n), entry('b', 1n), entry('a', 2n)];
    for (const cursor of cursors) assert.equal(table.add(cursor), null);
    table.touch(cursors[0] as CursorEntry, 5);
    assert.equal(table.add(entry('a', 3n)), cursors[2]);
    assert.equal(table.size, 3);
    assert.equal(table.add(entry('a', 4n)), cursors[0]);
    assert.equal(table.add(entry('a', 5n)), cursors[1]);
    assert.equal(table.size, 3);
  });

  test('a cursor that is gone is not brought back by a late touch', () => {
    const cursor = entry('a', 1n);
    const table = tableOf(cursor);
    table.remove(cursor);
    table.touch(cursor, 1);
    assert.equal(table.size, 0);
    assert.equal([...table.all()].length, 0);
  });
});
