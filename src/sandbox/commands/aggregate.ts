// aggregate. A leading $match is taken by the collection (its `_id` map), the rest by the engine.
// Invariant: stages that need a server (change streams, statistics of shards) are refused by name, never ignored.

import { readCollectionName, readCount, readDocumentField, readDocuments, readFlag } from '../arguments.ts';
import { type CommandFamily, type CommandRequest, firstBatchReply, type ServerState } from '../command.ts';
import { copyDocument, type Doc, isDocument } from '../documents.ts';
import type { EngineOptions } from '../engine.ts';
import { CommandError } from '../errors.ts';
import { splitOutput } from '../output-stages.ts';
import { selectDocuments } from '../selection.ts';

function aggregate({ database, command }: CommandRequest, server: ServerState): Doc {
  const pipeline = readDocuments(command, 'pipeline');
  refuseStages(pipeline);
  if (command['cursor'] === undefined && !readFlag(command, 'explain', false))
    throw new CommandError(9, "The 'cursor' option is required, except for aggregate with the explain argument");
  const source = sourceOf(command, pipeline);
  const { stages, write } = splitOutput(server, database, pipeline);
  const options: EngineOptions = {
    collation: readDocumentField(command, 'collation'),
    variables: readDocumentField(command, 'let'),
    resolve: makeResolver(server, database),
  };
  const documents = runStages(server, { database, source, stages, options });
  const namespace = `${database}.${source ?? '$cmd.aggregate'}`;
  write?.(documents);
  if (readFlag(command, 'explain', false)) throw new CommandError(20, 'the sandbox explains nothing');
  const cursor = readDocumentField(command, 'cursor') ?? {};
  const batchSize = cursor['batchSize'] === undefined ? null : readCount(cursor, 'batchSize', 0);
  return firstBatchReply(namespace, server.cursors.open(namespace, write === null ? documents : [], batchSize));
}

/** The collection, or null for `aggregate: 1`, which works only with the documents in the pipeline. */
function sourceOf(command: Doc, pipeline: readonly Doc[]): string | null {
  const target = command['aggregate'];
  if (typeof target === 'string') return readCollectionName(command, 'aggregate');
  if (pipeline[0] !== undefined && '$documents' in pipeline[0]) return null;
  throw new CommandError(
    73,
    "{aggregate: 1} is not valid for this pipeline: the sandbox knows only '$documents' there",
  );
}

function refuseStages(pipeline: readonly Doc[]): void {
  for (const stage of pipeline) {
    const names = Object.keys(stage);
    if (names.length !== 1)
      throw new CommandError(40_323, 'A pipeline stage specification object must contain exactly one field.');
    if (names[0] === '$changeStream') {
      throw new CommandError(40_573, 'The $changeStream stage is only supported on replica sets; the sandbox has none');
    }
  }
}

interface StageRun {
  readonly database: string;
  readonly source: string | null;
  readonly stages: readonly Doc[];
  readonly options: EngineOptions;
}

function runStages(server: ServerState, run: StageRun): Doc[] {
  const { stages, options, source } = run;
  const collection = source === null ? undefined : server.store.find(run.database, source);
  const first = stages[0]?.['$match'];
  const filter = isDocument(first) ? first : {};
  const { collation, variables } = options;
  const input = selectDocuments(server.engine, collection, { filter, collation, variables });
  const rest = isDocument(first) ? stages.slice(1) : stages;
  return rest.length === 0 ? input : server.engine.aggregate(input, rest, options);
}

/** Foreign collections are copied once per command: mingo may write into joined documents. */
function makeResolver(server: ServerState, database: string): (name: string) => readonly Doc[] {
  const copies = new Map<string, readonly Doc[]>();
  return (name) => {
    const known = copies.get(name) ?? [...(server.store.find(database, name)?.all() ?? [])].map(copyDocument);
    copies.set(name, known);
    return known;
  };
}

export const aggregateCommands: CommandFamily = { aggregate };
