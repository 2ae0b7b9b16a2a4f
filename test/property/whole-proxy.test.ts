// The one promise of a multiplexer: whatever happens, nobody gets another's answer. Random clients, cuts, delays, deaths
// and reordered completions against the whole proxy, time-boxed, on a fake clock; a failure prints its seed.
// The world and its checks are support/random-world.ts. Invariant: the property must fail when two exchanges trade their
// owners after their ids were patched, when a reply is lost and when one is given twice: no check that sees nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import type { Exchange } from '../../src/upstream/exchange.ts';
import { RandomWorld, type Step } from '../support/random-world.ts';

const STEPS = fc.array(fc.tuple(fc.nat(27), fc.nat(63), fc.nat(5000)), { minLength: 10, maxLength: 150, size: 'max' });

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

type Send = typeof UpstreamConnection.prototype.send;
/** What a planted fault may change. */
type Open = { owner: Exchange['owner'] };

/** Runs the property with a patched send(); the text of the first failure for each of a few seeds. */
function failuresWith(patch: (send: Send) => Send): string[] {
  const { send } = UpstreamConnection.prototype;
  try {
    return [1, 2, 3, 4, 5].map((seed) => {
      UpstreamConnection.prototype.send = patch(send);
      const details = fc.check(nobodyGetsAnothersAnswer, { seed, numRuns: 500, endOnFailure: true });
      assert.equal(details.failed, true, `seed ${seed}: the planted fault was not seen`);
      return String(details.errorInstance);
    });
  } finally {
    UpstreamConnection.prototype.send = send;
  }
}

test('two exchanges that trade owners after their ids were patched are seen', () => {
  const failures = failuresWith((send) => {
    let first: Exchange | null = null;
    return function swapping(this: UpstreamConnection, exchange, nowMs) {
      send.call(this, exchange, nowMs);
      // Only requests of clients that want an answer: what weir says by itself carries no nonce.
      if (exchange.fence !== null || !exchange.frame.bytes.includes('nonce')) return;
      if (first?.state !== 'sent') {
        first = exchange;
        return;
      }
      const [a, b]: [Open, Open] = [first, exchange];
      [a.owner, b.owner] = [b.owner, a.owner];
      first = null;
    };
  });
  for (const failure of failures) assert.match(failure, /the answer to another question/);
});

test('a reply that is lost inside weir is seen', () => {
  const failures = failuresWith((send) => {
    let count = 0;
    return function losing(this: UpstreamConnection, exchange: Open & Exchange, nowMs) {
      send.call(this, exchange, nowMs);
      if (++count % 10 === 0) exchange.owner = { onReply: () => {}, onFailed: () => {} };
    };
  });
  for (const failure of failures) assert.match(failure, /without an answer|never ended|clean-up under way/);
});

test('an operation that is finished twice is seen', () => {
  const failures = failuresWith((send) => {
    let count = 0;
    return function doubling(this: UpstreamConnection, exchange: Open & Exchange, nowMs) {
      send.call(this, exchange, nowMs);
      const { owner } = exchange;
      if (++count % 10 !== 0) return;
      exchange.owner = {
        onReply: (ended, reply) => {
          owner.onReply(ended, reply);
          owner.onReply(ended, reply);
        },
        onFailed: (ended, failure) => owner.onFailed(ended, failure),
      };
    };
  });
  for (const failure of failures) assert.match(failure, /without a question|out of order|clean-up|more or less/);
});
