// `weir record`: asks a running weir to record what passes, and writes the text to a file or to standard output.
// Redaction happens inside the proxy. Invariant: what was received is kept, whatever ends the recording; a file that
// exists is never written over.

import { closeSync, openSync, writeSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { formatHostPort, parseBind } from '../config/quantities.ts';
import type { HostPort } from '../options.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';

export interface RecordFlags {
  /** host:port, as typed. */
  readonly admin: string;
  readonly seconds: string;
  readonly connections: string;
  readonly client?: string | undefined;
  readonly raw?: boolean | undefined;
  readonly out?: string | undefined;
}

/** Until the proxy begins to answer; it does at once. */
const PATIENCE_MS = 5000;
/** Longest error text of the API that is read. */
const LONGEST_ANSWER = 10_000;
const ENDED = /^# ended: ([a-z_]+), (\d+) connections/;
/** What the proxy's last line means to the person who asked. */
const ENDINGS: Readonly<Record<string, string>> = {
  seconds: 'the time was over',
  bytes: 'the recording reached its largest size; record fewer connections or seconds',
  slow_reader: 'this side did not write as fast as the traffic came; record fewer connections or to a faster disk',
  stopped: 'weir was stopped',
  internal_error: 'weir made a mistake, please report it',
};

/** Throws CliFailure: 1 for wrong flags, 2 when no weir answers or it refuses. */
export async function runRecord(flags: RecordFlags, io: Io): Promise<number> {
  const address = parseBind(flags.admin);
  if (!address.ok) throw new CliFailure(EXIT.badInput, `weir: --admin: ${address.sentence}`);
  const response = await ask(address.value, flags);
  if (response.statusCode !== 200) throw await refusal(response, address.value);
  const output = flags.out === undefined ? toTerminal(io) : toFile(flags.out, response);
  const stopListening = io.onSignal(() => response.destroy());
  try {
    const ended = await copy(response, output);
    io.err(`weir: ${summary(ended, flags.out ?? 'standard output')}`);
    return EXIT.ok;
  } finally {
    stopListening();
    output.close();
  }
}

async function ask(address: HostPort, flags: RecordFlags): Promise<IncomingMessage> {
  const query = new URLSearchParams({ seconds: flags.seconds, connections: flags.connections });
  if (flags.client !== undefined) query.set('client', flags.client);
  if (flags.raw === true) query.set('raw', '1');
  const where = formatHostPort(address);
  return await new Promise((resolve, reject) => {
    const request = get(`http://${where}/api/v1/record?${query.toString()}`, resolve);
    request.setTimeout(PATIENCE_MS, () => request.destroy());
    request.once('response', () => request.setTimeout(0));
    request.on('error', () => {
      const sentence = `no weir answers at ${where}; start one, or give its admin address with --admin`;
      reject(new CliFailure(EXIT.cannotStart, `weir: ${sentence}`));
    });
  });
}

async function refusal(response: IncomingMessage, address: HostPort): Promise<CliFailure> {
  const error = readError(await readText(response));
  if (error === null) {
    const where = formatHostPort(address);
    const sentence = `what answers at ${where} (HTTP ${response.statusCode}) is not this weir's API; give another address with --admin`;
    return new CliFailure(EXIT.cannotStart, `weir: ${sentence}`);
  }
  return new CliFailure(response.statusCode === 400 ? EXIT.badInput : EXIT.cannotStart, `weir: ${error}`);
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) {
    text += String(piece);
    if (text.length > LONGEST_ANSWER) break;
  }
  return text;
}

/** The `error` of the API's JSON; null for anything else. */
function readError(text: string): string | null {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    return typeof error === 'string' ? error : null;
  } catch {
    return null;
  }
}

interface Output {
  write(text: string): void;
  close(): void;
}

function toTerminal(io: Io): Output {
  let rest = '';
  return {
    write: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) io.out(line);
    },
    close: () => {
      if (rest !== '') io.out(rest);
    },
  };
}

/** Readable by its owner only: even without values it tells what an application does. */
function toFile(path: string, response: IncomingMessage): Output {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    response.destroy();
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const sentence = code === 'EEXIST' ? 'exists; give another name' : `cannot be written (${code})`;
    throw new CliFailure(EXIT.badInput, `weir: --out ${path}: ${sentence}`);
  }
  return { write: (text) => void writeSync(file, text), close: () => closeSync(file) };
}

/** Copies until the end and gives the last piece of the text. */
async function copy(response: IncomingMessage, output: Output): Promise<string> {
  let tail = '';
  try {
    for await (const piece of response.setEncoding('latin1')) {
      const text = String(piece);
      output.write(text);
      tail = (tail + text).slice(-LONGEST_ANSWER);
    }
  } catch (error) {
    // The connection broke or a signal ended it: what came is kept. A full disk is another matter.
    if (!response.destroyed || (error as NodeJS.ErrnoException).syscall === 'write') throw error;
  }
  return tail;
}

function summary(tail: string, where: string): string {
  const last = tail.trimEnd().split('\n').at(-1) ?? '';
  const [, reason = '', connections = ''] = ENDED.exec(last) ?? [];
  if (reason === '') return `recorded to ${where} until it was interrupted`;
  return `recorded ${connections} connections to ${where}: ${ENDINGS[reason] ?? reason}`;
}
