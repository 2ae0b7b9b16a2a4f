// What an update makes of a document: operators, pipelines and replacements, and the document an upsert starts from.
// It stores nothing. Invariant: the `_id` of what comes out is the `_id` of what went in.

import { copyDocument, type Doc, isDocument, setField } from './documents.ts';
import type { Engine, UpdateSpec } from './engine.ts';
import { CommandError } from './errors.ts';

/** The change of a statement, told apart. */
export type Change =
  | { readonly kind: 'replace'; readonly document: Doc }
  | { readonly kind: 'operators'; readonly modifier: Doc }
  | { readonly kind: 'pipeline'; readonly stages: readonly Doc[] };

/** Where a change is applied. */
export type ChangeContext = Pick<UpdateSpec, 'filter' | 'arrayFilters' | 'variables'>;

/** Reads `u` or `update`. Throws 9 for a mixture of fields and operators. */
export function readChange(value: unknown): Change {
  if (Array.isArray(value) && (value as unknown[]).every(isDocument))
    return { kind: 'pipeline', stages: value as Doc[] };
  if (!isDocument(value)) throw new CommandError(9, 'Update argument must be either an object or an array');
  const keys = Object.keys(value);
  if (!keys[0]?.startsWith('$')) {
    const operator = keys.find((key) => key.startsWith('$'));
    if (operator === undefined) return { kind: 'replace', document: value };
    throw new CommandError(
      52,
      `The dollar ($) prefixed field '${operator}' is not allowed in the context of a replacement`,
    );
  }
  for (const key of keys) {
    if (!isDocument(value[key]))
      throw new CommandError(9, `Modifiers operate on fields but the value of '${key}' is none`);
  }
  return { kind: 'operators', modifier: value };
}

/** The document after the change; `$setOnInsert` does nothing here. */
export function applyChange(engine: Engine, document: Doc, change: Change, context: ChangeContext): Doc {
  switch (change.kind) {
    case 'replace':
      return { _id: document['_id'], ...change.document };
    case 'pipeline':
      return { _id: document['_id'], ...engine.update(document, { ...context, filter: {}, change: change.stages }) };
    case 'operators': {
      const { $setOnInsert: _ignored, ...modifier } = change.modifier;
      return engine.update(document, { ...context, change: modifier });
    }
  }
}

/** The document an upsert inserts: the equalities of the filter, then the change. `_id` may be missing still. */
export function makeUpsert(engine: Engine, filter: Doc, change: Change, context: ChangeContext): Doc {
  const seed = seedOf(filter);
  if (change.kind === 'replace')
    return '_id' in seed ? { _id: seed['_id'], ...change.document } : { ...change.document };
  const spec = change.kind === 'pipeline' ? change.stages : change.modifier;
  return engine.update(seed, { ...context, filter: {}, change: spec });
}

/** Fields that the filter pins to one value. */
function seedOf(filter: Doc): Doc {
  const seed: Doc = {};
  for (const [path, condition] of equalities(filter)) setPath(seed, path.split('.'), condition);
  return copyDocument(seed);
}

function equalities(filter: Doc): [string, unknown][] {
  return Object.entries(filter).flatMap(([key, condition]): [string, unknown][] => {
    if (key === '$and' && Array.isArray(condition))
      return (condition as unknown[]).filter(isDocument).flatMap(equalities);
    if (key === '$or' && Array.isArray(condition) && condition.length === 1)
      return (condition as unknown[]).filter(isDocument).flatMap(equalities);
    if (key.startsWith('$') || condition instanceof RegExp) return [];
    return equalTo(condition).map((value) => [key, value]);
  });
}

/** The one value a condition allows: itself, `$eq`, or `$in` of a single one. */
function equalTo(condition: unknown): unknown[] {
  if (!isDocument(condition) || !Object.keys(condition).some((name) => name.startsWith('$'))) return [condition];
  if (Object.hasOwn(condition, '$eq')) return [condition['$eq']];
  const list = condition['$in'];
  return Array.isArray(list) && list.length === 1 && !(list[0] instanceof RegExp) ? (list as unknown[]) : [];
}

function setPath(document: Doc, parts: readonly string[], value: unknown): void {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  if (rest.length === 0) {
    setField(document, part, value);
    return;
  }
  const inner: Doc = Object.hasOwn(document, part) && isDocument(document[part]) ? { ...document[part] } : {};
  setField(document, part, inner);
  setPath(inner, rest, value);
}
