// $out and $merge: the last stage of a pipeline that writes. Done here and not by mingo, so that ids, unique indexes and the budget hold.
// Invariant: $out replaces a collection only after the whole pipeline ran.

import type { Collection } from './collection.ts';
import type { ServerState } from './command.ts';
import { canonicalKey, type Doc, isDocument, valueAt } from './documents.ts';
import { CommandError } from './errors.ts';

/** A pipeline without its writing end, and what that end does with the documents. */
export interface SplitPipeline {
  readonly stages: readonly Doc[];
  readonly write: ((documents: readonly Doc[]) => void) | null;
}

/** Takes $out or $merge off the end. Throws 40601 when one stands elsewhere. */
export function splitOutput(server: ServerState, database: string, pipeline: readonly Doc[]): SplitPipeline {
  const isWriter = (stage: Doc): boolean => '$out' in stage || '$merge' in stage;
  const last = pipeline.at(-1);
  if (pipeline.slice(0, -1).some(isWriter))
    throw new CommandError(40_601, '$out and $merge can only be the final stage in the pipeline');
  if (last === undefined || !isWriter(last)) return { stages: pipeline, write: null };
  const write = '$out' in last ? makeOut(server, database, last['$out']) : makeMerge(server, database, last['$merge']);
  return { stages: pipeline.slice(0, -1), write };
}

function targetOf(database: string, value: unknown, stage: string): { database: string; name: string } {
  if (typeof value === 'string') return { database, name: value };
  if (isDocument(value) && typeof value['coll'] === 'string') {
    return { database: typeof value['db'] === 'string' ? value['db'] : database, name: value['coll'] };
  }
  throw new CommandError(9, `${stage} needs the name of a collection`);
}

function makeOut(server: ServerState, database: string, value: unknown): (documents: readonly Doc[]) => void {
  const target = targetOf(database, value, '$out');
  return (documents) => {
    const collection = server.store.ensure(target.database, target.name);
    collection.clear();
    for (const document of documents) collection.insert(document);
  };
}

interface MergePlan {
  readonly on: readonly string[];
  readonly whenMatched: string | readonly Doc[];
  readonly whenNotMatched: string;
}

function makeMerge(server: ServerState, database: string, value: unknown): (documents: readonly Doc[]) => void {
  const spec: Doc = typeof value === 'string' ? { into: value } : isDocument(value) ? value : {};
  const target = targetOf(database, spec['into'], '$merge');
  const plan = readMergePlan(spec);
  return (documents) => {
    const collection = server.store.ensure(target.database, target.name);
    const known = new Map([...collection.all()].map((document) => [mergeKey(document, plan.on), document]));
    for (const document of documents)
      mergeOne(server, collection, plan, { document, match: known.get(mergeKey(document, plan.on)) });
  };
}

function readMergePlan(spec: Doc): MergePlan {
  const on = spec['on'] ?? '_id';
  const matched = spec['whenMatched'] ?? 'merge';
  const notMatched = spec['whenNotMatched'] ?? 'insert';
  const isPipeline = Array.isArray(matched) && (matched as unknown[]).every(isDocument);
  return {
    on: (Array.isArray(on) ? (on as unknown[]) : [on]).map(String),
    whenMatched: isPipeline
      ? (matched as Doc[])
      : oneOf('whenMatched', matched, ['replace', 'keepExisting', 'merge', 'fail']),
    whenNotMatched: oneOf('whenNotMatched', notMatched, ['insert', 'discard', 'fail']),
  };
}

function oneOf(field: string, value: unknown, choices: readonly string[]): string {
  const choice = choices.find((known) => known === value);
  if (choice === undefined) throw new CommandError(2, `$merge takes ${choices.join(', ')} for ${field}`);
  return choice;
}

function mergeKey(document: Doc, on: readonly string[]): string {
  return on.map((path) => canonicalKey(valueAt(document, path))).join('\0');
}

function mergeOne(
  server: ServerState,
  collection: Collection,
  plan: MergePlan,
  pair: { document: Doc; match: Doc | undefined },
): void {
  const { document, match } = pair;
  if (match === undefined) {
    if (plan.whenNotMatched === 'fail') throw new CommandError(13_113, '$merge could not find a matching document');
    if (plan.whenNotMatched === 'insert') collection.insert(document);
    return;
  }
  if (plan.whenMatched === 'fail')
    throw new CommandError(11_000, '$merge found a matching document and whenMatched is fail');
  if (plan.whenMatched === 'keepExisting') return;
  // The key may be another field than `_id`: the stored document keeps its own.
  const keepId = { _id: match['_id'] };
  if (typeof plan.whenMatched === 'string') {
    collection.replace(
      match,
      plan.whenMatched === 'replace' ? { ...document, ...keepId } : { ...match, ...document, ...keepId },
    );
    return;
  }
  const variables = { new: document };
  const [merged] = server.engine.aggregate([match], plan.whenMatched, { variables });
  collection.replace(match, { ...(merged ?? match), ...keepId });
}
