// find, count and distinct. Invariant: reading creates no collection.

import { readCollectionName, readCount, readDocumentField, readFilter, readFlag, readString } from '../arguments.ts';
import { type CommandFamily, type CommandRequest, firstBatchReply, type ServerState } from '../command.ts';
import { canonicalKey, type Doc, isDocument } from '../documents.ts';
import { CommandError } from '../errors.ts';
import { selectDocuments } from '../selection.ts';

function find({ database, command }: CommandRequest, server: ServerState): Doc {
  const name = readCollectionName(command, 'find');
  const filter = readFilter(command, 'filter');
  const projection = readFilter(command, 'projection');
  const limit = readCount(command, 'limit', 0);
  const found = selectDocuments(server.engine, server.store.find(database, name), {
    filter,
    sort: readDocumentField(command, 'sort'),
    skip: readCount(command, 'skip', 0),
    limit,
    collation: readDocumentField(command, 'collation'),
    variables: readDocumentField(command, 'let'),
  });
  const shown = Object.keys(projection).length === 0 ? found : server.engine.project(found, projection, filter);
  const namespace = `${database}.${name}`;
  const batchSize = command['batchSize'] === undefined ? null : readCount(command, 'batchSize', 0);
  return firstBatchReply(
    namespace,
    server.cursors.open(namespace, shown, batchSize, readFlag(command, 'singleBatch', false)),
  );
}

function count({ database, command }: CommandRequest, server: ServerState): Doc {
  const collection = server.store.find(database, readCollectionName(command, 'count'));
  const filter = readFilter(command, 'query');
  const limit = Math.abs(Number(command['limit'] ?? 0));
  const skip = readCount(command, 'skip', 0);
  if (Object.keys(filter).length === 0 && limit === 0) return { n: Math.max(0, (collection?.count ?? 0) - skip) };
  const collation = readDocumentField(command, 'collation');
  return { n: selectDocuments(server.engine, collection, { filter, skip, limit, collation }).length };
}

function distinct({ database, command }: CommandRequest, server: ServerState): Doc {
  const collection = server.store.find(database, readCollectionName(command, 'distinct'));
  const key = readString(command, 'key');
  if (key === '') throw new CommandError(2, 'the key of distinct is empty');
  const filter = readFilter(command, 'query');
  const values = new Map<string, unknown>();
  for (const document of selectDocuments(server.engine, collection, { filter })) {
    for (const value of valuesAt(document, key.split('.'))) {
      if (!values.has(canonicalKey(value))) values.set(canonicalKey(value), value);
    }
  }
  return { values: [...values.values()] };
}

/** All values at a path; arrays are entered on the way and at the end, numbers in the path may be array indexes. */
function valuesAt(value: unknown, parts: readonly string[]): unknown[] {
  const [part, ...rest] = parts;
  if (part === undefined) return Array.isArray(value) ? (value as unknown[]) : [value];
  if (Array.isArray(value)) {
    const items = value as unknown[];
    const index = /^\d+$/.test(part) ? Number(part) : -1;
    if (index >= 0) return index < items.length ? valuesAt(items[index], rest) : [];
    return items.flatMap((item) => (isDocument(item) ? valuesAt(item, parts) : []));
  }
  return isDocument(value) && Object.hasOwn(value, part) ? valuesAt(value[part], rest) : [];
}

export const readCommands: CommandFamily = { find, count, distinct };
