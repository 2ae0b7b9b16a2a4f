// Projections of find and `$project`: a tree of the fields named, read once, applied to every document.
// Computed fields are evaluated by the caller. Invariant: fields keep the order of the document; computed ones follow in theirs.

import type { ConditionContext, ValueTest } from './conditions.ts';
import { type Doc, isDocument, setField } from './documents.ts';
import { CommandError } from './errors.ts';
import { type Branch, type Leaf, type ProjectionPlan, readProjection } from './projection-plan.ts';

/** What a projection needs from outside. */
export interface ProjectionContext {
  readonly conditions: ConditionContext;
  /** `$project` of a pipeline: no $slice, $elemMatch and positional of find. */
  readonly isStage: boolean;
  /** Evaluates expressions by name on one document; a name is left out when its value is missing. */
  evaluate(document: Doc, expressions: Doc): Doc;
  /** The index `path.$` stands for. */
  matched(document: Doc, path: string): number | null;
}

/** Compiles a projection. Throws 31253, 31254, 31249 and their kin. */
export function compileProjection(projection: Doc, context: ProjectionContext): (document: Doc) => Doc {
  const plan = readProjection(projection, context);
  return (document) => {
    const shown = plan.isExclusion
      ? exclude(document, plan.root, document, context)
      : include(document, plan.root, document, context);
    return compute(shown, document, plan, context);
  };
}

/** With `_id` in its place of honour only if the document had it. */
function include(value: Doc, branch: Branch, root: Doc, context: ProjectionContext): Doc {
  const result: Doc = {};
  for (const [name, field] of Object.entries(value)) {
    const node = branch.get(name);
    if (node === undefined) continue;
    const shown =
      node instanceof Map
        ? enter(field, node, (inner) => include(inner, node, root, context), true)
        : leaf(field, node, root, context);
    if (shown !== undefined) setField(result, name, shown);
  }
  return result;
}

function exclude(value: Doc, branch: Branch, root: Doc, context: ProjectionContext): Doc {
  const result: Doc = {};
  for (const [name, field] of Object.entries(value)) {
    const node = branch.get(name);
    const shown =
      node === undefined
        ? field
        : node instanceof Map
          ? enter(field, node, (inner) => exclude(inner, node, root, context), false)
          : leaf(field, node, root, context);
    if (shown !== undefined) setField(result, name, shown);
  }
  return result;
}

/** Goes into documents and into arrays of them; what is neither is dropped by an inclusion and kept by an exclusion. */
function enter(value: unknown, node: Branch, apply: (inner: Doc) => Doc, isInclusion: boolean): unknown {
  if (isDocument(value)) return apply(value);
  if (!Array.isArray(value)) return isInclusion ? undefined : value;
  return (value as unknown[]).flatMap((item) => {
    const shown = enter(item, node, apply, isInclusion);
    return shown === undefined ? [] : [shown];
  });
}

function leaf(value: unknown, node: Leaf, root: Doc, context: ProjectionContext): unknown {
  switch (node.kind) {
    case 'include':
      return value;
    case 'exclude':
    case 'computed':
      return undefined;
    case 'slice':
      return Array.isArray(value) ? cut(value as unknown[], node.skip, node.count) : value;
    case 'element':
      return firstElement(value, node.test);
    case 'positional':
      return atPosition(value, node.path, root, context);
  }
}

function cut(items: readonly unknown[], skip: number | null, count: number): unknown[] {
  if (skip === null) return count < 0 ? items.slice(count) : items.slice(0, count);
  const start = skip < 0 ? Math.max(0, items.length + skip) : skip;
  return items.slice(start, start + count);
}

function firstElement(value: unknown, test: ValueTest): unknown {
  if (!Array.isArray(value)) return undefined;
  const index = (value as unknown[]).findIndex(test);
  return index < 0 ? undefined : [(value as unknown[])[index]];
}

function atPosition(value: unknown, path: string, root: Doc, context: ProjectionContext): unknown {
  if (!Array.isArray(value)) return value;
  const position = context.matched(root, path);
  if (position === null)
    throw new CommandError(
      51_246,
      "Executor error: positional operator '.$' couldn't find a matching element in the array",
    );
  return [(value as unknown[])[position]];
}

function compute(shown: Doc, document: Doc, plan: ProjectionPlan, context: ProjectionContext): Doc {
  if (plan.computed.length === 0) return shown;
  const expressions = Object.fromEntries(plan.computed.map(({ expression }, index) => [`f${index}`, expression]));
  const values = context.evaluate(document, expressions);
  for (const [index, { path }] of plan.computed.entries()) {
    const value = values[`f${index}`];
    if (value !== undefined) putComputed(shown, path, value);
  }
  return shown;
}

/** Puts a computed value at its path, into every document of an array on the way. */
function putComputed(target: Doc, path: readonly string[], value: unknown): void {
  const [part = '', ...rest] = path;
  if (rest.length === 0) {
    setField(target, part, value);
    return;
  }
  const inner = Object.hasOwn(target, part) ? target[part] : undefined;
  if (Array.isArray(inner)) {
    for (const item of inner as unknown[]) if (isDocument(item)) putComputed(item, rest, value);
    return;
  }
  const next: Doc = isDocument(inner) ? inner : {};
  setField(target, part, next);
  putComputed(next, rest, value);
}
