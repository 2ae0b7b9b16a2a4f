// One index of a collection: its description, and for a unique one the keys that are taken.
// Other indexes are descriptions only: every query that does not name `_id` reads the whole collection.
// Invariant: `#owners` holds exactly the keys of the documents that were added and not removed.

import { canonicalKey, type Doc } from './documents.ts';
import type { Matcher } from './engine.ts';
import { CommandError } from './errors.ts';
import { keysAt, visitPath } from './paths.ts';

/** An index as createIndexes asks for it. */
export interface IndexSpec {
  readonly name: string;
  readonly key: Doc;
  readonly unique: boolean;
  readonly sparse: boolean;
  /** The spec as it was sent, shown by listIndexes. */
  readonly description: Doc;
  /** Documents outside the partial filter are not indexed. */
  readonly partial: Matcher | null;
}

/** See the head of the file. */
export class CollectionIndex {
  readonly spec: IndexSpec;
  readonly #paths: readonly (readonly string[])[];
  readonly #owners = new Map<string, string>();

  constructor(spec: IndexSpec) {
    this.spec = spec;
    this.#paths = Object.keys(spec.key).map((path) => path.split('.'));
  }

  /** Throws 11000 if another document than `owner` holds one of the document's keys. */
  check(document: Doc, owner: string, namespace: string): void {
    for (const [key, values] of this.#keysOf(document)) {
      const holder = this.#owners.get(key);
      if (holder !== undefined && holder !== owner) throw this.#duplicate(values, namespace);
    }
  }

  add(document: Doc, owner: string): void {
    for (const key of this.#keysOf(document).keys()) this.#owners.set(key, owner);
  }

  remove(document: Doc): void {
    for (const key of this.#keysOf(document).keys()) this.#owners.delete(key);
  }

  /** The values of each key, by a text that is equal exactly for equal keys. */
  #keysOf(document: Doc): Map<string, readonly unknown[]> {
    const { unique, partial, sparse } = this.spec;
    const keys = new Map<string, readonly unknown[]>();
    if (!unique || (partial !== null && !partial.test(document))) return keys;
    if (sparse && !this.#paths.some((parts) => isThere(document, parts))) return keys;
    const lists = this.#paths.map((parts) => keysAt(document, parts));
    if (lists.filter((list) => list.length > 1).length > 1) throw new CommandError(171, 'cannot index parallel arrays');
    const longest = Math.max(...lists.map((list) => list.length));
    for (let index = 0; index < longest; index += 1) {
      const values = lists.map((list) => (list.length === 1 ? list[0] : list[index]));
      keys.set(values.map(keyText).join(''), values);
    }
    return keys;
  }

  #duplicate(values: readonly unknown[], namespace: string): CommandError {
    const { name, key } = this.spec;
    const names = Object.keys(key);
    const keyValue = Object.fromEntries(names.map((path, index) => [path, values[index] ?? null]));
    const shown = names.map((path) => `${path}: ${showValue(keyValue[path])}`).join(', ');
    const message = `E11000 duplicate key error collection: ${namespace} index: ${name} dup key: { ${shown} }`;
    return new CommandError(11_000, message, { keyPattern: key, keyValue });
  }
}

function isThere(document: Doc, parts: readonly string[]): boolean {
  return visitPath(document, parts, (value) => value !== undefined);
}

/** An empty array is a key of its own, beside null. The length keeps neighbours apart. */
function keyText(value: unknown): string {
  const text = value === undefined ? 'empty' : canonicalKey(value);
  return `${text.length}:${text}`;
}

/** A value as the server's duplicate key message shows it, cut to a bounded length. */
export function showValue(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : isObjectId(value)
        ? `ObjectId('${value.toHexString()}')`
        : JSON.stringify(value);
  return (text ?? 'null').slice(0, 200);
}

function isObjectId(value: unknown): value is { toHexString(): string } {
  return typeof value === 'object' && value !== null && '_bsontype' in value && value._bsontype === 'ObjectId';
}
