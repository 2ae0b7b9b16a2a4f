// The thread in which large zstd payloads are worked on where Node has no zstd of its own: one job in, one answer out.
// It judges nothing: zstd-thread.ts sends only what has passed the checks. The thread's code is text, because a thread of
// Node 20 cannot load TypeScript, and so it is the same in the checkout, in dist/ and in a bundle.
// Invariant: every job is answered, or the thread ends.

/** What the thread is started with. */
export interface ZstdWorkerData {
  /** Where @bokuweb/zstd-wasm is, as a URL. */
  readonly library: string;
}

/** `size` null: compress. Otherwise what may come out at most, bytes. The bytes become the thread's own. */
export interface ZstdJob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly size: number | null;
}

/** `ready` comes once, before any job is looked at; `bytes` null: the library refused the input. */
export type ZstdAnswer = { readonly kind: 'ready' } | { readonly kind: 'done'; readonly bytes: Uint8Array | null };

/**
 * CommonJS. The library's own errors begin with `Failed to`; after any other (memory, a trap) nobody knows its state, so
 * that the thread ends. It copies its results out of its memory: their buffers are nobody else's and can be transferred.
 */
export const ZSTD_WORKER_CODE: string = `
'use strict';
const { parentPort, workerData } = require('node:worker_threads');

function work(library, bytes, size) {
  try {
    return size === null ? library.compress(bytes) : library.decompress(bytes, { defaultHeapSize: size });
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Failed to ')) return null;
    throw error;
  }
}

async function serve() {
  const library = await import(workerData.library);
  await library.init();
  parentPort.on('message', ({ bytes, size }) => {
    const result = work(library, bytes, size);
    parentPort.postMessage({ kind: 'done', bytes: result }, result === null ? [] : [result.buffer]);
  });
  parentPort.postMessage({ kind: 'ready' });
}

serve();
`;
