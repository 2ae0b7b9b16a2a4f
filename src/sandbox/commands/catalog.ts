// create, drop, dropDatabase and the lists. Invariant: dropping what is not there is no error, as in MongoDB 7.

import { readCollectionName, readCount, readDocumentField, readFilter, readFlag } from '../arguments.ts';
import type { Collection } from '../collection.ts';
import { type CommandFamily, type CommandRequest, firstBatchReply, type ServerState } from '../command.ts';
import type { Doc } from '../documents.ts';
import { CommandError } from '../errors.ts';

const shownOptions: readonly string[] = [
  'capped',
  'size',
  'max',
  'validator',
  'validationLevel',
  'validationAction',
  'collation',
  'timeseries',
];

function create({ database, command }: CommandRequest, server: ServerState): Doc {
  if (command['viewOn'] !== undefined) throw new CommandError(20, 'the sandbox has no views');
  const options = Object.fromEntries(
    shownOptions.filter((key) => command[key] !== undefined).map((key) => [key, command[key]]),
  );
  server.store.create(database, readCollectionName(command, 'create'), options);
  return {};
}

function drop({ database, command }: CommandRequest, server: ServerState): Doc {
  const name = readCollectionName(command, 'drop');
  const indexes = server.store.find(database, name)?.indexes().length ?? 0;
  if (!server.store.drop(database, name)) return {};
  server.cursors.killNamespace(`${database}.${name}`);
  return { ns: `${database}.${name}`, nIndexesWas: indexes + 1 };
}

function dropDatabase({ database }: CommandRequest, server: ServerState): Doc {
  for (const collection of server.store.collections(database)) server.cursors.killNamespace(collection.namespace);
  const wasThere = server.store.collections(database).length > 0;
  server.store.dropDatabase(database);
  return wasThere ? { dropped: database } : {};
}

function listCollections({ database, command }: CommandRequest, server: ServerState): Doc {
  const isNameOnly = readFlag(command, 'nameOnly', false);
  const matcher = server.engine.compile(readFilter(command, 'filter'));
  const entries = server.store
    .collections(database)
    .map(describe)
    .filter((entry) => matcher.test(entry));
  const shown = isNameOnly ? entries.map(({ name, type }) => ({ name, type })) : entries;
  const cursor = readDocumentField(command, 'cursor') ?? {};
  const batchSize = cursor['batchSize'] === undefined ? null : readCount(cursor, 'batchSize', 0);
  const namespace = `${database}.$cmd.listCollections`;
  return firstBatchReply(namespace, server.cursors.open(namespace, shown, batchSize));
}

function describe(collection: Collection): Doc & { name: string; type: string } {
  return {
    name: collection.name,
    type: 'collection',
    options: collection.options,
    info: { readOnly: false },
    idIndex: { v: 2, key: { _id: 1 }, name: '_id_' },
  };
}

function listDatabases({ command, database }: CommandRequest, server: ServerState): Doc {
  if (database !== 'admin') throw new CommandError(13, 'listDatabases may only be run against the admin database.');
  const matcher = server.engine.compile(readFilter(command, 'filter'));
  const entries = server.store.databases().map((name) => {
    const collections = server.store.collections(name);
    const sizeOnDisk = collections.reduce((sum, collection) => sum + collection.bytes, 0);
    return { name, sizeOnDisk, empty: collections.every((collection) => collection.count === 0) };
  });
  const shown = entries.filter((entry) => matcher.test(entry));
  if (readFlag(command, 'nameOnly', false)) return { databases: shown.map(({ name }) => ({ name })) };
  return { databases: shown, totalSize: shown.reduce((sum, entry) => sum + entry.sizeOnDisk, 0) };
}

export const catalogCommands: CommandFamily = { create, drop, dropDatabase, listCollections, listDatabases };
