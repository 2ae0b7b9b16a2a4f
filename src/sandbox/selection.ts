// Finds the documents a filter means. Filters that name an `_id` take the collection's map, all others read everything.
// Invariant: what comes out are the stored documents themselves; nobody may change them.

import type { Collection } from './collection.ts';
import { type Doc, isDocument } from './documents.ts';
import type { Engine, EngineOptions, Matcher } from './engine.ts';

/** What to select, in the order the parts apply. 0 = no limit. */
export interface Selection extends EngineOptions {
  readonly filter: Doc;
  readonly sort?: Doc | undefined;
  readonly skip?: number;
  readonly limit?: number;
}

const everything: Matcher = { test: () => true };

/** The stored documents that match. An absent collection is an empty one. */
export function selectDocuments(engine: Engine, collection: Collection | undefined, selection: Selection): Doc[] {
  const { filter, sort, skip = 0, limit = 0 } = selection;
  const matcher = matcherOf(engine, filter, selection);
  if (collection === undefined) return [];
  const isSorted = sort !== undefined && Object.keys(sort).length > 0;
  const end = limit === 0 ? Number.POSITIVE_INFINITY : skip + limit;
  const found: Doc[] = [];
  for (const document of candidates(collection, filter)) {
    if (!isSorted && found.length >= end) break;
    if (matcher.test(document)) found.push(document);
  }
  if (!isSorted) return skip === 0 ? found : found.slice(skip);
  return orderDocuments(engine, found, sort, selection).slice(skip, end);
}

function orderDocuments(engine: Engine, documents: Doc[], sort: Doc, options: EngineOptions): Doc[] {
  const natural = sort['$natural'];
  if (natural !== undefined) return Number(natural) < 0 ? documents.reverse() : documents;
  return engine.sort(documents, sort, options);
}

/** A filter that is one plain `_id` needs no compiling: the map alone decides. */
function matcherOf(engine: Engine, filter: Doc, options: EngineOptions): Matcher {
  const keys = Object.keys(filter).filter((key) => key !== '$comment');
  if (keys.length === 0) return everything;
  if (keys.length === 1 && options.collation === undefined && idsOf(filter) !== null) return everything;
  return engine.compile(filter, options);
}

function candidates(collection: Collection, filter: Doc): Iterable<Doc> {
  const ids = idsOf(filter);
  if (ids === null) return collection.all();
  const found = new Set<Doc>();
  for (const id of ids) {
    const document = collection.byId(id);
    if (document !== undefined) found.add(document);
  }
  return found;
}

/** The `_id` values a filter allows, or null when it does not pin them. */
function idsOf(filter: Doc): readonly unknown[] | null {
  if (!Object.hasOwn(filter, '_id')) return null;
  const condition = filter['_id'];
  if (isPlainId(condition)) return [condition];
  if (!isDocument(condition)) return null;
  const operators = Object.keys(condition);
  if (operators.length !== 1) return null;
  if (operators[0] === '$eq' && isPlainId(condition['$eq'])) return [condition['$eq']];
  const list = condition['$in'];
  return operators[0] === '$in' && Array.isArray(list) && list.every(isPlainId) ? (list as unknown[]) : null;
}

/** Values that an `_id` can only equal as a whole. */
function isPlainId(value: unknown): boolean {
  if (value === undefined || value instanceof RegExp || Array.isArray(value)) return false;
  return !isDocument(value) || !Object.keys(value).some((key) => key.startsWith('$'));
}
