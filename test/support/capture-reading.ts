// Reads a capture held in memory through src/capture and writes down what comes out, for tests.
// Invariant: a window of any size gives the same log.

import { CaptureDecoder } from '../../src/capture/capture-decoder.ts';
import type { CaptureCounts } from '../../src/capture/counts.ts';
import type { FoundConnection } from '../../src/capture/recogniser.ts';

/** What one conversation was told, in order; bytes of the same side in a row are joined. */
export interface ReadConversation {
  readonly found: FoundConnection;
  readonly events: (readonly ['client' | 'server', string] | readonly ['gap', string] | readonly ['end', string])[];
  /** Everything each side sent, gaps left out. */
  readonly client: Buffer[];
  readonly server: Buffer[];
  readonly times: number[];
}

export interface Reading {
  readonly conversations: ReadConversation[];
  readonly counts: CaptureCounts;
  /** Bytes of the last file that were left. */
  readonly left: number;
  readonly badRecords: number;
}

export interface ReadOptions {
  /** Bytes given at once; default all. */
  readonly step?: number;
  readonly maxConnections?: number;
  /** More files follow: the connections are not ended. */
  readonly isUnfinished?: boolean;
}

/** @throws CaptureError as the readers do */
export function readCapture(files: Buffer | readonly Buffer[], options: ReadOptions = {}): Reading {
  const conversations: ReadConversation[] = [];
  const decoder = new CaptureDecoder({
    ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
    open: (found) => {
      const read: ReadConversation = { found, events: [], client: [], server: [], times: [] };
      conversations.push(read);
      return readerInto(read);
    },
  });
  let left = 0;
  let badRecords = 0;
  for (const file of Buffer.isBuffer(files) ? [files] : files) {
    const reader = decoder.openFile(file.subarray(0, 4));
    let start = 0;
    for (let end = 0; end < file.length; ) {
      end = Math.min(file.length, end + (options.step ?? file.length));
      start = reader.read(file, start, end);
    }
    left = file.length - start;
    badRecords += reader.badRecords;
  }
  if (options.isUnfinished !== true) decoder.finish();
  return { conversations, counts: decoder.counts, left, badRecords };
}

function readerInto(read: ReadConversation): ReturnType<ConstructorParameters<typeof CaptureDecoder>[0]['open']> {
  const take = (side: 'client' | 'server', chunk: Buffer, nowMs: number): void => {
    const last = read.events.at(-1);
    const hex = chunk.toString('hex');
    if (last?.[0] === side) read.events[read.events.length - 1] = [side, last[1] + hex];
    else read.events.push([side, hex]);
    read[side].push(Buffer.from(chunk));
    read.times.push(nowMs);
  };
  return {
    clientBytes: (chunk, nowMs) => take('client', chunk, nowMs),
    serverBytes: (chunk, nowMs) => take('server', chunk, nowMs),
    clientGap: () => read.events.push(['gap', 'client']),
    serverGap: () => read.events.push(['gap', 'server']),
    end: (_nowMs, by) => read.events.push(['end', by]),
  };
}
