// The words of a recording: what a file of conversations consists of, and its bounds.
// It reads and writes nothing: reader.ts and writer.ts do. Invariant: a file that the writer made is read back to the
// same items, and no line of it is longer than MAX_LINE_CHARACTERS.
//
//   # weir conversation 1          first line: format and version
//   # client: mongodb 7.9.0        header: `# key: value` lines, up to the first line that is none
//   # values: redacted
//
//   +0.000 1 open main -           milliseconds, connection, event; open: listener and client address (`-`: not told)
//   +0.412 1 >                     bytes from the client (`<`: from the server), then the hex of it, indented
//     3f000000 00*8 dd070000  # ?...    `00*8` is the byte 00 eight times; `#` starts a comment that ends with the line
//   +9.120 1 end closed            why it is recorded no longer

/** First line of every recording. */
export const FIRST_LINE = '# weir conversation 1';
/** Longest line that is read; the writer's are far shorter. */
export const MAX_LINE_CHARACTERS = 4096;
/** Connections are numbered from 1 to this. */
export const MAX_CONNECTION_NUMBER = 1_000_000;

/** Header keys that weir writes; others are kept as they are. */
export interface RecordedHeader {
  readonly kind: 'header';
  /** Keys in lower case: name, client, server, recorded (a date), values (`redacted` or `raw`) … */
  readonly fields: ReadonlyMap<string, string>;
}

export interface RecordedOpen {
  readonly kind: 'open';
  readonly atMs: number;
  readonly connection: number;
  readonly listener: string;
  /** `host:port` of the client, '' where the recording does not tell. */
  readonly address: string;
}

/** Bytes of one direction; weir's own recordings hold exactly one message in each. */
export interface RecordedChunk {
  readonly kind: 'chunk';
  /** Milliseconds since the recording began; never goes back within a file. */
  readonly atMs: number;
  readonly connection: number;
  readonly from: 'client' | 'server';
  readonly bytes: Buffer;
}

export interface RecordedEnd {
  readonly kind: 'end';
  readonly atMs: number;
  readonly connection: number;
  readonly reason: string;
}

export type RecordedItem = RecordedHeader | RecordedOpen | RecordedChunk | RecordedEnd;

/** What is wrong with a recording, and where. */
export class RecordingError extends Error {
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, sentence: string) {
    super(`line ${line}: ${sentence}`);
    this.name = 'RecordingError';
    this.line = line;
  }
}

/** Whether a file that begins with this text is a recording (24 characters are enough). */
export function isRecording(text: string): boolean {
  return /^\uFEFF?# weir conversation [0-9]/.test(text);
}
