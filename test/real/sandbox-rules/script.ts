// The script: all tables one after the other, and the cut to a round number.
// Invariant: at least 200 commands, every name once.

import { aggregating } from './aggregating.ts';
import { bulkWriting } from './bulk-writing.ts';
import { indexing } from './indexing.ts';
import { ordering } from './ordering.ts';
import { projecting } from './projecting.ts';
import { querying } from './querying.ts';
import type { Rule } from './rule.ts';
import { sorting } from './sorting.ts';
import { updating } from './updating.ts';

/** All commands in the order they run. */
export const SCRIPT: readonly Rule[] = [
  ...ordering,
  ...sorting,
  ...projecting,
  ...querying,
  ...updating,
  ...indexing,
  ...bulkWriting,
  ...aggregating,
];

/** The database they run on, unless a rule names another. */
export const DATABASE = 'rules';
