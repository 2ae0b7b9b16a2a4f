// The main thread's side of zstd-worker.ts: one thread, started at the first use, one job at a time, others in a queue.
// It checks no sizes: its caller has. What the thread cannot take is worked on here, on the event loop.
// Invariants: `done` is called exactly once and never before the call returns; the queue is bounded; the process is kept
// alive by a job, never by the thread.

import { Worker } from 'node:worker_threads';
import type { CompressorDone } from './compressor.ts';
import { settle } from './compressors-zlib.ts';
import { ZSTD_WORKER_CODE, type ZstdAnswer, type ZstdJob, type ZstdWorkerData } from './zstd-worker.ts';

/** Sets timers, as a Clock does: calls back once, unless cancelled before. */
export interface ThreadTimers {
  setTimer(delayMs: number, fire: () => void): { cancel(): void };
}

/** The same work on the event loop. `size` null: compress; otherwise the cap of what comes out. Throws what it likes. */
export type ZstdHere = (payload: Buffer, size: number | null) => Buffer;

/** Jobs that wait for the thread. Their bytes are held by connections anyway, at most one for each. */
const MAX_WAITING = 256;
/** Bytes in or out, whichever is more, of the jobs that wait: four of the largest messages. */
const MAX_WAITING_BYTES = 192_000_000;
/** The largest message takes less than a second. Twice in a row, so that a process that was stopped is not misjudged. */
export const THREAD_PATIENCE_MS = 10_000;

interface Job {
  readonly payload: Buffer;
  readonly size: number | null;
  readonly cost: number;
  readonly done: CompressorDone;
}

export interface ZstdThreadOptions {
  readonly workHere: ZstdHere;
  /** Where @bokuweb/zstd-wasm is, as a URL. */
  readonly library: string;
  /** What runs instead of the thread's own code: tests of dying and hanging ones. */
  readonly code?: string;
}

export class ZstdThread {
  readonly #workHere: ZstdHere;
  readonly #library: string;
  readonly #code: string;
  #timers: ThreadTimers | null = null;
  #timer: { cancel(): void } | null = null;
  #worker: Worker | null = null;
  #isReady = false;
  #current: Job | null = null;
  readonly #waiting: Job[] = [];
  #waitingBytes = 0;

  constructor({ workHere, library, code = ZSTD_WORKER_CODE }: ZstdThreadOptions) {
    this.#workHere = workHere;
    this.#library = library;
    this.#code = code;
  }

  /** From now on a thread that is silent for {@link THREAD_PATIENCE_MS}, twice, is ended. Without timers one may hang. */
  watch(timers: ThreadTimers): void {
    this.#timers = timers;
  }

  /** @param size null to compress, otherwise the cap of what may come out. The payload must stay unchanged until `done`. */
  work(payload: Buffer, size: number | null, done: CompressorDone): void {
    const job = { payload, size, cost: Math.max(payload.length, size ?? 0), done };
    if (this.#current === null) {
      this.#begin(job);
    } else if (this.#waiting.length < MAX_WAITING && this.#waitingBytes + job.cost <= MAX_WAITING_BYTES) {
      this.#waiting.push(job);
      this.#waitingBytes += job.cost;
    } else {
      // A failure would cost a connection; time on the event loop costs all of them a little, and slows down what comes in.
      this.#doHere(job);
    }
  }

  /** Afterwards the job is the current one, or is done here. */
  #begin(job: Job): void {
    try {
      this.#worker ??= this.#start();
      const worker = this.#worker;
      // A copy: what is transferred is lost here, and the payload shares its memory with its message and others.
      const bytes = new Uint8Array(job.payload);
      const message: ZstdJob = { bytes, size: job.size };
      worker.postMessage(message, [bytes.buffer]);
      worker.ref();
      this.#current = job;
      this.#awaitAnswer(worker, false);
    } catch {
      // No thread may be had here (Node's permission model, a limit of the system).
      this.#doHere(job);
    }
  }

  #start(): Worker {
    const workerData: ZstdWorkerData = { library: this.#library };
    // No flags: this process's own may be none of a thread.
    const worker = new Worker(this.#code, { eval: true, workerData, execArgv: [] });
    this.#isReady = false;
    worker.on('message', (answer: ZstdAnswer) => {
      if (worker !== this.#worker) return;
      if (answer.kind === 'ready') this.#isReady = true;
      else this.#finish(answer.bytes);
    });
    // What it died of says nothing that is fit for a peer; its exit follows, and is what counts.
    worker.on('error', () => undefined);
    worker.on('exit', () => this.#lose(worker));
    return worker;
  }

  #awaitAnswer(worker: Worker, isLast: boolean): void {
    this.#timer?.cancel();
    this.#timer =
      this.#timers?.setTimer(THREAD_PATIENCE_MS, () => {
        if (!isLast) {
          this.#awaitAnswer(worker, true);
          return;
        }
        void worker.terminate();
        this.#lose(worker);
      }) ?? null;
  }

  #finish(bytes: Uint8Array | null): void {
    const job = this.#release();
    if (job === null) return;
    if (bytes === null) job.done(new Error('zstd refused the payload'), null);
    else job.done(null, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  /** The thread is gone: what it held fails, unless it never came up. The next job gets a new one. */
  #lose(worker: Worker): void {
    if (worker !== this.#worker) return;
    this.#worker = null;
    const wasReady = this.#isReady;
    const job = this.#release();
    if (job === null) return;
    if (wasReady) job.done(new Error('the zstd thread ended'), null);
    else this.#doHere(job);
  }

  /** Gives up the current job, and begins the next one. */
  #release(): Job | null {
    const job = this.#current;
    this.#timer?.cancel();
    this.#timer = null;
    this.#current = null;
    while (this.#current === null) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#waitingBytes -= next.cost;
      this.#begin(next);
    }
    if (this.#current === null) this.#worker?.unref();
    return job;
  }

  /** Never before work() returns: who calls it has prepared for later. */
  #doHere({ payload, size, done }: Job): void {
    queueMicrotask(() => settle(() => this.#workHere(payload, size), done));
  }
}
