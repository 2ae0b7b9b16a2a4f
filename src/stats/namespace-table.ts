// Which collections operations touch, and as what: their own, joined, read by a union, written by $out, part of a bulkWrite.
// One operation counts once in each entry it names, so the sum over entries is more than the operations; the operation table
// has those. Invariant: admission is first come, at most maxEntries and `other`; an entry never vanishes or decreases.

import { cleanLabel } from './label.ts';

/** Entries beside `other`: more than people have collections. */
export const MAX_NAMESPACES = 2000;

const OTHER_LABEL = 'other';
/** The role of an operation's own collection. */
const PRIMARY = 'primary';

/** What an operation says of one collection (codecs' NamespaceUse). */
export interface NamespaceMention {
  readonly database: string;
  readonly collection: string;
  readonly role: string;
  readonly statements: number;
}

export class NamespaceEntry {
  readonly database: string;
  readonly collection: string;
  readonly command: string;
  readonly role: string;
  /** Operations begun that name it in this role. */
  operations = 0;
  /** Documents inserted, updates, deletes, operations of a bulkWrite; for joins and outputs the stages that name it. */
  statements = 0;

  constructor(database: string, collection: string, command: string, role: string) {
    this.database = database;
    this.collection = collection;
    this.command = command;
    this.role = role;
  }

  add(statements: number): void {
    this.operations += 1;
    this.statements += statements;
  }
}

/** One row of the JSON API. */
export interface NamespaceReportRow {
  readonly db: string;
  readonly collection: string;
  readonly command: string;
  readonly role: string;
  readonly operations: number;
  readonly statements: number;
}

/** A copy of its own: a text cut out of a message would keep that whole message alive. */
function ownLabel(text: string): string {
  return Buffer.from(cleanLabel(text)).toString();
}

export class NamespaceTable {
  /** Where everything is counted that found the table full, or that a command named beyond its own bound. */
  readonly other: NamespaceEntry = new NamespaceEntry(OTHER_LABEL, OTHER_LABEL, OTHER_LABEL, OTHER_LABEL);
  readonly #maxEntries: number;
  readonly #entries: NamespaceEntry[] = [this.other];
  // Keys are clean labels joined with NUL, which they cannot contain.
  readonly #byKey: Map<string, NamespaceEntry> = new Map();

  constructor(maxEntries: number = MAX_NAMESPACES) {
    this.#maxEntries = maxEntries;
  }

  /** All entries in the order of their admission, `other` first. Only ever appended to. */
  entries(): readonly NamespaceEntry[] {
    return this.#entries;
  }

  /**
   * The entry of a row's own collection, null where it has none; a bulkWrite names its collections itself (countFurther).
   * Asked once a row, so that operations count without a look-up.
   */
  primary(database: string, collection: string, command: string): NamespaceEntry | null {
    if (collection === '' || command === 'bulkWrite') return null;
    return this.#entry(database, collection, command, PRIMARY);
  }

  /** Counts what an operation touches beside its own collection. */
  countFurther(command: string, mentions: readonly NamespaceMention[]): void {
    for (const { database, collection, role, statements } of mentions) {
      if (role === PRIMARY) continue;
      const entry = collection === '' ? this.other : this.#entry(database, collection, command, role);
      entry.add(statements);
    }
  }

  /** The busiest `limit` entries that were used, and how many there are in all. */
  page(limit: number = Infinity): { readonly rows: readonly NamespaceReportRow[]; readonly total: number } {
    const used = this.#entries.filter((entry) => entry.operations > 0);
    const busiest = used.sort((a, b) => b.operations - a.operations || compare(nameOf(a), nameOf(b))).slice(0, limit);
    return { rows: busiest.map(report), total: used.length };
  }

  // Four texts, as the key is: called once a row, and for the few commands that name several collections.
  #entry(database: string, collection: string, command: string, role: string): NamespaceEntry {
    const labels = [database, collection, command, role].map((text) => cleanLabel(text));
    const key = labels.join('\0');
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.#entries.length > this.#maxEntries) return this.other;
    const [db = '', name = '', verb = '', as = ''] = labels.map(ownLabel);
    const made = new NamespaceEntry(db, name, verb, as);
    this.#byKey.set([db, name, verb, as].join('\0'), made);
    this.#entries.push(made);
    return made;
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function nameOf({ database, collection, command, role }: NamespaceEntry): string {
  return [database, collection, command, role].join('\0');
}

function report(entry: NamespaceEntry): NamespaceReportRow {
  const { database, collection, command, role, operations, statements } = entry;
  return { db: database, collection, command, role, operations, statements };
}
