// Change streams on a fake clock: a server that holds each getMore until there is an event or its time is over, and clients
// that ask again at once. Invariants: a parked getMore is answered once; each empty batch has a resume token of its own.

import type { BsonDocument } from '../../codecs/index.ts';
import type { ServerRequest } from './fake-server.ts';
import type { Rig } from './rig.ts';
import { cursorReply, session, type TestClient } from './test-client.ts';

const DEFAULT_AWAIT_MS = 1000;

/** A getMore as the server saw it. */
export interface Turn {
  readonly id: bigint;
  readonly maxTimeMS: number | undefined;
  readonly atMs: number;
}

export class StreamServer {
  readonly turns: Turn[] = [];
  readonly #rig: Rig;
  readonly #parked: Map<bigint, ServerRequest> = new Map();
  readonly #events: Map<bigint, BsonDocument[]> = new Map();
  #token = 0;

  /** From now on the server answers getMores by itself. */
  constructor(rig: Rig) {
    this.#rig = rig;
    rig.server.respond = (request) => {
      if (request.name === 'getMore') this.#onGetMore(request);
      return undefined;
    };
  }

  /** The token of the latest empty batch. */
  get token(): number {
    return this.#token;
  }

  isParked(id: bigint): boolean {
    return this.#parked.has(id);
  }

  /** Something happened in the collection that this cursor watches. */
  emit(id: bigint, event: BsonDocument): void {
    this.#events.set(id, [...(this.#events.get(id) ?? []), event]);
    const request = this.#parked.get(id);
    if (request !== undefined) this.#answer(id, request);
  }

  #onGetMore(request: ServerRequest): void {
    const { clock } = this.#rig;
    const id = BigInt(request.document['getMore'] as bigint);
    const maxTimeMS = request.document['maxTimeMS'] as number | undefined;
    this.turns.push({ id, maxTimeMS, atMs: clock.nowMs() });
    if (this.#events.has(id)) {
      clock.onTurnEnd(() => this.#answer(id, request));
      return;
    }
    this.#parked.set(id, request);
    clock.setTimer(maxTimeMS ?? DEFAULT_AWAIT_MS, () => {
      if (this.#parked.get(id) === request) this.#answer(id, request);
    });
  }

  #answer(id: bigint, request: ServerRequest): void {
    const nextBatch = this.#events.get(id) ?? [];
    this.#events.delete(id);
    this.#parked.delete(id);
    if (nextBatch.length === 0) this.#token++;
    if (!request.connection.isGone) request.reply(streamReply(id, nextBatch, this.#token));
  }
}

/** A getMore's answer as servers send it to a change stream. */
export function streamReply(id: bigint, nextBatch: readonly BsonDocument[], token: number): BsonDocument {
  return { cursor: { nextBatch, postBatchResumeToken: { _data: token }, id, ns: 'shop.log' } };
}

/** A client with one open change stream. */
export class Watcher {
  readonly client: TestClient;
  readonly id: bigint;
  readonly #lsid: BsonDocument;
  readonly #before: number;

  constructor(rig: Rig, id: bigint, app: string) {
    this.id = id;
    this.#lsid = session(Number(id));
    this.client = rig.app(app);
    this.client.send({ aggregate: 'log', pipeline: [{ $changeStream: {} }], cursor: {}, lsid: this.#lsid });
    rig.answer('aggregate', cursorReply(id, 'log'));
    this.#before = this.client.replies.length;
  }

  ask(extra: BsonDocument = {}, flags = 0): void {
    this.client.send({ getMore: this.id, collection: 'log', lsid: this.#lsid, ...extra }, flags);
  }

  /** Its getMore's answers so far. */
  get answers(): readonly BsonDocument[] {
    return this.client.replies.slice(this.#before).map(({ document }) => document);
  }

  get last(): BsonDocument {
    return this.answers.at(-1) ?? {};
  }

  /** The documents of its last answer. */
  get batch(): unknown {
    return (this.last['cursor'] as Record<string, unknown> | undefined)?.['nextBatch'];
  }

  get token(): unknown {
    const cursor = this.last['cursor'] as Record<string, unknown> | undefined;
    return (cursor?.['postBatchResumeToken'] as Record<string, unknown> | undefined)?.['_data'];
  }
}

/** Watchers with the ids from 100, each an application of its own. */
export function openStreams(rig: Rig, count: number): Watcher[] {
  return Array.from({ length: count }, (_, index) => new Watcher(rig, BigInt(100 + index), `watcher ${index}`));
}
