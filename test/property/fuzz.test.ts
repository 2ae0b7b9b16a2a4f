// Every decoder on damaged inputs, for a few seconds in all; `npm run fuzz` does the same for as long as you like.
// A failure prints the input made small and its seed. Invariant: one half of the time goes to a fixed seed, so that a
// run can be repeated, the other half to a new one, so that runs add up.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadCorpus } from '../fuzz/corpus.ts';
import { examine, isFinding } from '../fuzz/examine.ts';
import { formatFinding, loadFindings } from '../fuzz/findings.ts';
import { Fuzzer } from '../fuzz/fuzzer.ts';
import { selectTargets, TARGETS } from '../fuzz/targets.ts';

const TOTAL_MS = 7000;
/** For seeds as they are and for damaged ones, with each of the two seeds. */
const SHARE_MS = TOTAL_MS / TARGETS.length / 4;
const FIXED_SEED = 6;
/** A stream that failed did so in some cuts. */
const REPLAYED_CUTS = 40;
const newSeed = Math.floor(Math.random() * 2 ** 31);
const corpus = loadCorpus();

test('the names of targets are unique', () => {
  assert.equal(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length);
});

describe(`fuzz, seeds ${String(FIXED_SEED)} and ${String(newSeed)}`, () => {
  for (const target of TARGETS) {
    test(target.name, () => {
      for (const seed of [FIXED_SEED, newSeed]) {
        const fuzzer = new Fuzzer(target, corpus, seed);
        const finding = fuzzer.readSeeds(SHARE_MS) ?? fuzzer.run(SHARE_MS);
        assert.equal(finding === null ? '' : formatFinding(finding), '');
        assert.ok(fuzzer.accepted > 0, 'some inputs are taken, not only refused');
      }
    });
  }
});

describe('inputs that failed once', () => {
  for (const { name, target, input } of loadFindings()) {
    test(name, () => {
      for (const row of selectTargets([target])) {
        for (let seed = 0; seed < REPLAYED_CUTS; seed++) {
          const result = examine(row, input, seed);
          assert.equal(isFinding(result) ? result.message : '', '');
        }
      }
    });
  }
});
