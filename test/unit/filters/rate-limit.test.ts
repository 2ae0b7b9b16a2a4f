// Verdicts and counts of the rate limit filter on a fake clock, with operations from real frames.
// The error's bytes are made elsewhere. Invariant: time moves only by advance().

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Long, UUID } from '../../../codecs/index.ts';
import type { LimitSnapshot } from '../../../src/core/snapshots.ts';
import { CONTINUE, type Verdict } from '../../../src/core/verdict.ts';
import { RateLimitFilter } from '../../../src/filters/rate-limit.ts';
import type { LimitOptions } from '../../../src/options.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type Fields, type OperationFields, operationOf } from './commands.ts';

function limitOf(fields: Partial<LimitOptions> = {}): LimitOptions {
  return { name: 'reports', match: {}, per: [], ratePerSecond: 1, burst: 2, mode: 'enforce', ...fields };
}

/** A filter on a clock of its own, and how to ask it. */
function filterOf(limits: readonly Partial<LimitOptions>[], random: () => number = () => 0) {
  const clock = new FakeClock();
  const filter = new RateLimitFilter(limits.map(limitOf), random);
  const ask = (fields?: OperationFields): Verdict => filter.onRequest(operationOf(fields, clock.nowMs()));
  const isAllowed = (fields?: OperationFields): boolean => ask(fields) === CONTINUE;
  return { clock, filter, ask, isAllowed };
}

function countsOf(filter: RateLimitFilter): readonly (readonly number[])[] {
  return filter.snapshot().map(({ matched, allowed, observed, refused }) => [matched, allowed, observed, refused]);
}

function backoffOf(verdict: Verdict): number {
  assert.equal(verdict.kind, 'refuse');
  return verdict.kind === 'refuse' ? verdict.answer.baseBackoffMs : -1;
}

describe('RateLimitFilter', () => {
  it('says yes to everything without limits', () => {
    const { filter, isAllowed } = filterOf([]);
    assert.equal(isAllowed(), true);
    assert.deepEqual(filter.snapshot(), []);
  });

  it('lets the burst through, then what the rate gives', () => {
    const { clock, isAllowed, filter } = filterOf([{ burst: 2, ratePerSecond: 10 }]);
    assert.deepEqual([isAllowed(), isAllowed(), isAllowed()], [true, true, false]);
    clock.advance(100);
    assert.deepEqual([isAllowed(), isAllowed()], [true, false]);
    assert.deepEqual(countsOf(filter), [[5, 3, 0, 2]]);
  });

  it('refuses with the error that drivers wait and retry on, named by its limit', () => {
    const { ask, isAllowed } = filterOf([{ name: 'nightly', burst: 1 }]);
    assert.ok(isAllowed());
    assert.deepEqual(ask(), {
      kind: 'refuse',
      answer: {
        code: 462,
        codeName: 'IngressRequestRateLimitExceeded',
        errmsg: "weir: limit 'nightly' refused this operation",
        errorLabels: ['SystemOverloadedError', 'RetryableError', 'NoWritesPerformed'],
        baseBackoffMs: 1000,
      },
    });
  });

  it('names, counts and snapshots each limit in the order given', () => {
    const { filter } = filterOf([{ name: 'b' }, { name: 'a', mode: 'observe' }]);
    const zero = { matched: 0, allowed: 0, observed: 0, refused: 0 };
    const expected: LimitSnapshot[] = [
      { name: 'b', mode: 'enforce', ...zero },
      { name: 'a', mode: 'observe', ...zero },
    ];
    assert.deepEqual(filter.snapshot(), expected);
  });

  it('leaves alone what does not match', () => {
    const { filter, isAllowed } = filterOf([{ match: { callSite: 'reports.*' }, burst: 1 }]);
    for (let i = 0; i < 5; i++) assert.ok(isAllowed({ callSite: 'orders.ts:1' }));
    assert.deepEqual(
      [1, 2].map(() => isAllowed({ callSite: 'reports.daily' })),
      [true, false],
    );
    assert.deepEqual(countsOf(filter), [[2, 1, 0, 1]]);
  });

  it('gives each value of `per` a bucket of its own', () => {
    const { isAllowed } = filterOf([{ per: ['app'], burst: 1 }]);
    const answers = ['a', 'a', 'b', 'b', 'a'].map((app) => isAllowed({ app }));
    assert.deepEqual(answers, [true, false, true, false, false]);
  });

  it('counts what it would refuse where it only observes', () => {
    const { filter, isAllowed } = filterOf([{ mode: 'observe', burst: 2 }]);
    for (let i = 0; i < 5; i++) assert.ok(isAllowed());
    assert.deepEqual(countsOf(filter), [[5, 2, 3, 0]]);
  });
});

