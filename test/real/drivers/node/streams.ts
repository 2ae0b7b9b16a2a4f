// Change streams that stay open until SIGTERM, while others use the same server: each client watches a collection of its
// own, and writes to it.
// Invariant: a stream is right if it saw what was written to its collection, once each, in order, and nothing else.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeStream, ChangeStreamInsertDocument, Collection, Db } from 'mongodb';
import type { LatencyRow, ProgramReport, StepResult } from '../../report.ts';
import { comment } from './comment.ts';
import type { ErrorLedger } from './error-ledger.ts';

interface Note {
  _id: number;
  stream: number;
}

type Stream = ChangeStream<Note, ChangeStreamInsertDocument<Note>>;

/** How long the last events may take when all is written. */
const LAST_EVENTS_MS = 30_000;

class WatchedCollection {
  readonly latencies: number[] = [];
  readonly #notes: Collection<Note>;
  readonly #index: number;
  readonly #sentMs: number[] = [];
  readonly #seen: Note[] = [];
  #stream: Stream | null = null;

  constructor(db: Db, index: number) {
    this.#notes = db.collection<Note>(`stream_${String(index)}`);
    this.#index = index;
  }

  /** Resolves when the stream is open at the server, so that no write can come before it. */
  async open(): Promise<void> {
    await this.#notes.drop();
    await this.#notes.db.createCollection(this.#notes.collectionName);
    this.#stream = this.#notes.watch<Note, ChangeStreamInsertDocument<Note>>([], {
      maxAwaitTimeMS: 1000,
      comment: comment('node.stream'),
    });
    await this.#stream.tryNext();
  }

  async write(pauseMs: number, stop: AbortSignal): Promise<void> {
    // Spread over the pause, else all would write at the same moment.
    await sleep(pauseMs * Math.random());
    while (!stop.aborted) {
      const note = { _id: this.#sentMs.length, stream: this.#index };
      this.#sentMs.push(performance.now());
      await this.#notes.insertOne(note, { comment: comment('node.note') });
      await sleep(pauseMs);
    }
  }

  /** Reads until the writer has ended and everything was seen, and once more for what should not be there. */
  async read(written: Promise<void>): Promise<void> {
    let deadlineMs = Infinity;
    const ended = written.finally(() => {
      deadlineMs = performance.now() + LAST_EVENTS_MS;
    });
    ended.catch(() => null);
    while (deadlineMs === Infinity || (this.#seen.length < this.#sentMs.length && performance.now() < deadlineMs)) {
      await this.#readOne();
    }
    await this.#readOne();
    await this.#stream?.close();
  }

  /** Notes written, events seen, events that should not have come where they came. */
  result(): StepResult {
    const wrong = this.#seen.filter(({ _id, stream }, at) => _id !== at || stream !== this.#index);
    return { step: `stream ${String(this.#index)}`, value: [this.#sentMs.length, this.#seen.length, wrong.length] };
  }

  async #readOne(): Promise<void> {
    const event = await this.#stream?.tryNext();
    if (event === null || event === undefined) return;
    // Of any other kind of event there is no document.
    const { _id, stream } = event.fullDocument ?? { _id: -1, stream: -1 };
    this.#seen.push({ _id, stream });
    this.latencies.push(performance.now() - (this.#sentMs[_id] ?? 0));
  }
}

export async function runStreams(
  databases: readonly Db[],
  errors: ErrorLedger,
  { pauseMs }: { readonly pauseMs: number },
): Promise<Partial<ProgramReport>> {
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const all = databases.map((db, index) => new WatchedCollection(db, index));
  await Promise.all(all.map(async (watched) => watched.open()));
  process.stderr.write('load started\n');
  await Promise.all(
    all.map(async (watched) => {
      const written = watched.write(pauseMs, stop.signal);
      await Promise.all([noted(written, errors, 'write'), noted(watched.read(written), errors, 'read')]);
    }),
  );
  return { results: all.map((watched) => watched.result()), latencies: [latencyRow(all)] };
}

async function noted(work: Promise<void>, errors: ErrorLedger, where: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    errors.add(where, error);
  }
}

/** From the sending of a write to its event. */
function latencyRow(all: readonly WatchedCollection[]): LatencyRow {
  const sorted = all.flatMap(({ latencies }) => latencies).sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { operation: 'event', count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
