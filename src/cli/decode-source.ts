// Reads the files of `weir decode`, or standard input, window by window through one buffer of fixed size.
// It understands no format: the reader that is opened on the first bytes does. Invariants: memory does not grow with the
// file; what a file ended with is said, never thrown.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { CaptureError, LARGEST_RECORD_BYTES } from '../capture/packet.ts';
import { RecordingError } from '../recording/format.ts';
import type { Io } from './io.ts';

/** Reads one file as it comes; capture/packet.ts says what read() promises. */
export interface WindowReader {
  read(bytes: Buffer, start: number, end: number): number;
  /** No byte follows. Returns what is wrong with the end, null if nothing is. */
  finish(left: number): string | null;
}

/** @param head the first bytes, HEAD_BYTES of them if the file has so many; throws CaptureError for an unknown format */
export type OpenReader = (head: Buffer) => WindowReader;

export interface SourceEnd {
  /** As given on the command line; `-` is standard input. */
  readonly name: string;
  readonly bytes: number;
  /** One sentence on what could not be read; null if all could. */
  readonly problem: string | null;
  /** A signal ended it. */
  readonly isInterrupted: boolean;
}

export interface SourceParts {
  readonly io: Io;
  readonly open: OpenReader;
  /** Asked between windows. */
  readonly isInterrupted: () => boolean;
  readonly onProgress: (bytes: number) => void;
}

/** Enough to tell every format. */
export const HEAD_BYTES = 32;
export const STANDARD_INPUT = '-';
const WINDOW_BYTES = 4_194_304;

/** Reads whole sources one after the other; the buffer is shared. */
export class DecodeSource {
  readonly #parts: SourceParts;
  readonly #window: Buffer = Buffer.allocUnsafeSlow(Math.max(WINDOW_BYTES, 2 * LARGEST_RECORD_BYTES));
  #reader: WindowReader | null = null;
  #start = 0;
  #end = 0;
  #bytes = 0;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  async read(name: string): Promise<SourceEnd> {
    this.#reader = null;
    this.#start = 0;
    this.#end = 0;
    this.#bytes = 0;
    let problem: string | null;
    try {
      await (name === STANDARD_INPUT ? this.#readInput() : this.#readFile(name));
      problem = this.#finish();
    } catch (error) {
      problem = sentenceOf(error);
      this.#abandon();
    }
    return { name, bytes: this.#bytes, problem, isInterrupted: this.#parts.isInterrupted() };
  }

  async #readFile(path: string): Promise<void> {
    const file = openSync(path, 'r');
    try {
      if (fstatSync(file).isDirectory()) throw new CaptureError('it is a directory; give a file', 0);
      while (!this.#parts.isInterrupted()) {
        const count = readSync(file, this.#window, this.#end, this.#window.length - this.#end, null);
        if (count === 0) return;
        this.#take(count);
        // Signals are heard, and others get their turn, between windows only.
        await setImmediate();
      }
    } finally {
      closeSync(file);
    }
  }

  async #readInput(): Promise<void> {
    for await (const chunk of this.#parts.io.input()) {
      for (let at = 0; at < chunk.length; ) {
        const count = chunk.copy(this.#window, this.#end, at);
        at += count;
        this.#take(count);
      }
      if (this.#parts.isInterrupted()) return;
    }
  }

  /** `count` new bytes stand behind the others. */
  #take(count: number): void {
    this.#end += count;
    this.#bytes += count;
    if (this.#reader === null) {
      if (this.#end < HEAD_BYTES) return;
      this.#open();
    }
    this.#pump();
    this.#parts.onProgress(this.#bytes);
  }

  #open(): WindowReader {
    this.#reader = this.#parts.open(this.#window.subarray(0, Math.min(this.#end, HEAD_BYTES)));
    return this.#reader;
  }

  /** Has the reader read what it can, and moves the rest to the front. */
  #pump(): void {
    this.#start = this.#reader?.read(this.#window, this.#start, this.#end) ?? this.#start;
    this.#window.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }

  #finish(): string | null {
    const isShort = this.#reader === null;
    const reader = this.#reader ?? this.#open();
    if (isShort) this.#pump();
    return reader.finish(this.#end);
  }

  /** The file made no sense from here on; what was read of it still ends in order. */
  #abandon(): void {
    try {
      this.#reader?.finish(0);
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error;
    }
  }
}

/** Errors of files and formats as sentences; anything else is a mistake of ours and is thrown on. */
function sentenceOf(error: unknown): string {
  if (error instanceof CaptureError)
    return error.offset === 0 ? error.message : `at byte ${error.offset}: ${error.message}`;
  if (error instanceof RecordingError) return error.message;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === 'ENOENT') return 'there is no such file (ENOENT); give its path';
  if (code === undefined || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
  return `it cannot be read (${code})`;
}
