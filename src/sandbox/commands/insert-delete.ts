// insert and delete, and the loop over statements that all write commands share.
// Invariant: a statement that fails leaves its trace in writeErrors and nothing else; `ordered` stops at the first.

import { readCollectionName, readDocumentField, readDocuments, readFilter, readFlag } from '../arguments.ts';
import type { CommandFamily, CommandRequest, ServerState } from '../command.ts';
import { type Doc, MAX_WRITE_BATCH } from '../documents.ts';
import { CommandError } from '../errors.ts';
import { selectDocuments } from '../selection.ts';

/** Runs the statements in order and returns their write errors, as a field of the reply or nothing. */
export function runStatements(
  command: Doc,
  statements: readonly Doc[],
  run: (statement: Doc, index: number) => void,
): Doc {
  if (statements.length === 0 || statements.length > MAX_WRITE_BATCH) {
    throw new CommandError(statements.length === 0 ? 73 : 2, `a write batch has 1 to ${MAX_WRITE_BATCH} statements`);
  }
  const isOrdered = readFlag(command, 'ordered', true);
  const writeErrors: Doc[] = [];
  for (const [index, statement] of statements.entries()) {
    try {
      run(statement, index);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      writeErrors.push(error.toWriteError(index));
      if (isOrdered) break;
    }
  }
  return writeErrors.length === 0 ? {} : { writeErrors };
}

function insert({ database, command }: CommandRequest, server: ServerState): Doc {
  const name = readCollectionName(command, 'insert');
  const documents = readDocuments(command, 'documents');
  let inserted = 0;
  const errors = runStatements(command, documents, (document) => {
    server.store.ensure(database, name).insert(document);
    inserted += 1;
  });
  return { n: inserted, ...errors };
}

function remove({ database, command }: CommandRequest, server: ServerState): Doc {
  const collection = server.store.find(database, readCollectionName(command, 'delete'));
  const variables = readDocumentField(command, 'let');
  let removed = 0;
  const errors = runStatements(command, readDocuments(command, 'deletes'), (statement) => {
    const found = selectDocuments(server.engine, collection, {
      filter: readFilter(statement, 'q'),
      limit: readFlag(statement, 'limit', false) ? 1 : 0,
      collation: readDocumentField(statement, 'collation'),
      variables,
    });
    for (const document of found) collection?.remove(document);
    removed += found.length;
  });
  return { n: removed, ...errors };
}

export const insertDeleteCommands: CommandFamily = { insert, delete: remove };
