// Every combination of counts and classes against the rule written again in words of its own.
// No pool here: pool.test.ts shows the rule at work. Invariant tested: ordinary work never holds the last connection
// while a transaction is open and there is more than one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AdmissionCounts, mayHold, nextClass, reservedConnections } from '../../../src/upstream/admission.ts';

interface Row {
  readonly what: string;
  readonly counts: AdmissionCounts;
  /** Waiting privileged, waiting ordinary. */
  readonly waiting: readonly [number, number];
  readonly served: 'privileged' | 'ordinary' | null;
}

const counts = (
  cap: number,
  heldByPrivileged: number,
  heldByOrdinary: number,
  openTransactions: number,
): AdmissionCounts => ({ cap, heldByPrivileged, heldByOrdinary, openTransactions });

const ROWS: readonly Row[] = [
  { what: 'nobody waits', counts: counts(8, 0, 0, 0), waiting: [0, 0], served: null },
  { what: 'ordinary, all free', counts: counts(8, 0, 0, 0), waiting: [0, 1], served: 'ordinary' },
  { what: 'both wait', counts: counts(8, 0, 0, 0), waiting: [1, 9], served: 'privileged' },
  { what: 'last one, no transaction', counts: counts(8, 0, 7, 0), waiting: [0, 1], served: 'ordinary' },
  { what: 'last one, a transaction is open', counts: counts(8, 0, 7, 1), waiting: [0, 1], served: null },
  { what: 'last one for a commit', counts: counts(8, 0, 7, 1), waiting: [1, 1], served: 'privileged' },
  { what: 'the reserved one is used by a statement', counts: counts(8, 1, 6, 1), waiting: [0, 1], served: 'ordinary' },
  { what: 'reserve is one, however many are open', counts: counts(8, 0, 6, 50), waiting: [0, 1], served: 'ordinary' },
  { what: 'full', counts: counts(8, 1, 7, 1), waiting: [3, 3], served: null },
  { what: 'full of ordinary', counts: counts(8, 0, 8, 1), waiting: [1, 0], served: null },
  { what: 'privileged may fill all', counts: counts(8, 7, 0, 7), waiting: [1, 0], served: 'privileged' },
  { what: 'cap 1 has no reserve', counts: counts(1, 0, 0, 1), waiting: [0, 1], served: 'ordinary' },
  { what: 'cap 1, privileged first', counts: counts(1, 0, 0, 1), waiting: [1, 1], served: 'privileged' },
  { what: 'cap 2, one of each', counts: counts(2, 0, 1, 1), waiting: [0, 1], served: null },
  { what: 'cap 2 without a transaction', counts: counts(2, 0, 1, 0), waiting: [0, 1], served: 'ordinary' },
];

describe('admission', () => {
  for (const { what, counts: given, waiting, served } of ROWS) {
    test(what, () => {
      assert.equal(nextClass(waiting[0], waiting[1], given), served);
    });
  }

  test('all combinations up to cap 4', () => {
    let combinations = 0;
    for (let cap = 1; cap <= 4; cap++) {
      for (let privileged = 0; privileged <= cap; privileged++) {
        for (let ordinary = 0; privileged + ordinary <= cap; ordinary++) {
          for (const open of [0, 1, 3]) {
            checkRule(counts(cap, privileged, ordinary, open));
            combinations++;
          }
        }
      }
    }
    assert.equal(combinations, 3 * (3 + 6 + 10 + 15));
  });
});

/** free: connections left; the last of the ordinary share is kept while a transaction is open and the cap allows. */
function checkRule(given: AdmissionCounts): void {
  const label = JSON.stringify(given);
  const free = given.cap - given.heldByPrivileged - given.heldByOrdinary;
  const keepsOne = given.openTransactions > 0 && given.cap >= 2;
  assert.equal(reservedConnections(given), keepsOne ? 1 : 0, label);
  assert.equal(mayHold('privileged', given), free > 0, label);
  const ordinaryShare = keepsOne ? given.cap - 1 : given.cap;
  assert.equal(mayHold('ordinary', given), free > 0 && given.heldByOrdinary < ordinaryShare, label);
  for (const privilegedWaits of [0, 2]) {
    for (const ordinaryWaits of [0, 2]) {
      const expected =
        privilegedWaits > 0 && free > 0
          ? 'privileged'
          : ordinaryWaits > 0 && free > 0 && given.heldByOrdinary < ordinaryShare
            ? 'ordinary'
            : null;
      assert.equal(nextClass(privilegedWaits, ordinaryWaits, given), expected, label);
    }
  }
}
