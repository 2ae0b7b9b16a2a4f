// Items to the text of a recording. It stores nothing and knows no messages: the caller does what it likes with the
// lines. Invariant: the reader gives back what was written, and text from the wire (a listener's name is not, an
// address is) cannot end its line.

import { FIRST_LINE } from './format.ts';

const BYTES_PER_LINE = 32;
const BYTES_PER_WORD = 4;
/** Shorter runs of one byte are easier to read as they are. */
const SHORTEST_RUN = 24;
const LINE_START = '  ';
/** Where the gutter with the readable characters begins. */
const GUTTER_AT = LINE_START.length + BYTES_PER_LINE * 2 + BYTES_PER_LINE / BYTES_PER_WORD;
/** The line under way, and the characters in it. */
const LINE: Buffer = Buffer.alloc(GUTTER_AT + 3 + BYTES_PER_LINE);
const HEX_DIGITS: Buffer = Buffer.from('0123456789abcdef');
const SPACE = 0x20;
const COMMENT = 0x23;
const DOT = 0x2e;
const DELETE = 0x7f;

/** The header lines, an empty line behind them. */
export function writeHeader(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([key, value]) => `# ${key}: ${printable(value)}`);
  return `${[FIRST_LINE, ...lines].join('\n')}\n\n`;
}

/** @param address `host:port`, '' not to tell it. */
export function writeOpen(atMs: number, connection: number, listener: string, address: string): string {
  return `${at(atMs, connection)} open ${oneWord(listener)} ${oneWord(address)}\n`;
}

export function writeEnd(atMs: number, connection: number, reason: string): string {
  return `${at(atMs, connection)} end ${oneWord(reason)}\n`;
}

/** A remark for people. */
export function writeComment(text: string): string {
  return `# ${printable(text)}\n`;
}

/** What writeChunk() writes. */
export interface ChunkToWrite {
  readonly atMs: number;
  readonly connection: number;
  readonly from: 'client' | 'server';
  readonly bytes: Buffer;
  /** So many bytes 00 behind `bytes`, which need not exist in memory. */
  readonly zeros?: number;
  /** For people, behind the event. */
  readonly remark?: string;
}

/** One message or other bytes of one direction. */
export function writeChunk({ atMs, connection, from, bytes, zeros = 0, remark = '' }: ChunkToWrite): string {
  const comment = remark === '' ? '' : `  # ${printable(remark)}`;
  let text = `${at(atMs, connection)} ${from === 'client' ? '>' : '<'}${comment}\n`;
  let start = 0;
  while (start < bytes.length) {
    const run = runLength(bytes, start);
    if (run >= SHORTEST_RUN) {
      text += `${LINE_START}${hex(bytes, start, start + 1)}*${run}\n`;
      start += run;
      continue;
    }
    const end = lineEnd(bytes, start);
    text += hexLine(bytes, start, end);
    start = end;
  }
  return zeros > 0 ? `${text}${LINE_START}00*${zeros}\n` : text;
}

function at(atMs: number, connection: number): string {
  return `+${atMs.toFixed(3)} ${connection}`;
}

function hex(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('hex', start, end);
}

/** How often the byte at `start` stands there in a row. */
function runLength(bytes: Buffer, start: number): number {
  let end = start + 1;
  while (end < bytes.length && bytes[end] === bytes[start]) end++;
  return end - start;
}

/** A full line, or less where a run begins that is worth a line of its own. */
function lineEnd(bytes: Buffer, start: number): number {
  const end = Math.min(start + BYTES_PER_LINE, bytes.length);
  for (let i = start + 1; i < end; i++) {
    if (bytes[i] === bytes[i - 1]) continue;
    if (runLength(bytes, i) >= SHORTEST_RUN) return i;
  }
  return end;
}

/** Byte by byte into one buffer: a message has up to 65,536 lines, and they are written on the proxy's event loop. */
function hexLine(bytes: Buffer, start: number, end: number): string {
  LINE.fill(SPACE);
  LINE[GUTTER_AT + 1] = COMMENT;
  let at = LINE_START.length;
  let gutterAt = GUTTER_AT + 3;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    LINE[at++] = HEX_DIGITS[byte >> 4] as number;
    LINE[at++] = HEX_DIGITS[byte & 15] as number;
    if ((i - start) % BYTES_PER_WORD === BYTES_PER_WORD - 1) at++;
    LINE[gutterAt++] = byte > SPACE && byte < DELETE ? byte : DOT;
  }
  return `${LINE.toString('latin1', 0, gutterAt)}\n`;
}

/** ASCII without line ends, at most as long as a line may be. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, 200);
}

function oneWord(text: string): string {
  return text === '' ? '-' : printable(text).replace(/[\s#]/g, '_');
}
