// Reads a projection into a tree: which fields stay, go, are cut or computed, and whether all others stay or go.
// It shows no document. Invariant: a plan is an inclusion or an exclusion, never a mixture, but for `_id`.

import { readElementTest, type ValueTest } from './conditions.ts';
import { type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';
import { approximate } from './number-order.ts';
import type { ProjectionContext } from './projection.ts';
import { placeOf, TYPE_PLACES } from './value-order.ts';

/** What becomes of one field. */
export type Leaf =
  | { readonly kind: 'include' | 'exclude' | 'computed' }
  | { readonly kind: 'slice'; readonly skip: number | null; readonly count: number }
  | { readonly kind: 'element'; readonly test: ValueTest }
  | { readonly kind: 'positional'; readonly path: string };

/** Fields by name. */
export type Branch = Map<string, Leaf | Branch>;

/** See the head of the file. */
export interface ProjectionPlan {
  readonly isExclusion: boolean;
  readonly root: Branch;
  readonly computed: readonly { readonly path: readonly string[]; readonly expression: unknown }[];
}

interface Entry {
  readonly path: readonly string[];
  readonly leaf: Leaf;
  readonly expression?: unknown;
}

/** Throws what MongoDB refuses. */
export function readProjection(projection: Doc, context: ProjectionContext): ProjectionPlan {
  const entries = Object.entries(projection).flatMap(([key, value]) => readField(splitPath(key), value, context));
  const isExclusion = decideMode(entries);
  const root: Branch = new Map();
  for (const { path, leaf } of entries) plant(root, path, leaf);
  if (!isExclusion && !root.has('_id')) root.set('_id', { kind: 'include' });
  if (isExclusion && isKind(root.get('_id'), 'include')) root.delete('_id');
  const computed = entries.flatMap(({ path, leaf, expression }) =>
    leaf.kind === 'computed' ? [{ path, expression }] : [],
  );
  return { isExclusion, root, computed };
}

function isKind(node: Leaf | Branch | undefined, kind: Leaf['kind']): boolean {
  return node !== undefined && !(node instanceof Map) && node.kind === kind;
}

function splitPath(key: string): string[] {
  const parts = key.split('.');
  if (parts.includes(''))
    throw new CommandError(key === '' ? 40_352 : 40_353, 'FieldPath must not be empty nor end with a dot');
  if (parts.some((part, index) => part.startsWith('$') && !(part === '$' && index === parts.length - 1 && index > 0)))
    throw new CommandError(16_410, `FieldPath field names may not start with '$': '${key}'`);
  return parts;
}

function readField(path: readonly string[], value: unknown, context: ProjectionContext): Entry[] {
  if (path.at(-1) === '$') return [readPositional(path.slice(0, -1), context)];
  if (placeOf(value) === TYPE_PLACES.number || typeof value === 'boolean') {
    const isShown = typeof value === 'boolean' ? value : approximate(value) !== 0;
    return [{ path, leaf: { kind: isShown ? 'include' : 'exclude' } }];
  }
  if (!isDocument(value)) return [{ path, leaf: { kind: 'computed' }, expression: value }];
  const [operator] = Object.keys(value);
  if (operator === undefined) throw new CommandError(51_270, 'An empty sub-projection is not a valid value.');
  if (operator.startsWith('$')) return [readOperator(path, operator, value, context)];
  return Object.entries(value).flatMap(([key, inner]) => readField([...path, ...splitPath(key)], inner, context));
}

function readPositional(path: readonly string[], { isStage }: ProjectionContext): Entry {
  if (isStage) throw new CommandError(31_324, 'Cannot use positional projection in aggregation projection stage');
  return { path, leaf: { kind: 'positional', path: path.join('.') } };
}

function readOperator(path: readonly string[], operator: string, value: Doc, context: ProjectionContext): Entry {
  const operand = value[operator];
  if (operator === '$slice' && !context.isStage && isFindSlice(operand)) return { path, leaf: readSlice(operand) };
  if (operator === '$elemMatch' && !context.isStage) {
    if (path.length > 1) throw new CommandError(31_275, 'Cannot use $elemMatch projection on a nested field');
    return { path, leaf: { kind: 'element', test: readElementTest(operand, context.conditions) } };
  }
  if (operator === '$meta') throw new CommandError(2, 'the sandbox has no $meta');
  return { path, leaf: { kind: 'computed' }, expression: value };
}

/** find's own form: a number, or two of them. The expression of the same name takes an array first. */
function isFindSlice(operand: unknown): boolean {
  return !Array.isArray(operand) || placeOf(operand[0]) === TYPE_PLACES.number;
}

function readSlice(operand: unknown): Leaf {
  const [first, second] = (Array.isArray(operand) ? operand : [operand]) as unknown[];
  const numbers = [first, second ?? 1].map((value) =>
    placeOf(value) === TYPE_PLACES.number ? Math.trunc(approximate(value)) : Number.NaN,
  );
  const [one = 0, other = 0] = numbers;
  if (Number.isNaN(one) || Number.isNaN(other))
    throw new CommandError(28_667, 'Invalid $slice syntax: it takes a number or two');
  if (!Array.isArray(operand)) return { kind: 'slice', skip: null, count: one };
  if (operand.length !== 2) throw new CommandError(28_667, 'Invalid $slice syntax: it takes a number or two');
  if (other <= 0) throw new CommandError(28_724, 'First argument of $slice must be followed by a positive limit');
  return { kind: 'slice', skip: one, count: other };
}

/** Whether fields that are not named stay. `_id` alone decides nothing, unless it is alone. */
function decideMode(entries: readonly Entry[]): boolean {
  const named = entries.filter(({ path }) => path.length > 1 || path[0] !== '_id');
  const excluded = named.find(({ leaf }) => leaf.kind === 'exclude');
  const included = named.find(
    ({ leaf }) => leaf.kind === 'include' || leaf.kind === 'computed' || leaf.kind === 'positional',
  );
  if (excluded !== undefined && included !== undefined) {
    const isFirst = entries.indexOf(excluded) < entries.indexOf(included);
    throw isFirst
      ? new CommandError(31_253, `Cannot do inclusion on field ${included.path.join('.')} in exclusion projection`)
      : new CommandError(31_254, `Cannot do exclusion on field ${excluded.path.join('.')} in inclusion projection`);
  }
  if (excluded !== undefined) return true;
  if (included !== undefined || named.some(({ leaf }) => leaf.kind === 'element')) return false;
  const id = entries.find(({ path }) => path[0] === '_id');
  return named.length > 0 ? id?.leaf.kind !== 'include' : id?.leaf.kind === 'exclude';
}

function plant(root: Branch, path: readonly string[], leaf: Leaf): void {
  let branch = root;
  for (const part of path.slice(0, -1)) {
    const next = branch.get(part) ?? new Map<string, Leaf | Branch>();
    if (!(next instanceof Map)) throw collision(path);
    branch.set(part, next);
    branch = next;
  }
  const last = path.at(-1) ?? '';
  if (branch.has(last)) throw collision(path);
  branch.set(last, leaf);
}

function collision(path: readonly string[]): CommandError {
  return new CommandError(31_249, `Path collision at ${path.join('.')}`);
}
