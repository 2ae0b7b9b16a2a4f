// The element of an array that made a filter match: what `$` means in an update's path and in a projection.
// Invariant: it is asked only for documents that match the filter.

import { type ConditionContext, isOperators, readElementTest, readValueTest, type ValueTest } from './conditions.ts';
import { type Doc, isDocument, valueAt } from './documents.ts';
import { compileFilter, type MatchContext } from './matcher.ts';

interface PathCondition {
  readonly path: string;
  readonly value: unknown;
}

/** The index in the array at `path`, or null when the filter says nothing about it. */
export function matchedPosition(document: Doc, filter: Doc, path: string, context: MatchContext): number | null {
  const full: ConditionContext = { ...context, filter: (inner) => compileFilter(inner, context) };
  const conditions = conditionsOf(filter);
  const own = conditions.filter((condition) => condition.path === path || condition.path.startsWith(`${path}.`));
  const others = conditions.filter((condition) => !own.includes(condition));
  for (const condition of [...own, ...others]) {
    const arrayPath = own.includes(condition) ? path : firstArray(document, condition.path);
    const items = arrayPath === null ? null : valueAt(document, arrayPath);
    if (arrayPath === null || !Array.isArray(items)) continue;
    const position = items.findIndex(elementTest(condition, arrayPath, full));
    if (position >= 0) return position;
  }
  return null;
}

function conditionsOf(filter: Doc): PathCondition[] {
  return Object.entries(filter).flatMap(([path, value]): PathCondition[] => {
    if (path === '$and' && Array.isArray(value)) return (value as unknown[]).filter(isDocument).flatMap(conditionsOf);
    return path.startsWith('$') ? [] : [{ path, value }];
  });
}

/** The shortest beginning of a path that names an array. */
function firstArray(document: Doc, path: string): string | null {
  const parts = path.split('.');
  for (let length = 1; length <= parts.length; length += 1) {
    const beginning = parts.slice(0, length).join('.');
    if (Array.isArray(valueAt(document, beginning))) return beginning;
  }
  return null;
}

function elementTest({ path, value }: PathCondition, arrayPath: string, context: ConditionContext): ValueTest {
  if (path !== arrayPath) {
    const test = context.filter({ [path.slice(arrayPath.length + 1)]: value });
    return (item) => isDocument(item) && test(item);
  }
  if (!isOperators(value) || !('$elemMatch' in value)) return readValueTest(value, context);
  return readElementTest(value['$elemMatch'], context);
}
