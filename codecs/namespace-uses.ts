// Every collection that one command touches beside its own: joins, unions, outputs, the namespaces of a bulkWrite.
// Goes by names only: what a view hides is not seen. Called for the few commands that can have them.
// Invariants: never throws on a view that a reader returned; at most MAX_USES entries, what is beyond in the last one.

import type { CommandFields } from './command-view.ts';
import type { SkimmedCounts } from './condensed-counts.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { DecodeError } from './errors.ts';
import { MAX_PLACES, OPERATION_KINDS, type OperationTally } from './operation-tally.ts';
import { readPipelineUses } from './pipeline-uses.ts';
import { statementsPlace, visitStatements } from './statements.ts';
import { readNumber, readString } from './value.ts';

/** What a collection is to the command that names it. */
export type NamespaceRole =
  | 'primary'
  | 'lookup'
  | 'graphLookup'
  | 'unionWith'
  | 'out'
  | 'merge'
  | 'bulkWrite'
  | 'rename_to'
  | 'mapReduce_out';

/**
 * One collection in one role. Database and collection are '' in the entry that stands for all beyond MAX_USES, and for
 * those whose names were not kept of a large message.
 */
export interface NamespaceUse {
  readonly database: string;
  readonly collection: string;
  readonly role: NamespaceRole;
  /** primary: the command's statements. bulkWrite: its operations here. Else how many stages name it. */
  readonly statements: number;
  /** Of a bulkWrite, by kind; 0 in other roles. */
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
}

/** Entries of one command, the one for all others included. */
export const MAX_USES = 32;

/** Entries of a bulkWrite's nsInfo that are read: it has no more operations either (maxWriteBatchSize). */
const MAX_NS_INFO = 100_000;

interface Entry {
  database: string;
  collection: string;
  role: NamespaceRole;
  statements: number;
  inserts: number;
  updates: number;
  deletes: number;
}

/** Collects entries within the bound; the same collection in the same role is one entry. */
export class UseList {
  readonly entries: Entry[] = [];

  /** The entry to count in. */
  entry(database: string, collection: string, role: NamespaceRole): Entry {
    for (const known of this.entries) {
      if (known.collection === collection && known.database === database && known.role === role) return known;
    }
    const last = this.entries.at(-1);
    if (last !== undefined && this.entries.length === MAX_USES) return last;
    const isLast = this.entries.length === MAX_USES - 1;
    const made: Entry = {
      database: isLast ? '' : database,
      collection: isLast ? '' : collection,
      role,
      statements: 0,
      inserts: 0,
      updates: 0,
      deletes: 0,
    };
    this.entries.push(made);
    return made;
  }

  /** Counts one stage that names this collection. */
  add(database: string, collection: string, role: NamespaceRole): void {
    this.entry(database, collection, role).statements++;
  }
}

/**
 * The uses of a command, the primary one first where there is one.
 * @param counts of a condensed message: what the operations of its bulkWrite do is there and not in its bytes.
 */
export function readNamespaceUses(view: CommandFields, counts: SkimmedCounts | null = null): readonly NamespaceUse[] {
  const uses = new UseList();
  if (view.collection !== '' && view.row.secondary !== 'bulkWrite') {
    uses.entry(view.namespaceDatabase, view.collection, 'primary').statements = view.statementCount;
  }
  try {
    readSecondary(view, uses, counts);
  } catch (error) {
    // Documents of a sequence were only hopped over when the frame was read; the server will judge a malformed one.
    if (!(error instanceof DecodeError)) throw error;
  }
  return uses.entries;
}

function readSecondary(view: CommandFields, uses: UseList, counts: SkimmedCounts | null): void {
  const start = view.bodyStart;
  switch (view.row.secondary) {
    case 'none':
      return;
    case 'pipeline':
      readPipeline(view, start, uses);
      return;
    case 'bulkWrite':
      readBulkWrite(view, uses, counts);
      return;
    case 'explain':
      readExplained(view, uses);
      return;
    case 'rename':
      readRename(view, start, uses);
      return;
    case 'mapReduce':
      readMapReduce(view, start, uses);
      return;
  }
}

function body(view: CommandFields, start: number): ElementCursor {
  return new ElementCursor(view.frame.bytes, start, view.bodyEnd);
}

function readPipeline(view: CommandFields, start: number, uses: UseList): void {
  const fields = body(view, start);
  if (fields.seek('pipeline') && fields.type === BSON_TYPE.array) {
    readPipelineUses(fields, view.namespaceDatabase, uses);
  }
}

