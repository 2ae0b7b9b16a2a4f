// Nobody gets another's answer, with operations that share connections and without, and with a server that lies about
// which request it answers; afterwards nothing is left of anybody. Seeds are printed, WEIR_SEED repeats a run.
// The world and its checks are support/random-world.ts; whole-proxy.test.ts shows that they see a fault of weir itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RandomWorld, type Step, type WorldOptions } from '../support/random-world.ts';

/** Fewer disturbances than requests: what shares a connection must come to share it. */
const STEPS = fc.array(fc.tuple(fc.nat(41), fc.nat(63), fc.nat(5000)), { minLength: 10, maxLength: 120, size: 'max' });

interface Sums {
  runs: number;
  shared: number;
  lies: number;
  mismatches: number;
}

function seedOfToday(): number {
  const given = Number(process.env['WEIR_SEED']);
  return Number.isInteger(given) && given > 0 ? given : Date.now() & 0x7fff_ffff;
}

/** Plays worlds for so long; what happened in them, for the test to see that the thing itself took place. */
function play(options: WorldOptions, seconds: number, seed: number): Sums {
  const sums: Sums = { runs: 0, shared: 0, lies: 0, mismatches: 0 };
  const property = fc.property(fc.nat(23), STEPS, (shape, steps: readonly Step[]) => {
    const world = new RandomWorld(shape, options);
    world.play(steps);
    sums.runs++;
    sums.shared += world.shared;
    sums.lies += world.lies;
    sums.mismatches += world.mismatches;
  });
  const limit = { interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false };
  fc.assert(property, { seed, numRuns: 1_000_000, ...limit });
  return sums;
}

test('pipelining off: everybody gets the own answer, and no two requests are in flight on one connection', (t) => {
  const seed = seedOfToday();
  const sums = play({ pipelining: 'off' }, 4, seed);
  t.diagnostic(`seed ${seed}: ${JSON.stringify(sums)}`);
  assert.equal(sums.shared, 0);
});

test('pipelining adaptive: everybody gets the own answer', (t) => {
  const seed = seedOfToday();
  const sums = play({ pipelining: 'adaptive', isWarm: true }, 6, seed);
  t.diagnostic(`seed ${seed}: ${JSON.stringify(sums)}`);
  assert.ok(sums.shared > 0, 'nothing was shared: the property says nothing about sharing');
});

for (const pipelining of ['off', 'adaptive'] as const) {
  test(`a server that gives one what another was to get, pipelining ${pipelining}: counted, and nobody gets it`, (t) => {
    const seed = seedOfToday();
    const sums = play({ pipelining, isWarm: pipelining === 'adaptive', lie: 'reply' }, 3, seed);
    t.diagnostic(`seed ${seed}: ${JSON.stringify(sums)}`);
    assert.ok(sums.lies > 0, 'the server lied');
    assert.ok(sums.mismatches > 0, 'and weir noticed');
  });
}

test('the same, where nobody but the client can notice it, is seen by the clients', () => {
  assert.throws(() => play({ lie: 'body' }, 20, 7), isAnothersAnswer);
});

function isAnothersAnswer(error: unknown): boolean {
  assert.ok(error instanceof Error);
  assert.match(String(error.cause), /the answer to another question|no nonce in the answer/);
  return true;
}
