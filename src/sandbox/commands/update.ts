// update and findAndModify. Invariant: nModified counts documents whose bytes differ afterwards, matched or not.

import {
  readCollectionName,
  readDocumentField,
  readDocuments,
  readFilter,
  readFlag,
  readOptionalDocuments,
} from '../arguments.ts';
import { applyChange, type Change, type ChangeContext, makeUpsert, readChange } from '../changes.ts';
import type { Collection } from '../collection.ts';
import type { CommandFamily, CommandRequest, ServerState } from '../command.ts';
import { type Doc, isSameDocument } from '../documents.ts';
import { CommandError } from '../errors.ts';
import { selectDocuments } from '../selection.ts';
import { closingFields, runStatements, type StatementOutcome, sumOf } from '../statements.ts';
import type { WriteTarget } from '../write-target.ts';

interface Plan {
  readonly change: Change;
  readonly context: ChangeContext;
}

function update(request: CommandRequest, server: ServerState): Doc {
  const { database, command } = request;
  const name = readCollectionName(command, 'update');
  const target: WriteTarget = { server, database, name, variables: readDocumentField(command, 'let') };
  const results = runStatements(request, readDocuments(command, 'updates'), (statement) =>
    runUpdate(target, statement),
  );
  const upserted = results.flatMap((result) =>
    'outcome' in result && result.outcome.upserted !== undefined
      ? [{ index: result.index, _id: result.outcome.upserted._id }]
      : [],
  );
  return {
    n: sumOf(results, ({ n }) => n),
    nModified: sumOf(results, ({ nModified = 0 }) => nModified),
    ...(upserted.length === 0 ? {} : { upserted }),
    ...closingFields(request, results),
  };
}

/** Runs one statement of update. Throws what it is refused for. */
export function runUpdate(target: WriteTarget, statement: Doc): StatementOutcome {
  const filter = readFilter(statement, 'q');
  const change = readChange(statement['u']);
  const isMulti = readFlag(statement, 'multi', false);
  if (isMulti && change.kind === 'replace')
    throw new CommandError(9, 'multi update is not supported for replacement-style update');
  const plan: Plan = { change, context: contextOf(target, filter, statement) };
  const collection = target.server.store.find(target.database, target.name);
  const found = selectDocuments(target.server.engine, collection, {
    filter,
    limit: isMulti ? 0 : 1,
    sort: readDocumentField(statement, 'sort'),
    collation: readDocumentField(statement, 'collation'),
    variables: target.variables,
  });
  if (found.length === 0 && readFlag(statement, 'upsert', false))
    return { n: 1, nModified: 0, upserted: { _id: insertUpsert(target, plan)['_id'] } };
  let nModified = 0;
  for (const document of found) {
    if (collection !== undefined && changeStored(target.server, collection, document, plan) !== document)
      nModified += 1;
  }
  return { n: found.length, nModified };
}

function contextOf(target: WriteTarget, filter: Doc, statement: Doc): ChangeContext {
  return {
    filter,
    arrayFilters: readOptionalDocuments(statement, 'arrayFilters'),
    variables: readDocumentField(statement, 'c') ?? target.variables,
  };
}

/** Returns the document that is stored afterwards: `document` itself if nothing changed. */
function changeStored(server: ServerState, collection: Collection, document: Doc, plan: Plan): Doc {
  const changed = applyChange(server.engine, document, plan.change, plan.context);
  return isSameDocument(changed, document) ? document : collection.replace(document, changed);
}

function insertUpsert(target: WriteTarget, { change, context }: Plan): Doc {
  const document = makeUpsert(target.server.engine, context.filter, change, context);
  return target.server.store.ensure(target.database, target.name).insert(document);
}

/** Answered from memory when it is a retry. */
function findAndModify(request: CommandRequest, server: ServerState): Doc {
  const known = request.retries?.recall(0);
  if (known !== undefined) return { ...known, retriedStmtId: request.retries?.recalled[0] };
  const reply = runFindAndModify(request, server);
  request.retries?.remember(0, reply);
  return reply;
}

function runFindAndModify({ database, command, name: spelling }: CommandRequest, server: ServerState): Doc {
  const name = readCollectionName(command, spelling);
  const target: WriteTarget = { server, database, name, variables: readDocumentField(command, 'let') };
  const filter = readFilter(command, 'query');
  const collection = server.store.find(database, name);
  const [document] = selectDocuments(server.engine, collection, {
    filter,
    limit: 1,
    sort: readDocumentField(command, 'sort'),
    collation: readDocumentField(command, 'collation'),
    variables: target.variables,
  });
  const isRemove = readFlag(command, 'remove', false);
  if (isRemove === (command['update'] !== undefined)) {
    throw new CommandError(9, 'Either an update or remove=true must be specified, and not both');
  }
  if (!isRemove) return modifyOne(target, command, collection, document);
  if (document !== undefined) collection?.remove(document);
  return { lastErrorObject: { n: document === undefined ? 0 : 1 }, value: shown(server, command, document) };
}

function modifyOne(
  target: WriteTarget,
  command: Doc,
  collection: Collection | undefined,
  document: Doc | undefined,
): Doc {
  const { server } = target;
  const change = readChange(command['update']);
  const plan: Plan = { change, context: contextOf(target, readFilter(command, 'query'), command) };
  const wantsNew = readFlag(command, 'new', false);
  if (document !== undefined && collection !== undefined) {
    const after = changeStored(server, collection, document, plan);
    return {
      lastErrorObject: { n: 1, updatedExisting: true },
      value: shown(server, command, wantsNew ? after : document),
    };
  }
  if (!readFlag(command, 'upsert', false)) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null };
  const inserted = insertUpsert(target, plan);
  const lastErrorObject = { n: 1, updatedExisting: false, upserted: inserted['_id'] };
  return { lastErrorObject, value: wantsNew ? shown(server, command, inserted) : null };
}

/** The document under `fields`, or null. The filter is not applied again: a changed document may not match it. */
function shown(server: ServerState, command: Doc, document: Doc | undefined): Doc | null {
  const fields = readFilter(command, 'fields');
  if (document === undefined) return null;
  if (Object.keys(fields).length === 0) return document;
  return server.engine.project([document], fields, {})[0] ?? null;
}

export const updateCommands: CommandFamily = { update, findAndModify, findandmodify: findAndModify };
