// What dotted paths reach. Invariant under test: arrays are entered on the way, and only as MongoDB does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysAt, visitPath } from '../../../src/sandbox/paths.ts';

function visited(value: unknown, path: string): unknown[] {
  const seen: unknown[] = [];
  visitPath(value, path.split('.'), (reached) => {
    seen.push(reached);
    return false;
  });
  return seen;
}

test('a filter sees values, whole arrays, places and the documents in arrays', () => {
  const document = { a: { b: 1 }, list: [{ n: 1 }, 5, { n: [2] }, [{ n: 9 }]] };
  assert.deepEqual(visited(document, 'a.b'), [1]);
  assert.deepEqual(visited(document, 'a.b.c'), [undefined]);
  assert.deepEqual(visited(document, 'list.n'), [1, [2]]);
  assert.deepEqual(visited(document, 'list.0.n'), [1, undefined, undefined]);
  assert.deepEqual(visited({ list: [] }, 'list.n'), []);
  assert.deepEqual(visited(document, 'toString'), [undefined]);
});

test('a visit that says stop ends the walk', () => {
  let visits = 0;
  assert.equal(
    visitPath({ list: [{ n: 1 }, { n: 2 }] }, ['list', 'n'], () => ++visits === 1),
    true,
  );
  assert.equal(visits, 1);
});

test('a sort sees elements, null for nothing and undefined for an empty array', () => {
  assert.deepEqual(keysAt({ a: [3, 1] }, ['a']), [3, 1]);
  assert.deepEqual(keysAt({ a: [] }, ['a']), [undefined]);
  assert.deepEqual(keysAt({}, ['a', 'b']), [null]);
  assert.deepEqual(keysAt({ a: [5] }, ['a', 'b']), [null]);
  assert.deepEqual(keysAt({ a: [{ b: 1 }, { c: 1 }] }, ['a', 'b']), [1, null]);
  assert.deepEqual(keysAt({ a: [{ b: 1 }, { b: 2 }] }, ['a', '1', 'b']), [2]);
});
