// Reads a recording of `weir record` for `weir decode`: its chunks go to conversations, like the bytes of a capture.
// It parses no line (recording/reader.ts does). Invariant: every conversation that was opened is ended, at the latest with
// the file.

import { TextDecoder } from 'node:util';
import type { ConversationReader } from '../capture/recogniser.ts';
import type { RecordedItem, RecordedOpen } from '../recording/format.ts';
import { RecordingReader } from '../recording/reader.ts';
import type { FoundEnds } from './decode-run.ts';
import type { WindowReader } from './decode-source.ts';

export interface RecordingFeedParts {
  readonly open: (ends: FoundEnds, nowMs: number) => ConversationReader | null;
  readonly counts: RecordedCounts;
}

/** Over all recordings. Milliseconds since the start of each; Infinity and -Infinity before the first chunk. */
export interface RecordedCounts {
  chunks: number;
  bytes: number;
  firstMs: number;
  lastMs: number;
}

/** Connections open at once in one file; recordings have at most a hundred. */
const MAX_OPEN = 10_000;

export class RecordingFeed implements WindowReader {
  readonly #parts: RecordingFeedParts;
  readonly #reader: RecordingReader = new RecordingReader((item) => this.#take(item));
  readonly #text: TextDecoder = new TextDecoder();
  /** null: opened, but a filter leaves it out. */
  readonly #open: Map<number, ConversationReader | null> = new Map();
  #lastMs = 0;

  constructor(parts: RecordingFeedParts) {
    this.#parts = parts;
  }

  /** @throws RecordingError */
  read(bytes: Buffer, start: number, end: number): number {
    this.#reader.push(this.#text.decode(bytes.subarray(start, end), { stream: true }));
    return end;
  }

  /** @throws RecordingError */
  finish(): string | null {
    try {
      this.#reader.finish();
      return null;
    } finally {
      for (const conversation of this.#open.values()) conversation?.end(this.#lastMs, 'capture');
      this.#open.clear();
    }
  }

  #take(item: RecordedItem): void {
    if (item.kind === 'header') return;
    this.#lastMs = item.atMs;
    switch (item.kind) {
      case 'open':
        this.#end(item.connection);
        this.#begin(item.connection, item);
        return;
      case 'end':
        this.#end(item.connection);
        return;
      case 'chunk':
        this.#note(item.atMs, item.bytes.length);
        if (!this.#open.has(item.connection)) this.#begin(item.connection, null);
        if (item.from === 'client') this.#open.get(item.connection)?.clientBytes(item.bytes, item.atMs);
        else this.#open.get(item.connection)?.serverBytes(item.bytes, item.atMs);
        return;
      default:
        return item satisfies never;
    }
  }

  #note(atMs: number, bytes: number): void {
    const { counts } = this.#parts;
    counts.chunks += 1;
    counts.bytes += bytes;
    counts.firstMs = Math.min(counts.firstMs, atMs);
    counts.lastMs = Math.max(counts.lastMs, atMs);
  }

  #begin(connection: number, opened: RecordedOpen | null): void {
    if (this.#open.size >= MAX_OPEN) this.#end(this.#open.keys().next().value as number);
    const client = opened?.address ?? '';
    const colon = client.lastIndexOf(':');
    const ends = {
      clientHost: client.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1'),
      clientPort: Number(client.slice(colon + 1)) || 0,
      client,
      // Cursor ids are the server's; a recording tells by which listener of weir it was reached.
      server: opened?.listener ?? '',
    };
    this.#open.set(connection, this.#parts.open(ends, this.#lastMs));
  }

  #end(connection: number): void {
    this.#open.get(connection)?.end(this.#lastMs, 'client');
    this.#open.delete(connection);
  }
}
