// Text of a recording to items, line by line, so that a file of any size is read in pieces.
// It opens no files and knows no messages. Invariants: it holds one line and one chunk, both bounded; what is wrong
// is a RecordingError that names the line, after all items before it were handed out.

import { MAX_MESSAGE_BYTES } from '../../codecs/index.ts';
import { FIRST_LINE, MAX_CONNECTION_NUMBER, MAX_LINE_CHARACTERS, type RecordedItem, RecordingError } from './format.ts';

const EVENT = /^\+(\d{1,12}(?:\.\d{1,6})?) (\d{1,7}) (>|<|open|end)(?: (.*))?$/;
const HEADER = /^# ([a-z][a-z0-9 _-]{0,39}): (.*)$/i;
const MAX_HEADERS = 64;
const HEX_WORD = /^(?:[0-9a-f]{2})+$/i;
const RUN = /^([0-9a-f]{2})\*([1-9]\d{0,7})$/i;

interface ChunkUnderWay {
  readonly atMs: number;
  readonly connection: number;
  readonly from: 'client' | 'server';
  readonly parts: Buffer[];
  bytes: number;
}

export class RecordingReader {
  readonly #onItem: (item: RecordedItem) => void;
  readonly #fields: Map<string, string> = new Map();
  #line = 0;
  #rest = '';
  #stage: 'first' | 'header' | 'events' = 'first';
  #chunk: ChunkUnderWay | null = null;
  #lastMs = 0;

  /** @param onItem called for each item as soon as it is whole; the header comes first, also when it is empty. */
  constructor(onItem: (item: RecordedItem) => void) {
    this.#onItem = onItem;
  }

  /** Takes the next piece of text. @throws RecordingError */
  push(text: string): void {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#take(this.#rest + text.slice(start, end));
      this.#rest = '';
      start = end + 1;
    }
    this.#rest += text.slice(start);
    if (this.#rest.length > MAX_LINE_CHARACTERS) this.#refuse(this.#line + 1, 'the line is too long');
  }

  /** The text is over. @throws RecordingError, also for a text that is empty or ends within its header line. */
  finish(): void {
    if (this.#rest !== '') {
      const last = this.#rest;
      this.#rest = '';
      this.#take(last);
    }
    if (this.#stage === 'first') this.#refuse(1, `a recording begins with "${FIRST_LINE}"`);
    this.#endHeader();
    this.#endChunk();
  }

  #refuse(line: number, sentence: string): never {
    throw new RecordingError(line, sentence);
  }

  #take(line: string): void {
    this.#line++;
    if (line.length > MAX_LINE_CHARACTERS) this.#refuse(this.#line, 'the line is too long');
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (this.#stage === 'first') this.#takeFirst(text);
    else if (this.#stage === 'events' || !this.#takeHeader(text)) this.#takeBody(text);
  }

  #takeFirst(text: string): void {
    if (text.replace(/^\uFEFF/, '').trimEnd() !== FIRST_LINE) {
      this.#refuse(1, `a recording begins with "${FIRST_LINE}"`);
    }
    this.#stage = 'header';
  }

  #takeHeader(text: string): boolean {
    const found = HEADER.exec(text);
    if (found === null || this.#fields.size >= MAX_HEADERS) {
      this.#endHeader();
      return false;
    }
    this.#fields.set((found[1] as string).toLowerCase(), (found[2] as string).trim());
    return true;
  }

  #endHeader(): void {
    if (this.#stage !== 'header') return;
    this.#stage = 'events';
    this.#onItem({ kind: 'header', fields: this.#fields });
  }

  #takeBody(text: string): void {
    const comment = text.indexOf('#');
    const bare = (comment < 0 ? text : text.slice(0, comment)).trimEnd();
    if (bare === '') return;
    if (bare.startsWith('+')) this.#takeEvent(bare);
    else this.#takeHex(bare);
  }

  #takeEvent(text: string): void {
    this.#endChunk();
    const found = EVENT.exec(text);
    if (found === null) return this.#refuse(this.#line, 'not an event; such as "+12.5 1 >"');
    const atMs = Number(found[1]);
    const connection = Number(found[2]);
    if (atMs < this.#lastMs) this.#refuse(this.#line, 'time goes back');
    if (connection < 1 || connection > MAX_CONNECTION_NUMBER) {
      this.#refuse(this.#line, `connections are numbered from 1 to ${MAX_CONNECTION_NUMBER}`);
    }
    this.#lastMs = atMs;
    this.#beginEvent(atMs, connection, found[3] as string, found[4] ?? '');
  }

  #beginEvent(atMs: number, connection: number, word: string, rest: string): void {
    if (word === 'end') {
      this.#onItem({ kind: 'end', atMs, connection, reason: rest });
    } else if (word === 'open') {
      const [listener = '', address = '-'] = rest.split(' ');
      this.#onItem({ kind: 'open', atMs, connection, listener, address: address === '-' ? '' : address });
    } else {
      this.#chunk = { atMs, connection, from: word === '>' ? 'client' : 'server', parts: [], bytes: 0 };
      if (rest !== '') this.#takeHex(rest);
    }
  }

  #takeHex(text: string): void {
    if (this.#chunk === null) return this.#refuse(this.#line, 'bytes without a line before them that says whose');
    for (const word of text.trim().split(/\s+/)) {
      const run = RUN.exec(word);
      if (run === null && !HEX_WORD.test(word)) this.#refuse(this.#line, 'not whole bytes in hex');
      const length = run === null ? word.length / 2 : Number(run[2]);
      this.#chunk.bytes += length;
      // Judged before anything of it is allocated: a run is a few characters, whatever it stands for.
      if (this.#chunk.bytes > MAX_MESSAGE_BYTES)
        this.#refuse(this.#line, `more than ${MAX_MESSAGE_BYTES} bytes at once`);
      const part =
        run === null ? Buffer.from(word, 'hex') : Buffer.alloc(length, Number.parseInt(run[1] as string, 16));
      this.#chunk.parts.push(part);
    }
  }

  #endChunk(): void {
    const chunk = this.#chunk;
    this.#chunk = null;
    if (chunk === null || chunk.bytes === 0) return;
    const { atMs, connection, from, parts, bytes } = chunk;
    this.#onItem({ kind: 'chunk', atMs, connection, from, bytes: Buffer.concat(parts, bytes) });
  }
}

/** The items of a whole recording in memory, the header first. @throws RecordingError after the items before it. */
export function* readRecording(text: string): Generator<RecordedItem, void, undefined> {
  const items: RecordedItem[] = [];
  const reader = new RecordingReader((item) => items.push(item));
  const STEP = 65_536;
  for (let at = 0; at < text.length; at += STEP) {
    yield* readStep(items, () => reader.push(text.slice(at, at + STEP)));
  }
  yield* readStep(items, () => reader.finish());
}

function* readStep(items: RecordedItem[], step: () => void): Generator<RecordedItem, void, undefined> {
  let failure: RecordingError | null = null;
  try {
    step();
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    failure = error;
  }
  yield* items.splice(0);
  if (failure !== null) throw failure;
}
