// Globs against texts, as a table and against regular expressions; then which parts of a match must agree.
// Invariant: the regular expression is the definition of `*`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Glob, LimitMatcher } from '../../../src/filters/limit-match.ts';
import type { LimitMatch } from '../../../src/options.ts';
import { type OperationFields, operationOf } from './commands.ts';

describe('Glob', () => {
  const cases: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
    ['reports', ['reports'], ['', 'report', 'reportsx', 'xreports', 'Reports']],
    ['', [''], ['a']],
    ['*', ['', 'a', 'reports.daily'], []],
    ['reports.*', ['reports.', 'reports.daily'], ['reports', 'xreports.daily']],
    ['*.daily', ['.daily', 'reports.daily'], ['daily', 'reports.dailyx']],
    ['*daily*', ['daily', 'a daily b'], ['dail', 'da*ily']],
    ['a*b', ['ab', 'axxb', 'a*b', 'abb'], ['a', 'b', 'abx', 'xab']],
    ['ab*ba', ['abba', 'ab-ba'], ['aba', 'ab']],
    ['a*b*c', ['abc', 'axbxc', 'abcbc'], ['ac', 'acb', 'bac']],
    ['*aa*aa*', ['aaaa', 'xaaxaax'], ['aaa', 'aa']],
    ['a**b', ['ab', 'axb'], ['a']],
    ['a.c', ['a.c'], ['abc']],
    ['(x|y)*[0-9]', ['(x|y)[0-9]'], ['x1']],
  ];
  for (const [pattern, matching, others] of cases) {
    it(`'${pattern}'`, () => {
      const glob = new Glob(pattern);
      for (const text of matching) assert.equal(glob.matches(text), true, `'${text}' matches`);
      for (const text of others) assert.equal(glob.matches(text), false, `'${text}' does not match`);
    });
  }

  it('agrees with a regular expression', () => {
    const letters = (extra: string) => fc.string({ unit: fc.constantFrom('a', 'b', extra), maxLength: 10 });
    fc.assert(
      fc.property(letters('*'), letters('a'), (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(text);
        assert.equal(new Glob(pattern).matches(text), expected);
      }),
      { numRuns: 1000, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
    );
  });
});

describe('LimitMatcher', () => {
  const fields: OperationFields = {
    app: 'reports',
    callSite: 'daily.ts:7',
    command: { aggregate: 'orders', pipeline: [], cursor: {}, $db: 'shop' },
  };
  const all = { app: 'reports', callSite: 'daily.*', database: 'shop', collection: 'orders', command: 'aggregate' };
  const cases: readonly (readonly [name: string, match: LimitMatch, isMatching: boolean])[] = [
    ['nothing asked', {}, true],
    ['all parts', all, true],
    ['all but the app', { ...all, app: 'shop' }, false],
    ['all but the call site', { ...all, callSite: 'weekly.*' }, false],
    ['all but the database', { ...all, database: 'stock' }, false],
    ['all but the collection', { ...all, collection: 'items' }, false],
    ['all but the command', { ...all, command: 'find' }, false],
    ['a star for a part', { app: '*', collection: '**' }, true],
  ];
  for (const [name, match, isMatching] of cases) {
    it(name, () => assert.equal(new LimitMatcher(match).matches(operationOf(fields)), isMatching));
  }
});
