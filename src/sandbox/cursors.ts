// Open cursors: the results that were not fetched yet. A cursor sees the documents as they were when it was opened.
// Invariant: neither cursors nor the documents they wait with exceed their limits; the oldest cursor goes first.

import { randomInt } from 'node:crypto';
import { type Doc, documentBytes, Long, MAX_DOCUMENT_BYTES } from './documents.ts';
import { CommandError } from './errors.ts';

const MAX_PENDING_DOCUMENTS = 4_000_000;
const FIRST_BATCH_DOCUMENTS = 101;

interface OpenCursor {
  readonly namespace: string;
  readonly documents: readonly Doc[];
  position: number;
}

/** A piece of a result: what a reply's `cursor` document is made of. */
export interface CursorBatch {
  readonly documents: Doc[];
  /** 0 when there is no more. */
  readonly id: Long;
}

/** See the head of the file. */
export class CursorTable {
  readonly #cursors = new Map<number, OpenCursor>();
  readonly #limit: number;
  #pending = 0;

  /** `limit` = open cursors at most. */
  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#cursors.size;
  }

  /** Cuts the first batch; keeps the rest under an id, unless there is none or `single`. */
  open(namespace: string, documents: readonly Doc[], batchSize: number | null, single = false): CursorBatch {
    const batch = cutBatch(documents, 0, batchSize ?? FIRST_BATCH_DOCUMENTS);
    if (single || batch.length === documents.length) return { documents: batch, id: Long.ZERO };
    const id = this.#freeId();
    this.#cursors.set(id, { namespace, documents, position: batch.length });
    this.#pending += documents.length;
    this.#dropOldest();
    return { documents: batch, id: Long.fromNumber(id) };
  }

  /** The next batch. Throws 43 for an id that is not open, 13 when it belongs to another namespace. */
  next(id: number, namespace: string, batchSize: number | null): CursorBatch {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined) throw new CommandError(43, `cursor id ${id} not found`);
    if (cursor.namespace !== namespace) {
      throw new CommandError(
        13,
        `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace`,
      );
    }
    const limit = batchSize === null || batchSize === 0 ? Number.POSITIVE_INFINITY : batchSize;
    const batch = cutBatch(cursor.documents, cursor.position, limit);
    cursor.position += batch.length;
    if (cursor.position < cursor.documents.length) return { documents: batch, id: Long.fromNumber(id) };
    this.kill(id);
    return { documents: batch, id: Long.ZERO };
  }

  /** Returns whether it was open (in this namespace, if one is given). */
  kill(id: number, namespace?: string): boolean {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined || (namespace !== undefined && cursor.namespace !== namespace)) return false;
    this.#pending -= cursor.documents.length;
    return this.#cursors.delete(id);
  }

  /** Ends the cursors of a collection that is dropped. */
  killNamespace(namespace: string): void {
    for (const [id, cursor] of this.#cursors) if (cursor.namespace === namespace) this.kill(id);
  }

  #freeId(): number {
    let id = randomInt(1, 2 ** 48 - 1);
    while (this.#cursors.has(id)) id = randomInt(1, 2 ** 48 - 1);
    return id;
  }

  #dropOldest(): void {
    for (const id of this.#cursors.keys()) {
      const isWithin = this.#cursors.size <= this.#limit && this.#pending <= MAX_PENDING_DOCUMENTS;
      if (isWithin || this.#cursors.size === 1) return;
      this.kill(id);
    }
  }
}

/** At most `limit` documents and 16 MiB, but always one so that a cursor moves on. */
function cutBatch(documents: readonly Doc[], from: number, limit: number): Doc[] {
  const batch: Doc[] = [];
  let bytes = 0;
  for (let index = from; index < documents.length && batch.length < limit; index += 1) {
    const document = documents[index];
    if (document === undefined) break;
    bytes += documentBytes(document) + 16;
    if (bytes > MAX_DOCUMENT_BYTES && batch.length > 0) break;
    batch.push(document);
  }
  return batch;
}
