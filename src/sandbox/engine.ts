// The query language behind one face: filters, sorts, projections and update operators are the sandbox's own, because BSON's types
// must be ordered and compared as a server does; expressions and most pipeline stages are mingo's (mingo-bridge.ts, pipeline.ts).
// It holds no documents. Invariant: documents that come in are never changed.

import { type Clock, systemClock } from '../core/clock.ts';
import type { ConditionContext } from './conditions.ts';
import type { Doc } from './documents.ts';
import { CommandError } from './errors.ts';
import { compileFilter, type MatchContext } from './matcher.ts';
import { guarded, loadMingo, type MingoBridge } from './mingo-bridge.ts';
import { applyModifier } from './modifier.ts';
import { runPipeline } from './pipeline.ts';
import { matchedPosition } from './positional.ts';
import { compileProjection } from './projection.ts';
import { sortDocuments, textOrderOf } from './sorting.ts';

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
  /** find's projection; `filter` is what `path.$` looks into. */
  project(documents: readonly Doc[], projection: Doc, filter: Doc): Doc[];
  aggregate(documents: readonly Doc[], pipeline: readonly Doc[], options?: EngineOptions): Doc[];
  update(document: Doc, spec: UpdateSpec): Doc;
}

const updateStages: ReadonlySet<string> = new Set([
  '$addFields',
  '$set',
  '$project',
  '$unset',
  '$replaceRoot',
  '$replaceWith',
]);

/** Loads mingo, which costs some 80 ms, and wraps it. */
export async function loadEngine(clock: Clock = systemClock): Promise<Engine> {
  const mingo = await loadMingo();
  return {
    compile: (filter, options = {}) => compile(mingo, filter, options),
    sort: (documents, spec, options = {}) => sortDocuments(documents, spec, options.collation),
    project: (documents, projection, filter) => guarded(() => project(mingo, documents, projection, filter)),
    aggregate: (documents, pipeline, options = {}) =>
      guarded(() => runPipeline(documents, pipeline, pipelineContext(mingo, options))),
    update: (document, spec) => guarded(() => update(mingo, document, spec, clock.wallMs())),
  };
}

function matchContext(mingo: MingoBridge, options: EngineOptions): MatchContext {
  return {
    texts: textOrderOf(options.collation),
    expression: (expression) => mingo.compileExpression(expression, options),
  };
}

function compile(mingo: MingoBridge, filter: Doc, options: EngineOptions): Matcher {
  const test = guarded(() => compileFilter(filter, matchContext(mingo, options)));
  return { test: (document) => guarded(() => test(document)) };
}

function conditionContext(match: MatchContext): ConditionContext {
  return { ...match, filter: (inner) => compileFilter(inner, match) };
}

function project(mingo: MingoBridge, documents: readonly Doc[], projection: Doc, filter: Doc): Doc[] {
  if (Object.keys(projection).length === 0) return [...documents];
  const match = matchContext(mingo, {});
  const show = compileProjection(projection, {
    conditions: conditionContext(match),
    isStage: false,
    evaluate: (document, expressions) => mingo.evaluate(document, expressions, {}),
    matched: (document, path) => matchedPosition(document, filter, path, match),
  });
  return documents.map(show);
}

function pipelineContext(mingo: MingoBridge, options: EngineOptions): Parameters<typeof runPipeline>[2] {
  const match = matchContext(mingo, options);
  return {
    test: (filter) => compileFilter(filter, match),
    sort: (documents, spec) => sortDocuments(documents, spec, options.collation),
    run: (documents, stages) => mingo.runStages(documents, stages, options),
    project: (projection) =>
      compileProjection(projection, {
        conditions: conditionContext(match),
        isStage: true,
        evaluate: (document, expressions) => mingo.evaluate(document, expressions, options),
        matched: () => null,
      }),
  };
}

function update(mingo: MingoBridge, document: Doc, spec: UpdateSpec, nowMs: number): Doc {
  const { change, filter, arrayFilters, variables } = spec;
  const options: EngineOptions = { variables };
  if (!Array.isArray(change)) {
    const match = matchContext(mingo, options);
    return applyModifier(document, change as Doc, { filter, arrayFilters, match, nowMs });
  }
  const stages = change as readonly Doc[];
  const refused = stages.flatMap((stage) => Object.keys(stage)).find((name) => !updateStages.has(name));
  if (refused !== undefined) throw new CommandError(72, `${refused} is not allowed to be used within an update`);
  const [changed] = runPipeline([document], stages, pipelineContext(mingo, options));
  if (changed === undefined) throw new CommandError(8, 'the update lost its document');
  return changed;
}
