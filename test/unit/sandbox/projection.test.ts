// Projections of find and $project. Invariant under test: fields keep the order of the document.
// What a server would say is compared by the script of test/real; here is what that script does not ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../src/sandbox/documents.ts';
import { loadEngine } from '../../../src/sandbox/engine.ts';

const engine = await loadEngine();
const document: Doc = { _id: 1, z: 1, a: { x: 1, y: 2 }, l: [{ p: 1, q: 2 }, 3, [{ p: 4 }]] };
const shown = (projection: Doc): Doc => engine.project([document], projection, {})[0] ?? {};
const staged = (projection: Doc): Doc => engine.aggregate([document], [{ $project: projection }])[0] ?? {};

test('order, nesting and arrays', () => {
  assert.deepEqual(Object.keys(shown({ a: 1, z: 1 })), ['_id', 'z', 'a']);
  assert.deepEqual(shown({ 'l.p': 1, _id: 0 }), { l: [{ p: 1 }, [{ p: 4 }]] });
  assert.deepEqual(shown({ 'l.p': 0, a: 0 }), { _id: 1, z: 1, l: [{ q: 2 }, 3, [{}]] });
  assert.deepEqual(shown({ a: { y: true }, _id: false }), { a: { y: 2 } });
});

test('the same in a pipeline, where $slice and $elemMatch of find are none', () => {
  assert.deepEqual(staged({ a: 1 }), { _id: 1, a: { x: 1, y: 2 } });
  assert.deepEqual(staged({ first: { $slice: ['$l', 1] } }), { _id: 1, first: [{ p: 1, q: 2 }] });
  assert.deepEqual(staged({ sum: { $add: ['$a.x', '$a.y'] }, none: '$nothing', z: 1 }), { _id: 1, z: 1, sum: 3 });
  assert.deepEqual(staged({ 'a.n': '$z', 'a.x': 1 }), { _id: 1, a: { x: 1, n: 1 } });
  assert.throws(() => staged({ 'l.$': 1 }), { code: 31_324 });
  assert.throws(() => staged({}), { code: 51_272 });
});

test('computed fields go into every document of an array', () => {
  assert.deepEqual(shown({ l: { p: 1, n: { $literal: 7 } }, _id: 0 }), { l: [{ p: 1, n: 7 }, [{ p: 4 }]] });
});

test('what is no projection is refused', () => {
  const refused = (projection: Doc, code: number): void =>
    assert.throws(() => shown(projection), { code }, JSON.stringify(projection));
  refused({ z: 1, a: 0 }, 31_254);
  refused({ a: 0, z: 1 }, 31_253);
  refused({ a: 1, 'a.x': 1 }, 31_249);
  refused({ 'a.x': 1, a: 1 }, 31_249);
  refused({ '': 1 }, 40_352);
  refused({ 'a.': 1 }, 40_353);
  refused({ 'a.$x': 1 }, 16_410);
  refused({ a: {} }, 51_270);
  refused({ 'a.l': { $elemMatch: {} } }, 31_275);
  refused({ l: { $slice: [1, 2, 3] } }, 28_667);
  refused({ l: { $slice: [1, -1] } }, 28_724);
  refused({ l: { $meta: 'textScore' } }, 2);
});
