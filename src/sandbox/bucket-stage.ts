// `$bucket` spelled as the stages it stands for: a $group by the lower boundary and a $sort. mingo's own puts a value that equals
// an inner boundary into the bucket below. Invariant: the stages given back hold no other $bucket.

import { type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import { compareValues } from './value-order.ts';

/** The stages of a `$bucket`. Throws 40192 and its kin for boundaries that are none. */
export function expandBucket(operand: unknown): [group: Doc, sort: Doc] {
  const spec = isDocument(operand) ? operand : {};
  const { groupBy, boundaries, output } = spec;
  if (groupBy === undefined || !Array.isArray(boundaries))
    throw new CommandError(40_198, "$bucket requires 'groupBy' and 'boundaries' to be specified.");
  const limits = boundaries as unknown[];
  if (limits.length < 2) throw new CommandError(40_192, "The $bucket 'boundaries' field must have at least 2 values");
  if (limits.some((limit, index) => index > 0 && compareValues(limits[index - 1], limit) >= 0))
    throw new CommandError(40_194, "The 'boundaries' option to $bucket must be sorted");
  const branches = limits.slice(1).map((upper, index) => ({
    case: { $and: [{ $gte: [groupBy, { $literal: limits[index] }] }, { $lt: [groupBy, { $literal: upper }] }] },
    // biome-ignore lint/suspicious/noThenProperty: the field's name is MongoDB's
    then: { $literal: limits[index] },
  }));
  const rest = Object.hasOwn(spec, 'default') ? { default: { $literal: spec['default'] } } : {};
  const fields = isDocument(output) ? output : { count: { $sum: 1 } };
  return [{ _id: { $switch: { branches, ...rest } }, ...fields }, { _id: 1 }];
}
