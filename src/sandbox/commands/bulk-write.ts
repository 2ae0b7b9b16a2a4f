// bulkWrite of MongoDB 8.0: inserts, updates and deletes on several namespaces in one command, with its results in a cursor.
// The statements themselves are those of the single commands. Invariant: the counts hold every op that ran, shown or not.

import { readCount, readDocumentField, readDocuments, readFilter, readFlag, readString } from '../arguments.ts';
import { type CommandFamily, type CommandRequest, firstBatchReply, type ServerState } from '../command.ts';
import type { Doc } from '../documents.ts';
import { CommandError, codeNameOf } from '../errors.ts';
import { closingFields, runStatements, type StatementOutcome, type StatementResult } from '../statements.ts';
import type { WriteTarget } from '../write-target.ts';
import { runDelete } from './insert-delete.ts';
import { runUpdate } from './update.ts';

const CURSOR_NAMESPACE = 'admin.$cmd.bulkWrite';

type OpKind = 'insert' | 'update' | 'delete';

interface BulkOp {
  readonly kind: OpKind;
  readonly op: Doc;
  readonly target: WriteTarget;
}

function bulkWrite(request: CommandRequest, server: ServerState): Doc {
  const { database, command } = request;
  if (database !== 'admin') throw new CommandError(13, 'bulkWrite may only be run against the admin database.');
  const ops = readDocuments(command, 'ops');
  const variables = readDocumentField(command, 'let');
  const targets = readDocuments(command, 'nsInfo').map((entry) => readTarget(server, entry, variables));
  const plans = ops.map((op) => readOp(op, targets));
  const results = runStatements(request, ops, (_op, index) => runOp(plans[index]));
  const isShort = readFlag(command, 'errorsOnly', false);
  const shown = results.filter((result) => !isShort || 'error' in result).map(describe);
  const cursor = readDocumentField(command, 'cursor') ?? {};
  const batchSize = cursor['batchSize'] === undefined ? shown.length : readCount(cursor, 'batchSize', 0);
  const { writeErrors: _shownInCursor, ...closing } = closingFields(request, results);
  return {
    ...firstBatchReply(CURSOR_NAMESPACE, server.cursors.open(CURSOR_NAMESPACE, shown, batchSize)),
    ...countAll(results, plans),
    ...closing,
  };
}

function readTarget(server: ServerState, entry: Doc, variables: Doc | undefined): WriteTarget {
  const namespace = readString(entry, 'ns');
  const dot = namespace.indexOf('.');
  const [database, name] = [namespace.slice(0, Math.max(0, dot)), namespace.slice(dot + 1)];
  if (!/^[^/\\. "$\0]{1,63}$/.test(database) || name === '' || name.startsWith('.') || /[$\0]/.test(name))
    throw new CommandError(73, `Invalid namespace specified for bulkWrite: '${namespace.slice(0, 255)}'`);
  return { server, database, name, variables };
}

function readOp(op: Doc, targets: readonly WriteTarget[]): BulkOp {
  const [key = ''] = Object.keys(op);
  if (key !== 'insert' && key !== 'update' && key !== 'delete')
    throw new CommandError(40_415, `BSON field 'bulkWrite.${key.slice(0, 100)}' is an unknown field.`);
  const target = targets[readCount(op, key, 0)];
  if (target === undefined)
    throw new CommandError(2, `BulkWrite ops entry has an invalid nsInfo index: ${String(op[key]).slice(0, 20)}`);
  return { kind: key, op, target };
}

function runOp(plan: BulkOp | undefined): StatementOutcome {
  if (plan === undefined) throw new CommandError(8, 'an op without a plan');
  const { kind, op, target } = plan;
  switch (kind) {
    case 'insert':
      target.server.store.ensure(target.database, target.name).insert(readFilter(op, 'document'));
      return { n: 1 };
    case 'update':
      return runUpdate(target, { ...op, q: op['filter'], u: op['updateMods'], c: op['constants'] });
    case 'delete':
      return runDelete(target, { ...op, q: op['filter'] }, !readFlag(op, 'multi', false));
  }
}

/** One document of the result cursor. */
function describe(result: StatementResult): Doc {
  if ('outcome' in result) return { ok: 1, idx: result.index, ...result.outcome };
  const { code, message, extra } = result.error;
  return { ok: 0, idx: result.index, code, codeName: codeNameOf(code), errmsg: message, ...extra, n: 0 };
}

function countAll(results: readonly StatementResult[], plans: readonly BulkOp[]): Doc {
  const counts = { nErrors: 0, nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0 };
  for (const result of results) {
    if ('error' in result) {
      counts.nErrors += 1;
      continue;
    }
    const { n, nModified = 0, upserted } = result.outcome;
    const kind = plans[result.index]?.kind;
    if (kind === 'insert') counts.nInserted += n;
    else if (kind === 'delete') counts.nDeleted += n;
    else if (upserted !== undefined) counts.nUpserted += n;
    else counts.nMatched += n;
    counts.nModified += nModified;
  }
  return counts;
}

export const bulkWriteCommands: CommandFamily = { bulkWrite };
