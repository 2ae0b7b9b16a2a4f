// Every collection that one command touches beside its own: joins, unions, outputs, the namespaces of a bulkWrite.
// Goes by names only: what a view hides is not seen. Called for the few commands that can have them.
// Invariants: never throws on a view that a reader returned; at most MAX_USES entries, what is beyond in the last one.

import type { CommandFields } from './command-view.ts';
import { BSON_TYPE, ElementCursor } from './element-cursor.ts';
import { DecodeError } from './errors.ts';
import { readPipelineUses } from './pipeline-uses.ts';
import { visitStatements } from './statements.ts';
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

/** One collection in one role. Database and collection are '' in the entry that stands for all beyond MAX_USES. */
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
const KINDS = ['insert', 'update', 'delete'] as const;

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

/** The uses of a command, the primary one first where there is one. */
export function readNamespaceUses(view: CommandFields): readonly NamespaceUse[] {
  const uses = new UseList();
  if (view.collection !== '' && view.row.secondary !== 'bulkWrite') {
    uses.entry(view.namespaceDatabase, view.collection, 'primary').statements = view.statementCount;
  }
  try {
    readSecondary(view, uses);
  } catch (error) {
    // Documents of a sequence were only hopped over when the frame was read; the server will judge a malformed one.
    if (!(error instanceof DecodeError)) throw error;
  }
  return uses.entries;
}

function readSecondary(view: CommandFields, uses: UseList): void {
  const start = view.bodyStart;
  switch (view.row.secondary) {
    case 'none':
      return;
    case 'pipeline':
      readPipeline(view, start, uses);
      return;
    case 'bulkWrite':
      readBulkWrite(view, uses);
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

function readBulkWrite(view: CommandFields, uses: UseList): void {
  const bytes = view.frame.bytes;
  const entries: Entry[] = [];
  visitStatements(view, 'nsInfo', (start, end) => {
    const info = new ElementCursor(bytes, start, end);
    const isNamed = info.seek('ns') && info.type === BSON_TYPE.string;
    const { database, collection } = splitNamespace(isNamed ? readString(bytes, info.valueStart, info.valueEnd) : '');
    entries.push(uses.entry(database, collection, 'bulkWrite'));
    return entries.length < MAX_NS_INFO;
  });
  visitStatements(view, 'ops', (start, end) => {
    const operation = new ElementCursor(bytes, start, end);
    if (!operation.next()) return true;
    const kind = KINDS.findIndex((each) => operation.isNamed(each));
    const entry = entries[readNumber(bytes, operation.type, operation.valueStart)];
    if (entry === undefined || kind < 0) return true;
    entry.statements++;
    if (kind === 0) entry.inserts++;
    else if (kind === 1) entry.updates++;
    else entry.deletes++;
    return true;
  });
}

/** `db.collection` at its first dot; without one it is all collection. */
export function splitNamespace(fullName: string): { readonly database: string; readonly collection: string } {
  const dot = fullName.indexOf('.');
  return { database: fullName.slice(0, Math.max(dot, 0)), collection: fullName.slice(dot + 1) };
}
