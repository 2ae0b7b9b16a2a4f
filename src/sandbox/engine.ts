// mingo behind one face: matching, sorting, projecting, pipelines and updates over plain documents.
// mingo is loaded only when a sandbox starts (it costs some 80 ms). It holds no documents.
// Invariant: documents that come in are never changed; mingo writes only to copies made here.

import { copyDocument, type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';

/** A compiled filter. */
export interface Matcher {
  test(document: Doc): boolean;
}

/** What sorts and pipelines may need beside the documents. */
export interface EngineOptions {
  readonly collation?: Doc | undefined;
  /** `let` of the command. */
  readonly variables?: Doc | undefined;
  /** The documents of another collection of the same database, for $lookup and its like. */
  readonly resolve?: ((collection: string) => readonly Doc[]) | undefined;
}

/** One change of one document. */
export interface UpdateSpec {
  /** Update operators, or the stages of a pipeline update. */
  readonly change: Doc | readonly Doc[];
  /** The filter that found the document; positional operators look into it. */
  readonly filter: Doc;
  readonly arrayFilters?: readonly Doc[] | undefined;
  readonly variables?: Doc | undefined;
}

/** The query language. Every method throws CommandError for what the language refuses. */
export interface Engine {
  compile(filter: Doc, options?: EngineOptions): Matcher;
  sort(documents: readonly Doc[], spec: Doc, options?: EngineOptions): Doc[];
  project(documents: readonly Doc[], projection: Doc, filter: Doc): Doc[];
  aggregate(documents: readonly Doc[], pipeline: readonly Doc[], options?: EngineOptions): Doc[];
  update(document: Doc, spec: UpdateSpec): Doc;
}

/** mingo whole, and its parts with the query operators only: the whole one copies every operator it has on every call (40 to 480 µs). */
interface Mingo {
  readonly whole: typeof import('mingo');
  readonly query: typeof import('mingo/query');
  readonly updater: typeof import('mingo/updater');
  readonly queryContext: import('mingo/core').Context;
}

async function loadMingo(): Promise<Mingo> {
  const [whole, query, updater, core, operators] = await Promise.all([
    import('mingo'),
    import('mingo/query'),
    import('mingo/updater'),
    import('mingo/core'),
    import('mingo/operators/query'),
  ]);
  return { whole, query, updater, queryContext: core.Context.init({ query: { ...operators } }) };
}

/** Loads mingo and wraps it. */
export async function loadEngine(): Promise<Engine> {
  const mingo = await loadMingo();
  return {
    compile: (filter, options = {}) => guarded(() => compile(mingo, filter, options)),
    sort: (documents, spec, options = {}) =>
      guarded(() => runPipeline(mingo, documents, [{ $sort: numericSort(spec) }], options)),
    project: (documents, projection, filter) => guarded(() => project(mingo, documents, projection, filter)),
    aggregate: (documents, pipeline, options = {}) =>
      guarded(() => runPipeline(mingo, documents.map(copyDocument), withoutComments([...pipeline]), options)),
    update: (document, spec) => guarded(() => update(mingo, document, spec)),
  };
}

/** mingo's own refusals become 2 BadValue; so does whatever odd input makes it trip over. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const message = error instanceof Error ? error.message : 'the query cannot be run';
    const unknownStage = /^unregistered pipeline operator (\S+?)\.?$/.exec(message)?.[1];
    if (unknownStage !== undefined)
      throw new CommandError(40_324, `Unrecognized pipeline stage name: '${unknownStage}'`);
    throw new CommandError(2, message);
  }
}

function mingoOptions(options: EngineOptions): Record<string, unknown> {
  const { collation, variables, resolve } = options;
  return {
    scriptEnabled: false,
    ...(collation === undefined ? {} : { collation }),
    ...(variables === undefined ? {} : { variables }),
    ...(resolve === undefined ? {} : { collectionResolver: resolve }),
  };
}

function compile(mingo: Mingo, filter: Doc, options: EngineOptions): Matcher {
  const query = mentions(filter, '$expr')
    ? new mingo.whole.Query(withoutComments(filter), mingoOptions(options))
    : new mingo.query.Query(withoutComments(filter), { ...mingoOptions(options), context: mingo.queryContext });
  return { test: (document) => guarded(() => query.test(document)) };
}

function runPipeline(mingo: Mingo, documents: readonly Doc[], pipeline: Doc[], options: EngineOptions): Doc[] {
  const aggregator = new mingo.whole.Aggregator(pipeline, mingoOptions(options));
  return aggregator.run<Doc>([...documents]).map(withIdFirst);
}

function project(mingo: Mingo, documents: readonly Doc[], projection: Doc, filter: Doc): Doc[] {
  const query = new mingo.whole.Query<Doc>(withoutComments(filter), mingoOptions({}));
  return query.find<Doc>(documents.map(copyDocument), projection).all().map(withIdFirst);
}

function update(mingo: Mingo, document: Doc, spec: UpdateSpec): Doc {
  const documents = [copyDocument(document)];
  const config = {
    cloneMode: 'deep' as const,
    ...(spec.arrayFilters === undefined ? {} : { arrayFilters: spec.arrayFilters.map(copyDocument) }),
    ...(spec.variables === undefined ? {} : { let: spec.variables }),
  };
  if (Array.isArray(spec.change)) {
    mingo.whole.updateOne(
      documents,
      withoutComments(spec.filter),
      withoutComments(spec.change),
      config,
      mingoOptions({}),
    );
  } else {
    mingo.updater.updateOne(documents, withoutComments(spec.filter), spec.change as object, config, mingoOptions({}));
  }
  const changed = documents[0];
  if (changed === undefined) throw new CommandError(8, 'the update lost its document');
  return changed;
}

/** Whether a key stands anywhere in the value. */
function mentions(value: unknown, key: string): boolean {
  if (Array.isArray(value)) return value.some((item) => mentions(item, key));
  return isDocument(value) && (Object.hasOwn(value, key) || Object.values(value).some((field) => mentions(field, key)));
}

/** mingo sorts by 1 and -1 as numbers only. */
function numericSort(spec: Doc): Doc {
  return Object.fromEntries(
    Object.entries(spec).map(([key, direction]) => {
      if (isDocument(direction)) throw new CommandError(2, 'the sandbox cannot sort by $meta');
      const number = Number(direction);
      if (number !== 1 && number !== -1) throw new CommandError(15_975, '$sort key ordering must be 1 or -1');
      return [key, number];
    }),
  );
}

/** mingo's projections put `_id` last; drivers and people expect it first. */
function withIdFirst(document: Doc): Doc {
  if (!Object.hasOwn(document, '_id') || Object.keys(document)[0] === '_id') return document;
  const { _id, ...rest } = document;
  return { _id, ...rest };
}

/** The same value without `$comment` at any depth (mingo knows no such operator); the value itself when there is none. */
export function withoutComments<T>(value: T): T {
  if (Array.isArray(value)) {
    const items: unknown[] = value.map(withoutComments);
    return (items.some((item, index) => item !== value[index]) ? items : value) as T;
  }
  if (!isDocument(value)) return value;
  let changed = false;
  const cleaned: Doc = {};
  for (const [key, field] of Object.entries(value)) {
    const kept = key === '$comment' ? undefined : withoutComments(field);
    changed ||= kept !== field;
    if (key !== '$comment') cleaned[key] = kept;
  }
  return changed ? (cleaned as T) : value;
}
