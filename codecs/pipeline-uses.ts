// The collections that the stages of an aggregation pipeline name, nested pipelines included.
// Does not know what a stage means beyond that, and nothing of views.
// Invariant: descends at most MAX_PIPELINE_DEPTH pipelines; work is linear in the bytes for each level.

import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import type { NamespaceRole, UseList } from './namespace-uses.ts';
import { readString } from './value.ts';

/** Pipelines in pipelines; the server stops at 20 views or sub-pipelines as well (maxSubPipelineViewDepth). */
export const MAX_PIPELINE_DEPTH = 20;

/** Walks the array that is the cursor's current value. @throws DecodeError invalid_bson. */
export function readPipelineUses(array: ElementCursor, database: string, uses: UseList, depth = 0): void {
  if (depth === MAX_PIPELINE_DEPTH) return;
  const stages = open(array);
  while (stages.next()) {
    if (stages.type !== BSON_TYPE.document) continue;
    const stage = open(stages);
    if (stage.next()) readStage(stage, database, uses, depth);
  }
}

function open(cursor: ElementCursor): ElementCursor {
  return new ElementCursor(cursor.bytes, cursor.valueStart, cursor.valueEnd);
}

/** `stage` stands on the operator. Most operators are told apart by their length and first letters, no text is made. */
function readStage(stage: ElementCursor, database: string, uses: UseList, depth: number): void {
  if (stage.isNamed('$lookup')) readJoin(stage, { database, role: 'lookup', field: 'from' }, uses, depth);
  else if (stage.isNamed('$graphLookup'))
    readJoin(stage, { database, role: 'graphLookup', field: 'from' }, uses, depth);
  else if (stage.isNamed('$unionWith')) readUnion(stage, database, uses, depth);
  else if (stage.isNamed('$out')) addTarget(stage, { database, role: 'out' }, uses);
  else if (stage.isNamed('$merge')) readMerge(stage, database, uses);
  else if (stage.isNamed('$facet')) readFacets(stage, database, uses, depth);
}

interface Join {
  readonly database: string;
  readonly role: NamespaceRole;
  /** Field that names the collection. */
  readonly field: string;
}

/** A stage that reads another collection, perhaps through a pipeline of its own. */
function readJoin(stage: ElementCursor, join: Join, uses: UseList, depth: number): void {
  if (stage.type !== BSON_TYPE.document) return;
  const fields = open(stage);
  while (fields.next()) {
    if (fields.isNamed(join.field)) addTarget(fields, join, uses);
    else if (fields.type === BSON_TYPE.array && fields.isNamed('pipeline')) {
      readPipelineUses(fields, join.database, uses, depth + 1);
    }
  }
}

/** A name, or `{coll, pipeline}` of which `db` may be another database. */
function readUnion(stage: ElementCursor, database: string, uses: UseList, depth: number): void {
  addTarget(stage, { database, role: 'unionWith' }, uses);
  if (stage.type !== BSON_TYPE.document) return;
  const fields = open(stage);
  if (fields.seek('pipeline') && fields.type === BSON_TYPE.array) readPipelineUses(fields, database, uses, depth + 1);
}

/** `{into: …}`, or the name alone. */
function readMerge(stage: ElementCursor, database: string, uses: UseList): void {
  if (stage.type === BSON_TYPE.string) {
    addTarget(stage, { database, role: 'merge' }, uses);
    return;
  }
  if (stage.type !== BSON_TYPE.document) return;
  const fields = open(stage);
  if (fields.seek('into')) addTarget(fields, { database, role: 'merge' }, uses);
}

function readFacets(stage: ElementCursor, database: string, uses: UseList, depth: number): void {
  if (stage.type !== BSON_TYPE.document) return;
  const facets = open(stage);
  while (facets.next()) {
    if (facets.type === BSON_TYPE.array) readPipelineUses(facets, database, uses, depth + 1);
  }
}

/** Adds what the cursor's value names: a collection, or `{db, coll}`; anything else names nothing. */
function addTarget(cursor: ElementCursor, use: Omit<Join, 'field'>, uses: UseList): void {
  let { database } = use;
  let collection = '';
  if (cursor.type === BSON_TYPE.string) collection = readString(cursor.bytes, cursor.valueStart, cursor.valueEnd);
  else if (cursor.type === BSON_TYPE.document) {
    const fields = open(cursor);
    while (fields.next()) {
      if (fields.type !== BSON_TYPE.string) continue;
      if (fields.isNamed('db')) database = readString(fields.bytes, fields.valueStart, fields.valueEnd);
      else if (fields.isNamed('coll')) collection = readString(fields.bytes, fields.valueStart, fields.valueEnd);
    }
  }
  if (collection !== '') uses.add(database, collection, use.role);
}
