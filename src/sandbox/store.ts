// Databases and collections, in memory, gone when the sandbox stops. It knows no commands.
// Invariant: collections and bytes are bounded; a collection that was dropped has given its bytes back.

import { ByteBudget, Collection } from './collection.ts';
import type { Doc } from './documents.ts';
import { CommandError } from './errors.ts';

const MAX_COLLECTIONS = 10_000;

/** See the head of the file. */
export class Store {
  readonly #databases = new Map<string, Map<string, Collection>>();
  readonly #budget: ByteBudget;
  #collections = 0;

  constructor(limitBytes: number) {
    this.#budget = new ByteBudget(limitBytes);
  }

  find(database: string, name: string): Collection | undefined {
    return this.#databases.get(database)?.get(name);
  }

  /** The collection, created if it is not there, as a first insert does. Throws 73 for names, 14031 for too many. */
  ensure(database: string, name: string): Collection {
    return this.find(database, name) ?? this.create(database, name, {});
  }

  /** Throws 48 if it exists. */
  create(database: string, name: string, options: Doc): Collection {
    if (this.find(database, name) !== undefined) {
      throw new CommandError(48, `Collection ${database}.${name} already exists.`);
    }
    if (Buffer.byteLength(database) + Buffer.byteLength(name) > 254)
      throw new CommandError(73, 'the namespace is too long');
    if (this.#collections >= MAX_COLLECTIONS) {
      throw new CommandError(14_031, `the sandbox holds at most ${MAX_COLLECTIONS} collections`);
    }
    const collections = this.#databases.get(database) ?? new Map<string, Collection>();
    const collection = new Collection(database, name, options, this.#budget);
    collections.set(name, collection);
    this.#databases.set(database, collections);
    this.#collections += 1;
    return collection;
  }

  /** Returns whether it was there. */
  drop(database: string, name: string): boolean {
    const collections = this.#databases.get(database);
    const collection = collections?.get(name);
    if (collections === undefined || collection === undefined) return false;
    collection.clear();
    collections.delete(name);
    this.#collections -= 1;
    if (collections.size === 0) this.#databases.delete(database);
    return true;
  }

  dropDatabase(database: string): void {
    for (const collection of this.collections(database)) this.drop(database, collection.name);
  }

  databases(): string[] {
    return [...this.#databases.keys()].sort();
  }

  collections(database: string): Collection[] {
    return [...(this.#databases.get(database)?.values() ?? [])];
  }
}
