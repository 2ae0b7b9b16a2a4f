// The order in which filters are asked and told, with filters that only write down what they hear.
// Invariant: whoever was asked is told, nobody else.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitRefused } from '../../../src/core/error-answers.ts';
import type { Operation } from '../../../src/core/operation.ts';
import { CONTINUE, type Verdict } from '../../../src/core/verdict.ts';
import { FilterChain } from '../../../src/filters/chain.ts';
import type { Filter } from '../../../src/filters/filter.ts';
import { operationOf } from './commands.ts';

const REFUSAL: Verdict = { kind: 'refuse', answer: limitRefused('reports', 100) };

/** Filters that write down what they are told. */
function recorders(...verdicts: readonly Verdict[]): { filters: Filter[]; told: string[] } {
  const told: string[] = [];
  const filters = verdicts.map((verdict, at) => ({
    name: `filter-${at}`,
    onRequest(): Verdict {
      told.push(`request ${at}`);
      return verdict;
    },
    onFinish(operation: Operation): void {
      told.push(`finish ${at} ${operation.outcome}`);
    },
  }));
  return { filters, told };
}

describe('FilterChain', () => {
  it('asks in order and tells the end backwards', () => {
    const { filters, told } = recorders(CONTINUE, CONTINUE, CONTINUE);
    const chain = new FilterChain(filters);
    const operation = operationOf();
    assert.equal(chain.onRequest(operation), CONTINUE);
    chain.onFinish(operation);
    assert.deepEqual(told, ['request 0', 'request 1', 'request 2', 'finish 2 ok', 'finish 1 ok', 'finish 0 ok']);
  });

  it('stops at a refusal; the end reaches exactly those that were asked', () => {
    const { filters, told } = recorders(CONTINUE, REFUSAL, CONTINUE);
    const chain = new FilterChain(filters);
    const operation = operationOf();
    assert.equal(chain.onRequest(operation), REFUSAL);
    operation.outcome = 'refused';
    chain.onFinish(operation);
    assert.deepEqual(told, ['request 0', 'request 1', 'finish 1 refused', 'finish 0 refused']);
  });

  it('tells nobody of an operation that was never asked about', () => {
    const { filters, told } = recorders(CONTINUE);
    new FilterChain(filters).onFinish(operationOf());
    assert.deepEqual(told, []);
  });

  it('takes filters that want no end, and no filters at all', () => {
    const operation = operationOf();
    const chain = new FilterChain([{ name: 'silent', onRequest: () => CONTINUE }]);
    assert.equal(chain.onRequest(operation), CONTINUE);
    chain.onFinish(operation);
    assert.equal(new FilterChain([]).onRequest(operationOf()), CONTINUE);
  });
});
