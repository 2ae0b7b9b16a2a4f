// mingo, loaded when a sandbox starts: expressions and pipeline stages over copies of the documents.
// It decides nothing about filters, sorts and projections of the sandbox's own. Invariant: mingo writes only to copies made here.

import { copyDocument, type Doc, isDocument } from './documents.ts';
import type { EngineOptions } from './engine.ts';
import { CommandError } from './errors.ts';
import type { DocumentTest } from './matcher.ts';

/** What the sandbox asks of mingo. */
export interface MingoBridge {
  /** The test of a filter's `$expr`. */
  compileExpression(expression: unknown, options: EngineOptions): DocumentTest;
  /** Values by name; a name whose value is missing is left out. */
  evaluate(document: Doc, expressions: Doc, options: EngineOptions): Doc;
  runStages(documents: readonly Doc[], stages: readonly Doc[], options: EngineOptions): Doc[];
}

export async function loadMingo(): Promise<MingoBridge> {
  const { Aggregator, Query } = await import('mingo');
  return {
    compileExpression(expression, options) {
      const query = new Query({ $expr: expression }, mingoOptions(options));
      return (document) => query.test(document);
    },
    evaluate(document, expressions, options) {
      const aggregator = new Aggregator([{ $replaceWith: expressions }], mingoOptions(options));
      return aggregator.run<Doc>([copyDocument(document)])[0] ?? {};
    },
    runStages(documents, stages, options) {
      const aggregator = new Aggregator(withoutComments([...stages]), mingoOptions(options));
      return aggregator.run<Doc>(documents.map(copyDocument)).map(withIdFirst);
    },
  };
}

/** mingo's own refusals become 2 BadValue; so does whatever odd input makes it trip over. */
export function guarded<T>(run: () => T): T {
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

/** mingo's stages may put `_id` last; drivers and people expect it first. */
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