describe('the wait that a refused client is told', () => {
  const cases: readonly (readonly [string, number, number, number])[] = [
    ['until a token is there', 2, 0, 500],
    ['less what has passed', 2, 100, 400],
    ['rounded up', 3, 0, 334],
    ['100 ms at least', 50, 0, 100],
    ['10 s at most', 0.001, 0, 10_000],
  ];
  for (const [name, ratePerSecond, advanceMs, expected] of cases) {
    it(name, () => {
      const { clock, ask } = filterOf([{ ratePerSecond, burst: 1 }]);
      ask();
      clock.advance(advanceMs);
      assert.equal(backoffOf(ask()), expected);
    });
  }

  it('is the longest of all limits that refuse; the first is named', () => {
    const { ask, filter } = filterOf([
      { name: 'first', ratePerSecond: 5, burst: 1 },
      { name: 'second', ratePerSecond: 0.5, burst: 1 },
    ]);
    ask();
    const verdict = ask();
    assert.equal(backoffOf(verdict), 2000);
    assert.match(verdict.kind === 'refuse' ? verdict.answer.errmsg : '', /'first'/);
    assert.deepEqual(countsOf(filter), [
      [2, 1, 0, 1],
      [2, 1, 0, 0],
    ]);
  });

  it('is spread by a quarter, but not beyond 10 s', () => {
    const answers = [1, 0.001].map((ratePerSecond) => {
      const { ask } = filterOf([{ ratePerSecond, burst: 1 }], () => 0.5);
      ask();
      return backoffOf(ask());
    });
    assert.deepEqual(answers, [1125, 10_000]);
  });
});

describe('several limits', () => {
  it('grant all or nothing', () => {
    const { filter, isAllowed } = filterOf([
      { name: 'wide', burst: 3 },
      { name: 'narrow', match: { callSite: 'reports.*' }, burst: 1 },
    ]);
    const report = { callSite: 'reports.daily' };
    assert.deepEqual([isAllowed(report), isAllowed(report), isAllowed(report)], [true, false, false]);
    assert.deepEqual([isAllowed(), isAllowed(), isAllowed()], [true, true, false], 'the refused took nothing of wide');
    assert.deepEqual(countsOf(filter), [
      [6, 3, 0, 1],
      [3, 1, 0, 2],
    ]);
  });

  it('an observed excess neither refuses nor takes, an enforced one spares the observed bucket', () => {
    const { filter, isAllowed } = filterOf([
      { name: 'seen', mode: 'observe', burst: 1 },
      { name: 'bites', burst: 2 },
    ]);
    assert.deepEqual([isAllowed(), isAllowed(), isAllowed()], [true, true, false]);
    assert.deepEqual(countsOf(filter), [
      [3, 1, 1, 0],
      [3, 2, 0, 1],
    ]);
  });
});

describe('what is never refused', () => {
  const lsid = { id: new UUID() };
  const inTransaction = { lsid, txnNumber: Long.fromNumber(1), autocommit: false };
  const exempt: readonly (readonly [string, Fields])[] = [
    ['getMore', { getMore: Long.fromNumber(9), collection: 'orders' }],
    ['killCursors', { killCursors: 'orders', cursors: [Long.fromNumber(9)] }],
    ['endSessions', { endSessions: [lsid], $db: 'admin' }],
    ['commitTransaction', { commitTransaction: 1, ...inTransaction, $db: 'admin' }],
    ['abortTransaction', { abortTransaction: 1, ...inTransaction, $db: 'admin' }],
    ['a later statement of a transaction', { insert: 'orders', documents: [{ a: 1 }], ...inTransaction }],
  ];
  for (const [name, command] of exempt) {
    it(`${name}: charged while there are tokens, then let through`, () => {
      const { clock, filter, isAllowed } = filterOf([{ burst: 2 }]);
      for (let i = 0; i < 4; i++) assert.equal(isAllowed({ command }), true);
      assert.equal(isAllowed(), false, 'the tokens are gone');
      clock.advance(1000);
      assert.equal(isAllowed(), true, 'and no debt was made');
      assert.deepEqual(countsOf(filter), [[6, 5, 0, 1]]);
    });
  }

  it('is refused: the first statement of a transaction, and a write that is none', () => {
    const start = { insert: 'orders', documents: [{ a: 1 }], ...inTransaction, startTransaction: true };
    const retryable = { insert: 'orders', documents: [{ a: 1 }], lsid, txnNumber: Long.fromNumber(2) };
    for (const command of [start, retryable]) {
      const { isAllowed } = filterOf([{ burst: 1 }]);
      assert.deepEqual([isAllowed({ command }), isAllowed({ command })], [true, false]);
    }
  });
});

describe('over any schedule', () => {
  it('one limit lets through at most burst + rate x window, and counts add up', () => {
    const step = fc.record({ gapMs: fc.integer({ min: 0, max: 200 }), app: fc.constantFrom('a', 'b') });
    const burst = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), burst, fc.integer({ min: 1, max: 50 }), (steps, most, rate) => {
        const { clock, filter, isAllowed } = filterOf([{ per: ['app'], burst: most, ratePerSecond: rate }]);
        const startMs = clock.nowMs();
        const allowed = { a: 0, b: 0 };
        for (const { gapMs, app } of steps) {
          clock.advance(gapMs);
          if (isAllowed({ app })) allowed[app]++;
          assert.ok(allowed[app] <= most + (rate * (clock.nowMs() - startMs)) / 1000 + 1e-6);
        }
        const [counts] = filter.snapshot();
        assert.equal(counts?.matched, steps.length);
        assert.equal(counts.allowed, allowed.a + allowed.b);
        assert.equal(counts.refused, steps.length - counts.allowed);
      }),
      { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false },
    );
  });
});
