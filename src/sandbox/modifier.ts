// A whole update of operators on one document: all paths checked against each other, then applied in the order of their names.
// Invariant: the document given is not changed; what comes back shares with it only what the update did not touch.

import type { ConditionContext } from './conditions.ts';
import { copyDocument, type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import { compileFilter, type DocumentTest, type MatchContext } from './matcher.ts';
import { matchedPosition } from './positional.ts';
import { passiveOperators, readPaths, updateOperators } from './update-operators.ts';
import { ABSENT, clearPlace, type Place, readPlace, resolvePlaces, writePlace } from './update-paths.ts';
import { compareTexts } from './value-order.ts';

/** What surrounds an update. */
export interface ModifierContext {
  /** The filter that found the document. */
  readonly filter: Doc;
  readonly arrayFilters?: readonly Doc[] | undefined;
  readonly match: MatchContext;
  readonly nowMs: number;
}

interface Step {
  readonly name: string;
  readonly path: string;
  readonly operand: unknown;
}

/** The changed copy. Throws what MongoDB refuses: 2, 9, 14, 28, 40 … */
export function applyModifier(document: Doc, modifier: Doc, context: ModifierContext): Doc {
  const steps = readSteps(modifier);
  const filters = readArrayFilters(context);
  refuseUnused(filters, steps);
  const conditions: ConditionContext = { ...context.match, filter: (inner) => compileFilter(inner, context.match) };
  const changed = copyDocument(document);
  const matched = (path: string): number | null => matchedPosition(document, context.filter, path, context.match);
  for (const step of steps) {
    if (step.name === '$rename') {
      rename(changed, step.path, String(step.operand));
      continue;
    }
    const operator = updateOperators.get(step.name);
    if (operator === undefined) throw unknownModifier(step.name);
    for (const place of resolvePlaces(changed, step.path, { matched, filters }))
      applyAt(changed, place, step, (current, operand) =>
        operator(current, operand, { path: step.path, conditions, nowMs: context.nowMs }),
      );
  }
  return changed;
}

function unknownModifier(name: string): CommandError {
  return new CommandError(
    9,
    `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`,
  );
}

function readSteps(modifier: Doc): Step[] {
  const steps = Object.entries(modifier).flatMap(([name, fields]) => {
    if (name !== '$rename' && !updateOperators.has(name)) throw unknownModifier(name);
    return readPaths(name, fields).map(([path, operand]): Step => ({ name, path, operand }));
  });
  refuseConflicts(steps.flatMap(pathsOf));
  return steps.sort((left, right) => comparePaths(left.path, right.path));
}

function pathsOf({ name, path, operand }: Step): string[] {
  if (name !== '$rename') return [path];
  if (typeof operand !== 'string') throw new CommandError(2, `The 'to' field for $rename must be a string: ${path}`);
  if (/(^|\.)\$/.test(`${path}.${operand}`)) throw new CommandError(2, 'The fields of $rename may not be dynamic');
  return [path, operand];
}

/** Throws 40 when a path is another or leads to it. */
function refuseConflicts(paths: string[]): void {
  const sorted = paths
    .map((path) => path.split('.'))
    .sort((left, right) => compareTexts(left.join('\0'), right.join('\0')));
  for (const [index, parts] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before === undefined || !before.every((part, at) => parts[at] === part)) continue;
    throw new CommandError(
      40,
      `Updating the path '${parts.join('.')}' would create a conflict at '${before.join('.')}'`,
    );
  }
}

/** By name, part for part; numbers by value. */
function comparePaths(left: string, right: string): number {
  const [ones, others] = [left.split('.'), right.split('.')];
  for (let index = 0; index < Math.min(ones.length, others.length); index += 1) {
    const [one = '', other = ''] = [ones[index], others[index]];
    if (one === other) continue;
    const areNumbers = /^\d+$/.test(one) && /^\d+$/.test(other);
    return areNumbers ? Number(one) - Number(other) : compareTexts(one, other);
  }
  return ones.length - others.length;
}

function readArrayFilters({ arrayFilters = [], match }: ModifierContext): Map<string, DocumentTest> {
  const filters = new Map<string, DocumentTest>();
  for (const filter of arrayFilters) {
    const names = new Set(identifiersOf(filter));
    const [name] = names;
    if (name === undefined || names.size > 1)
      throw new CommandError(9, 'Error parsing array filter :: caused by :: Expected a single top-level field name');
    if (filters.has(name))
      throw new CommandError(9, `Found multiple array filters with the same top-level field name ${name}`);
    if (!/^[a-z][a-zA-Z0-9]*$/.test(name))
      throw new CommandError(
        2,
        `The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${name}'`,
      );
    filters.set(name, compileFilter(filter, match));
  }
  return filters;
}

function identifiersOf(filter: Doc): string[] {
  return Object.entries(filter).flatMap(([key, value]) => {
    if (!key.startsWith('$')) return [key.split('.')[0] ?? ''];
    return Array.isArray(value) ? (value as unknown[]).filter(isDocument).flatMap(identifiersOf) : [];
  });
}

function refuseUnused(filters: ReadonlyMap<string, DocumentTest>, steps: readonly Step[]): void {
  for (const name of filters.keys()) {
    if (!steps.some(({ path }) => path.split('.').includes(`$[${name}]`)))
      throw new CommandError(9, `The array filter for identifier '${name}' was not used in the update`);
  }
}

function applyAt(document: Doc, place: Place, step: Step, run: (current: unknown, operand: unknown) => unknown): void {
  const current = readPlace(document, place);
  const next = run(current, step.operand);
  if (next === ABSENT) {
    if (current !== ABSENT) clearPlace(document, place);
    return;
  }
  if (next !== current && !(current === ABSENT && passiveOperators.has(step.name))) writePlace(document, place, next);
}

function rename(document: Doc, from: string, to: string): void {
  const [source, target] = [from.split('.'), to.split('.')];
  for (const path of [source, target]) {
    for (let depth = 1; depth < path.length; depth += 1) {
      if (Array.isArray(readPlace(document, path.slice(0, depth))))
        throw new CommandError(2, `$rename cannot pass through an array: '${path.join('.')}'`);
    }
  }
  const value = readPlace(document, source);
  if (value === ABSENT) return;
  clearPlace(document, source);
  if (readPlace(document, target) !== ABSENT) clearPlace(document, target);
  writePlace(document, target, value);
}
