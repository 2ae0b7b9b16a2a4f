// Pipelines stage by stage: $match, $sort, $skip, $limit, $count, $bucket and $project are the sandbox's own, runs of others go to mingo.
// It knows no collection. Invariant: the documents that come in are never changed.

import { expandBucket } from './bucket-stage.ts';
import { type Doc, isDocument } from './documents.ts';
import { CommandError } from './errors.ts';

/** What stages are run with. */
export interface PipelineContext {
  readonly test: (filter: Doc) => (document: Doc) => boolean;
  readonly sort: (documents: readonly Doc[], spec: Doc) => Doc[];
  readonly project: (projection: Doc) => (document: Doc) => Doc;
  /** mingo's stages. */
  readonly run: (documents: readonly Doc[], stages: readonly Doc[]) => Doc[];
}

type Stage = (documents: readonly Doc[], operand: unknown, context: PipelineContext) => readonly Doc[];

const ownStages: ReadonlyMap<string, Stage> = new Map<string, Stage>([
  ['$match', (documents, operand, { test }) => documents.filter(test(readDocument('$match', operand)))],
  ['$sort', (documents, operand, { sort }) => sort(documents, readSort(operand))],
  ['$skip', (documents, operand) => documents.slice(readWhole('$skip', operand, 0))],
  ['$limit', (documents, operand) => documents.slice(0, readWhole('$limit', operand, 1))],
  ['$count', (documents, operand) => count(documents, operand)],
  ['$bucket', (documents, operand, { run, sort }) => bucket(documents, operand, run, sort)],
  ['$project', (documents, operand, { project }) => documents.map(project(readProjection(operand)))],
]);

/** Runs the stages in order. Throws 40323 for a stage that is no single stage. */
export function runPipeline(documents: readonly Doc[], stages: readonly Doc[], context: PipelineContext): Doc[] {
  let current: readonly Doc[] = documents;
  let foreign: Doc[] = [];
  const runForeign = (): void => {
    if (foreign.length > 0) current = context.run(current, foreign);
    foreign = [];
  };
  for (const stage of stages) {
    const names = Object.keys(stage);
    const [name = ''] = names;
    if (names.length !== 1)
      throw new CommandError(40_323, 'A pipeline stage specification object must contain exactly one field.');
    const own = ownStages.get(name);
    if (own === undefined) {
      foreign.push(stage);
      continue;
    }
    runForeign();
    current = own(current, stage[name], context);
  }
  runForeign();
  return [...current];
}

function readDocument(stage: string, operand: unknown): Doc {
  if (isDocument(operand)) return operand;
  throw new CommandError(15_959, `the ${stage} filter must be an object`);
}

function readSort(operand: unknown): Doc {
  if (!isDocument(operand)) throw new CommandError(15_973, 'the $sort key specification must be an object');
  if (Object.keys(operand).length === 0) throw new CommandError(15_976, '$sort stage must have at least one sort key');
  return operand;
}

function readProjection(operand: unknown): Doc {
  if (!isDocument(operand)) throw new CommandError(15_969, '$project specification must be an object');
  if (Object.keys(operand).length === 0)
    throw new CommandError(51_272, 'projection specification must have at least one field');
  return operand;
}

function readWhole(stage: string, operand: unknown, least: number): number {
  const code = stage === '$limit' ? 5_107_201 : 5_107_200;
  if (typeof operand !== 'number' || !Number.isInteger(operand))
    throw new CommandError(code, `invalid argument to ${stage} stage: expected an integer`);
  if (operand >= least) return operand;
  throw stage === '$limit'
    ? new CommandError(15_958, 'the limit must be positive')
    : new CommandError(code, `invalid argument to ${stage} stage: expected a non-negative number`);
}

function bucket(
  documents: readonly Doc[],
  operand: unknown,
  run: PipelineContext['run'],
  sort: PipelineContext['sort'],
): Doc[] {
  const [group, order] = expandBucket(operand);
  return sort(run(documents, [{ $group: group }]), order);
}

/** No documents give no count, not a count of 0. */
function count(documents: readonly Doc[], operand: unknown): Doc[] {
  if (typeof operand !== 'string' || operand === '' || operand.startsWith('$') || operand.includes('.'))
    throw new CommandError(40_156, 'the count field must be a non-empty string without . and $');
  return documents.length === 0 ? [] : [{ [operand]: documents.length }];
}
