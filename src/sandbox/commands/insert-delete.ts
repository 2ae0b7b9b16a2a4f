// insert and delete. Invariant: what a statement removes or adds is counted in `n`, also when a later one fails.

import { readCollectionName, readDocumentField, readDocuments, readFilter, readFlag } from '../arguments.ts';
import type { CommandFamily, CommandRequest, ServerState } from '../command.ts';
import type { Doc } from '../documents.ts';
import { selectDocuments } from '../selection.ts';
import { closingFields, runStatements, type StatementOutcome, sumOf } from '../statements.ts';
import type { WriteTarget } from '../write-target.ts';

function insert(request: CommandRequest, server: ServerState): Doc {
  const { database, command } = request;
  const name = readCollectionName(command, 'insert');
  const results = runStatements(request, readDocuments(command, 'documents'), (document) => {
    server.store.ensure(database, name).insert(document);
    return { n: 1 };
  });
  return { n: sumOf(results, ({ n }) => n), ...closingFields(request, results) };
}

function remove(request: CommandRequest, server: ServerState): Doc {
  const { database, command } = request;
  const name = readCollectionName(command, 'delete');
  const target: WriteTarget = { server, database, name, variables: readDocumentField(command, 'let') };
  const results = runStatements(request, readDocuments(command, 'deletes'), (statement) =>
    runDelete(target, statement, readFlag(statement, 'limit', false)),
  );
  return { n: sumOf(results, ({ n }) => n), ...closingFields(request, results) };
}

/** Deletes what `q` finds: all of it, or one document. */
export function runDelete(
  { server, database, name, variables }: WriteTarget,
  statement: Doc,
  isOne: boolean,
): StatementOutcome {
  const collection = server.store.find(database, name);
  const found = selectDocuments(server.engine, collection, {
    filter: readFilter(statement, 'q'),
    limit: isOne ? 1 : 0,
    collation: readDocumentField(statement, 'collation'),
    variables,
  });
  for (const document of found) collection?.remove(document);
  return { n: found.length };
}

export const insertDeleteCommands: CommandFamily = { insert, delete: remove };
