// createIndexes, listIndexes, dropIndexes. Only uniqueness is real: no index makes a query faster, none expires documents.
// Invariant: a createIndexes that fails leaves none of its own indexes behind.

import { readCollectionName, readCount, readDocumentField, readDocuments, readFlag, readString } from '../arguments.ts';
import type { Collection } from '../collection.ts';
import { type CommandFamily, type CommandRequest, firstBatchReply, type ServerState } from '../command.ts';
import { canonicalKey, copyDocument, type Doc, isDocument } from '../documents.ts';
import { CommandError } from '../errors.ts';
import type { IndexSpec } from '../unique-index.ts';

const unsupportedKinds: ReadonlySet<unknown> = new Set(['text', '2d', '2dsphere', 'geoHaystack']);

function createIndexes({ database, command }: CommandRequest, server: ServerState): Doc {
  const name = readCollectionName(command, 'createIndexes');
  const specs = readDocuments(command, 'indexes').map((spec) => readSpec(server, spec));
  if (specs.length === 0) throw new CommandError(2, 'Must specify at least one index to create');
  const isNew = server.store.find(database, name) === undefined;
  const collection = server.store.ensure(database, name);
  const before = collection.indexes().length + 1;
  const added: string[] = [];
  try {
    for (const spec of specs) {
      const isIdIndex = Object.keys(spec.key).join() === '_id';
      if (!isIdIndex && collection.addIndex(spec)) added.push(spec.name);
    }
  } catch (error) {
    for (const index of added) collection.dropIndex(index);
    throw error;
  }
  const counts = { numIndexesBefore: before, numIndexesAfter: before + added.length };
  if (added.length === 0 && !isNew) return { ...counts, note: 'all indexes already exist' };
  return { ...counts, createdCollectionAutomatically: isNew };
}

function readSpec(server: ServerState, spec: Doc): IndexSpec {
  const key = readDocumentField(spec, 'key');
  const name = readString(spec, 'name');
  if (key === undefined || Object.keys(key).length === 0)
    throw new CommandError(67, 'Index keys cannot be an empty object');
  if (Object.values(key).some((kind) => unsupportedKinds.has(kind)))
    throw new CommandError(67, 'the sandbox has no text and no geo indexes');
  const partial = readDocumentField(spec, 'partialFilterExpression');
  return {
    name,
    key: copyDocument(key),
    unique: readFlag(spec, 'unique', false),
    sparse: readFlag(spec, 'sparse', false),
    description: { v: 2, ...copyDocument(spec) },
    partial: partial === undefined ? null : server.engine.compile(partial),
  };
}

function existing(server: ServerState, database: string, name: string): Collection {
  const collection = server.store.find(database, name);
  if (collection === undefined) throw new CommandError(26, `ns does not exist: ${database}.${name}`);
  return collection;
}

function listIndexes({ database, command }: CommandRequest, server: ServerState): Doc {
  const collection = existing(server, database, readCollectionName(command, 'listIndexes'));
  const entries = [{ v: 2, key: { _id: 1 }, name: '_id_' }, ...collection.indexes().map((spec) => spec.description)];
  const cursor = readDocumentField(command, 'cursor') ?? {};
  const batchSize = cursor['batchSize'] === undefined ? null : readCount(cursor, 'batchSize', 0);
  return firstBatchReply(collection.namespace, server.cursors.open(collection.namespace, entries, batchSize));
}

function dropIndexes({ database, command, name }: CommandRequest, server: ServerState): Doc {
  const collection = existing(server, database, readCollectionName(command, name));
  const before = collection.indexes().length + 1;
  for (const index of namesToDrop(collection, command['index'])) {
    if (index === '_id_') throw new CommandError(72, 'cannot drop _id index');
    if (!collection.dropIndex(index)) throw new CommandError(27, `index not found with name [${index}]`);
  }
  return { nIndexesWas: before };
}

function namesToDrop(collection: Collection, asked: unknown): string[] {
  if (asked === '*') return collection.indexes().map((spec) => spec.name);
  if (typeof asked === 'string') return [asked];
  if (Array.isArray(asked)) return (asked as unknown[]).map(String);
  if (!isDocument(asked)) throw new CommandError(14, "field 'index' must be a name, a list of names or a key");
  const found = collection.indexes().filter((spec) => canonicalKey(spec.key) === canonicalKey(asked));
  if (found.length === 0)
    throw new CommandError(27, `can't find index with key: ${JSON.stringify(asked).slice(0, 200)}`);
  return found.map((spec) => spec.name);
}

export const indexCommands: CommandFamily = { createIndexes, listIndexes, dropIndexes, deleteIndexes: dropIndexes };
