// The process as the verbs see it: two text outputs, the environment, files, signals. The only file of the command
// line that touches `process`, besides main.ts. Invariant: verbs run in tests with an Io made of arrays.

import { readFileSync } from 'node:fs';

export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface Io {
  /** Writes one line to standard output. */
  readonly out: (line: string) => void;
  /** Writes one line to standard error. */
  readonly err: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A whole text file; throws Node's errors. */
  readonly readFile: (path: string) => string;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Replaces the line at the end of standard error; null where that is no terminal. */
  readonly progress: ((text: string) => void) | null;
  /** The bytes of standard input, once. */
  readonly input: () => AsyncIterable<Buffer>;
  /** Calls back at every SIGINT and SIGTERM from now on; the returned function ends that. */
  readonly onSignal: (heard: (signal: StopSignal) => void) => () => void;
}

/** The real one. */
export function processIo(): Io {
  return {
    out: (line) => {
      process.stdout.write(`${line}\n`);
    },
    err: (line) => {
      process.stderr.write(`${line}\n`);
    },
    env: process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
    isTerminal: process.stdout.isTTY === true,
    progress: process.stderr.isTTY === true ? (text) => process.stderr.write(`\r\x1b[2K${text}`) : null,
    input: () => process.stdin as AsyncIterable<Buffer>,
    onSignal: (heard) => {
      const interrupted = (): void => heard('SIGINT');
      const terminated = (): void => heard('SIGTERM');
      process.on('SIGINT', interrupted);
      process.on('SIGTERM', terminated);
      return () => {
        process.off('SIGINT', interrupted);
        process.off('SIGTERM', terminated);
      };
    },
  };
}
