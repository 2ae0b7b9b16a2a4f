// One command of the script that runs on the sandbox and on a real server, and short ways to write such commands down.
// It sends nothing. Invariant: every name in the script is unique, because docs/sandbox-differences.md refers to names.

/** A command or a part of one. Values are plain, or classes of bson where a type matters. */
export type Doc = Record<string, unknown>;

/** See the head of the file. Commands run in order on one database, so a rule may lean on those before it. */
export interface Rule {
  readonly name: string;
  readonly command: Doc;
  /** Default: the database of the script. */
  readonly database?: string;
}

/** A table: commands by name, each name made unique by the table's own. */
export function table(
  topic: string,
  commands: readonly (readonly [name: string, command: Doc, database?: string])[],
): Rule[] {
  return commands.map(([name, command, database]) => ({
    name: `${topic}: ${name}`,
    command,
    ...(database === undefined ? {} : { database }),
  }));
}

/** Documents to insert. */
export function insert(collection: string, documents: readonly Doc[], extra: Doc = {}): Doc {
  return { insert: collection, documents, ...extra };
}

/** A find; the order of what it gives back is made certain by `_id` unless `extra` sorts. */
export function find(collection: string, filter: Doc = {}, extra: Doc = {}): Doc {
  return { find: collection, filter, sort: { _id: 1 }, ...extra };
}

/** A find that gives only `_id`: which documents match. */
export function idsOf(collection: string, filter: Doc, extra: Doc = {}): Doc {
  return find(collection, filter, { projection: { _id: 1 }, ...extra });
}

/** An update with one statement. */
export function update(collection: string, q: Doc, u: unknown, extra: Doc = {}): Doc {
  return { update: collection, updates: [{ q, u, ...extra }] };
}

/** findAndModify that gives the document as it is afterwards: a change and its check in one command. */
export function change(collection: string, query: Doc, modifier: unknown, extra: Doc = {}): Doc {
  return { findAndModify: collection, query, update: modifier, new: true, ...extra };
}

/** An aggregate with a cursor. */
export function aggregate(collection: string, pipeline: readonly Doc[], extra: Doc = {}): Doc {
  return { aggregate: collection, pipeline, cursor: {}, ...extra };
}
