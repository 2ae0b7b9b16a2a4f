// The one promise of a multiplexer: whatever happens, nobody gets another's answer. Random clients, cuts, delays, deaths
// and reordered completions against the whole proxy, time-boxed, on a fake clock; a failure prints its seed.
// The world and its checks are support/random-world.ts. Invariant: the property must fail when two exchanges trade their
// owners after their ids were patched, and when one is finished twice: a check that sees nothing cannot pass.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import type { Exchange } from '../../src/upstream/exchange.ts';
import { RandomWorld, type Step } from '../support/random-world.ts';

const STEPS = fc.array(fc.tuple(fc.nat(15), fc.nat(63), fc.nat(5000)), { minLength: 10, maxLength: 150, size: 'max' });

const nobodyGetsAnothersAnswer = fc.property(fc.nat(23), STEPS, (shape, steps: readonly Step[]) => {
  new RandomWorld(shape).play(steps);
});

function seedOfToday(): number {
  const given = Number(process.env['WEIR_SEED']);
  return Number.isInteger(given) && given > 0 ? given : Date.now() & 0x7fff_ffff;
}

test('nobody gets another’s answer', (t) => {
  const seed = seedOfToday();
  t.diagnostic(`seed ${seed}`);
  fc.assert(nobodyGetsAnothersAnswer, {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: 5000,
    markInterruptAsFailure: false,
  });
});

/** Runs the property with a patched send() and gives the first failure's text. */
function failureWith(
  patched: (send: typeof UpstreamConnection.prototype.send) => typeof UpstreamConnection.prototype.send,
): string {
  const { send } = UpstreamConnection.prototype;
  UpstreamConnection.prototype.send = patched(send);
  try {
    const details = fc.check(nobodyGetsAnothersAnswer, { seed: 7, numRuns: 500, endOnFailure: true });
    assert.equal(details.failed, true, 'the planted fault was not seen');
    return String(details.errorInstance);
  } finally {
    UpstreamConnection.prototype.send = send;
  }
}

test('two exchanges that trade owners after their ids were patched are seen', () => {
  let first: Exchange | null = null;
  const failure = failureWith(
    (send) =>
      function swapping(this: UpstreamConnection, exchange, nowMs) {
        send.call(this, exchange, nowMs);
        if (first?.state !== 'sent') {
          first = exchange;
          return;
        }
        const [a, b] = [first, exchange] as { owner: Exchange['owner'] }[];
        assert.ok(a && b);
        [a.owner, b.owner] = [b.owner, a.owner];
        first = null;
      },
  );
  assert.match(failure, /the answer to another question/);
});

test('a reply that is lost inside weir is seen', () => {
  let count = 0;
  const failure = failureWith(
    (send) =>
      function losing(this: UpstreamConnection, exchange, nowMs) {
        send.call(this, exchange, nowMs);
        if (++count % 10 === 0)
          (exchange as { owner: Exchange['owner'] }).owner = { onReply: () => {}, onFailed: () => {} };
      },
  );
  assert.match(failure, /without an answer|never ended/);
});
