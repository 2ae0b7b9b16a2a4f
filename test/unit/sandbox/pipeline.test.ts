// The stages that are the sandbox's own. Invariant under test: they and mingo's run in the order they were given.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Doc } from '../../../src/sandbox/documents.ts';
import { loadEngine } from '../../../src/sandbox/engine.ts';

const engine = await loadEngine();
const numbered: Doc[] = Array.from({ length: 6 }, (_, _id) => ({ _id, half: Math.floor(_id / 2) }));
const run = (...stages: Doc[]): Doc[] => engine.aggregate(numbered, stages);

test('own and foreign stages alternate', () => {
  const stages: Doc[] = [
    { $sort: { _id: -1 } },
    { $skip: 1 },
    { $set: { twice: { $multiply: ['$_id', 2] } } },
    { $match: { twice: { $gte: 4 } } },
    { $limit: 2 },
    { $project: { twice: 1, _id: 0 } },
  ];
  assert.deepEqual(run(...stages), [{ twice: 8 }, { twice: 6 }]);
  assert.deepEqual(run({ $match: { half: 2 } }, { $count: 'n' }), [{ n: 2 }]);
  assert.deepEqual(run({ $match: { half: 9 } }, { $count: 'n' }), []);
});

test('$bucket counts what equals a boundary upwards, and takes a default', () => {
  const bucket = (extra: Doc): Doc => ({ $bucket: { groupBy: '$_id', boundaries: [0, 2, 5], ...extra } });
  assert.deepEqual(run(bucket({ default: 'rest' })), [
    { _id: 0, count: 2 },
    { _id: 2, count: 3 },
    { _id: 'rest', count: 1 },
  ]);
  assert.deepEqual(run({ $limit: 2 }, bucket({ output: { all: { $push: '$_id' } } })), [{ _id: 0, all: [0, 1] }]);
  for (const [spec, code] of [
    [{}, 40_198],
    [{ groupBy: '$a', boundaries: [1] }, 40_192],
    [{ groupBy: '$a', boundaries: [2, 1] }, 40_194],
  ] as const)
    assert.throws(() => run({ $bucket: spec }), { code });
});

test('operands that are none are refused', () => {
  const refused: [Doc, number][] = [
    [{ $match: 1 }, 15_959],
    [{ $sort: 1 }, 15_973],
    [{ $sort: {} }, 15_976],
    [{ $sort: { a: 3 } }, 15_975],
    [{ $project: 1 }, 15_969],
    [{ $skip: -1 }, 5_107_200],
    [{ $limit: 0 }, 15_958],
    [{ $limit: 'x' }, 5_107_201],
    [{ $count: '$n' }, 40_156],
    [{ $match: {}, $skip: 1 }, 40_323],
    [{}, 40_323],
  ];
  for (const [stage, code] of refused) assert.throws(() => run(stage), { code }, JSON.stringify(stage));
});