function readExplained(view: CommandFields, uses: UseList): void {
  const outer = body(view, view.bodyStart);
  if (!outer.next() || outer.type !== BSON_TYPE.document || view.explainedName === '') return;
  if (view.explainedName === 'aggregate') readPipeline(view, outer.valueStart, uses);
  else if (view.explainedName === 'mapReduce') readMapReduce(view, outer.valueStart, uses);
}

function readRename(view: CommandFields, start: number, uses: UseList): void {
  const fields = body(view, start);
  if (fields.seek('to') && fields.type === BSON_TYPE.string) {
    const { database, collection } = splitNamespace(readString(fields.bytes, fields.valueStart, fields.valueEnd));
    uses.add(database, collection, 'rename_to');
  }
}

/** `out` is a collection, or a document that says replace, merge or reduce, perhaps in another database. */
function readMapReduce(view: CommandFields, start: number, uses: UseList): void {
  const fields = body(view, start);
  if (!fields.seek('out')) return;
  if (fields.type === BSON_TYPE.string) {
    const collection = readString(fields.bytes, fields.valueStart, fields.valueEnd);
    uses.add(view.namespaceDatabase, collection, 'mapReduce_out');
    return;
  }
  if (fields.type !== BSON_TYPE.document) return;
  const out = new ElementCursor(fields.bytes, fields.valueStart, fields.valueEnd);
  let database = view.namespaceDatabase;
  let collection = '';
  while (out.next()) {
    if (out.type !== BSON_TYPE.string) continue;
    const text = readString(out.bytes, out.valueStart, out.valueEnd);
    if (out.isNamed('db')) database = text;
    else if (out.isNamed('replace') || out.isNamed('merge') || out.isNamed('reduce')) collection = text;
  }
  if (collection !== '') uses.add(database, collection, 'mapReduce_out');
}

function readBulkWrite(view: CommandFields, uses: UseList, counts: SkimmedCounts | null): void {
  const bytes = view.frame.bytes;
  const entries: Entry[] = [];
  visitStatements(view, 'nsInfo', (start, end) => {
    const info = new ElementCursor(bytes, start, end);
    const isNamed = info.seek('ns') && info.type === BSON_TYPE.string;
    const { database, collection } = splitNamespace(isNamed ? readString(bytes, info.valueStart, info.valueEnd) : '');
    entries.push(uses.entry(database, collection, 'bulkWrite'));
    return entries.length < MAX_NS_INFO;
  });
  const tally = counts?.operationsAt(statementsPlace(view, 'ops')) ?? null;
  if (counts !== null && tally !== null) {
    const namespaces = Math.max(entries.length, counts.at(statementsPlace(view, 'nsInfo')));
    addTallied(entries, tally, uses, namespaces);
    return;
  }
  visitStatements(view, 'ops', (start, end) => {
    const operation = new ElementCursor(bytes, start, end);
    if (!operation.next()) return true;
    const kind = OPERATION_KINDS.findIndex((each) => operation.isNamed(each));
    const entry = entries[readNumber(bytes, operation.type, operation.valueStart)];
    if (entry !== undefined && kind >= 0) count(entry, kind, 1);
    return true;
  });
}

/** @param namespaces entries that nsInfo had: the names of those behind the kept ones are gone, so they are one. */
function addTallied(entries: readonly Entry[], tally: OperationTally, uses: UseList, namespaces: number): void {
  for (let place = 0; place < tally.places; place++) {
    for (let kind = 0; kind < OPERATION_KINDS.length; kind++) {
      const operations = tally.count(place, kind);
      if (operations > 0 && place < namespaces) count(entries[place] ?? nameless(uses), kind, operations);
    }
  }
  for (let kind = 0; kind < OPERATION_KINDS.length; kind++) {
    const operations = tally.beyond(kind);
    if (operations > 0 && namespaces > MAX_PLACES) count(nameless(uses), kind, operations);
  }
}

function nameless(uses: UseList): Entry {
  return uses.entry('', '', 'bulkWrite');
}

function count(entry: Entry, kind: number, operations: number): void {
  entry.statements += operations;
  if (kind === 0) entry.inserts += operations;
  else if (kind === 1) entry.updates += operations;
  else entry.deletes += operations;
}

/** `db.collection` at its first dot; without one it is all collection. */
export function splitNamespace(fullName: string): { readonly database: string; readonly collection: string } {
  const dot = fullName.indexOf('.');
  return { database: fullName.slice(0, Math.max(dot, 0)), collection: fullName.slice(dot + 1) };
}
