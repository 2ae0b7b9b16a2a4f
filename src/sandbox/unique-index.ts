// One index of a collection: its description, and for a unique one the keys that are taken.
// Other indexes are descriptions only: every query that does not name `_id` reads the whole collection.
// Invariant: `#owners` holds exactly the keys of the documents that were added and not removed.

import { canonicalKey, type Doc, isDocument } from './documents.ts';
import type { Matcher } from './engine.ts';
import { CommandError } from './errors.ts';

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
  readonly #paths: readonly string[];
  readonly #owners = new Map<string, string>();

  constructor(spec: IndexSpec) {
    this.spec = spec;
    this.#paths = Object.keys(spec.key);
  }

  /** Throws 11000 if another document than `owner` holds one of the document's keys. */
  check(document: Doc, owner: string, namespace: string): void {
    for (const key of this.#keysOf(document)) {
      const holder = this.#owners.get(key);
      if (holder !== undefined && holder !== owner) throw this.#duplicate(document, namespace);
    }
  }

  add(document: Doc, owner: string): void {
    for (const key of this.#keysOf(document)) this.#owners.set(key, owner);
  }

  remove(document: Doc): void {
    for (const key of this.#keysOf(document)) this.#owners.delete(key);
  }

  #keysOf(document: Doc): string[] {
    if (!this.spec.unique) return [];
    if (this.spec.partial !== null && !this.spec.partial.test(document)) return [];
    const values = this.#paths.map((path) => indexedValues(document, path.split('.')));
    if (this.spec.sparse && values.every((list) => list.length === 0)) return [];
    if (values.filter((list) => list.length > 1).length > 1)
      throw new CommandError(171, 'cannot index parallel arrays');
    let keys = [''];
    for (const list of values) {
      const texts = list.length === 0 ? ['null'] : list.map(canonicalKey);
      keys = keys.flatMap((prefix) => texts.map((text) => `${prefix}${text.length}:${text}`));
    }
    return [...new Set(keys)];
  }

  #duplicate(document: Doc, namespace: string): CommandError {
    const { name, key } = this.spec;
    const keyValue = Object.fromEntries(this.#paths.map((path) => [path, firstValue(document, path)]));
    const shown = this.#paths.map((path) => `${path}: ${showValue(keyValue[path])}`).join(', ');
    const message = `E11000 duplicate key error collection: ${namespace} index: ${name} dup key: { ${shown} }`;
    return new CommandError(11_000, message, { keyPattern: key, keyValue });
  }
}

/** Every value at a dotted path, arrays entered as a multikey index does. */
function indexedValues(value: unknown, parts: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => indexedValues(item, parts));
  const [part, ...rest] = parts;
  if (part === undefined) return [value];
  if (!isDocument(value) || !Object.hasOwn(value, part)) return [];
  return indexedValues(value[part], rest);
}

function firstValue(document: Doc, path: string): unknown {
  return indexedValues(document, path.split('.'))[0] ?? null;
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
