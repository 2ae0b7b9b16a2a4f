// The documents of one namespace, by canonical `_id`, in the order they were inserted.
// It checks ids, sizes, unique indexes and the budget of bytes; it knows no query language.
// Invariant: a stored document is never changed, only replaced, so cursors and replies may hold it.

import {
  canonicalKey,
  copyDocument,
  type Doc,
  documentBytes,
  isDocument,
  MAX_DOCUMENT_BYTES,
  ObjectId,
} from './documents.ts';
import { CommandError } from './errors.ts';
import { CollectionIndex, type IndexSpec, showValue } from './unique-index.ts';

/** Charged per document beside its BSON bytes, so that a flood of empty documents meets the limit too. */
const OVERHEAD_BYTES = 128;
const MAX_INDEXES = 64;

/** Bytes that all collections of a sandbox share. */
export class ByteBudget {
  readonly limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Charges the difference, or throws 14031 and charges nothing. A negative one is given back. */
  charge(bytes: number): void {
    if (bytes > 0 && this.usedBytes + bytes > this.limitBytes) {
      throw new CommandError(14_031, `the sandbox holds at most ${this.limitBytes} bytes of documents`);
    }
    this.usedBytes += bytes;
  }
}

/** See the head of the file. */
export class Collection {
  readonly database: string;
  readonly name: string;
  /** Options of `create`, shown by listCollections. */
  readonly options: Doc;
  readonly #budget: ByteBudget;
  readonly #documents = new Map<string, Doc>();
  readonly #indexes = new Map<string, CollectionIndex>();
  #bytes = 0;

  constructor(database: string, name: string, options: Doc, budget: ByteBudget) {
    this.database = database;
    this.name = name;
    this.options = options;
    this.#budget = budget;
  }

  get namespace(): string {
    return `${this.database}.${this.name}`;
  }

  get count(): number {
    return this.#documents.size;
  }

  /** BSON bytes and overhead of all documents. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All documents, oldest first. */
  all(): IterableIterator<Doc> {
    return this.#documents.values();
  }

  /** The document with this `_id`. */
  byId(id: unknown): Doc | undefined {
    return this.#documents.get(canonicalKey(id));
  }

  /** Stores a copy with `_id` first, made up if missing, and returns it. Throws 11000, 53, 10334, 14031. */
  insert(document: Doc): Doc {
    const stored = withId(document);
    const key = canonicalKey(stored['_id']);
    if (this.#documents.has(key)) throw this.#duplicateId(stored['_id']);
    for (const index of this.#indexes.values()) index.check(stored, key, this.namespace);
    this.#charge(checkedBytes(stored));
    this.#documents.set(key, stored);
    for (const index of this.#indexes.values()) index.add(stored, key);
    return stored;
  }

  /** Puts `next` in the place of `previous`, which is stored here. Throws 66 if the `_id` differs, 11000, 10334, 14031. */
  replace(previous: Doc, next: Doc): Doc {
    const stored = withId(next);
    const key = canonicalKey(previous['_id']);
    if (canonicalKey(stored['_id']) !== key) {
      throw new CommandError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
    }
    for (const index of this.#indexes.values()) index.check(stored, key, this.namespace);
    this.#charge(checkedBytes(stored) - checkedBytes(previous));
    for (const index of this.#indexes.values()) {
      index.remove(previous);
      index.add(stored, key);
    }
    this.#documents.set(key, stored);
    return stored;
  }

  remove(document: Doc): void {
    if (!this.#documents.delete(canonicalKey(document['_id']))) return;
    this.#charge(-checkedBytes(document));
    for (const index of this.#indexes.values()) index.remove(document);
  }

  clear(): void {
    this.#charge(-this.#bytes);
    this.#documents.clear();
    for (const [name, index] of this.#indexes) this.#indexes.set(name, new CollectionIndex(index.spec));
  }

  /** Adds an index unless one of its name is there. Throws 11000 if the documents break it, 67, 85 and 86. Returns whether it is new. */
  addIndex(spec: IndexSpec): boolean {
    const known = this.#indexes.get(spec.name);
    if (known !== undefined) {
      if (canonicalKey(known.spec.key) === canonicalKey(spec.key)) return false;
      throw new CommandError(86, `An existing index has the same name as the requested index: ${spec.name}`);
    }
    this.#refuseSameKey(spec);
    if (this.#indexes.size >= MAX_INDEXES - 1) throw new CommandError(67, 'add index fails, too many indexes');
    const index = new CollectionIndex(spec);
    for (const [key, document] of this.#documents) {
      index.check(document, key, this.namespace);
      index.add(document, key);
    }
    this.#indexes.set(spec.name, index);
    return true;
  }

  /** Returns whether there was one. */
  dropIndex(name: string): boolean {
    return this.#indexes.delete(name);
  }

  /** The indexes beside `_id_`. */
  indexes(): IndexSpec[] {
    return [...this.#indexes.values()].map((index) => index.spec);
  }

  #refuseSameKey(spec: IndexSpec): void {
    for (const known of this.indexes()) {
      const isSame =
        canonicalKey(known.key) === canonicalKey(spec.key) && (known.partial === null) === (spec.partial === null);
      if (isSame) throw new CommandError(85, `Index already exists with a different name: ${known.name}`);
    }
  }

  #charge(bytes: number): void {
    this.#budget.charge(bytes);
    this.#bytes += bytes;
  }

  #duplicateId(id: unknown): CommandError {
    const message = `E11000 duplicate key error collection: ${this.namespace} index: _id_ dup key: { _id: ${showValue(id)} }`;
    return new CommandError(11_000, message, { keyPattern: { _id: 1 }, keyValue: { _id: id } });
  }
}

function withId(document: Doc): Doc {
  const copy = copyDocument(document);
  const id = copy['_id'] === undefined ? new ObjectId() : copy['_id'];
  if (Array.isArray(id) || id instanceof RegExp) {
    throw new CommandError(53, `The '_id' value cannot be of type ${Array.isArray(id) ? 'array' : 'regex'}`);
  }
  if (isDocument(id) && Object.keys(id).some((key) => key.startsWith('$'))) {
    throw new CommandError(52, "_id fields may not contain '$'-prefixed fields");
  }
  return Object.keys(copy)[0] === '_id'
    ? copy
    : { _id: id, ...copy, ...(copy['_id'] === undefined ? { _id: id } : {}) };
}

function checkedBytes(document: Doc): number {
  const bytes = documentBytes(document);
  if (bytes > MAX_DOCUMENT_BYTES) throw new CommandError(10_334, `object to insert too large, size in bytes: ${bytes}`);
  return bytes + OVERHEAD_BYTES;
}
