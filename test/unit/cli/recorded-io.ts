// An Io for tests of verbs: lines land in arrays, files come from an object, signals are sent by hand.

import type { Io, StopSignal } from '../../../src/cli/io.ts';

export interface RecordedIo extends Io {
  readonly outLines: string[];
  readonly errLines: string[];
  /** Delivers a signal to whoever listens now. */
  readonly send: (signal: StopSignal) => void;
  /** How many listen to signals now. */
  readonly listeners: () => number;
}

export function recordedIo(files: Readonly<Record<string, string>> = {}, env: Io['env'] = {}): RecordedIo {
  const outLines: string[] = [];
  const errLines: string[] = [];
  const heard = new Set<(signal: StopSignal) => void>();
  return {
    outLines,
    errLines,
    out: (line) => outLines.push(line),
    err: (line) => errLines.push(line),
    env,
    isTerminal: false,
    progress: null,
    input: async function* () {},
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    },
    onSignal: (listener) => {
      heard.add(listener);
      return () => heard.delete(listener);
    },
    send: (signal) => {
      for (const listener of heard) listener(signal);
    },
    listeners: () => heard.size,
  };
}
