// The terminal as the demo sees it: an alternate screen that is drawn whole, and keys. Another file decides what is shown.
// Invariant: after leave() the terminal is as it was before enter(), also when the process exits in between.

import {
  clearTerminal,
  cursorHide,
  cursorShow,
  cursorTo,
  enterAlternativeScreen,
  eraseDown,
  eraseEndLine,
  exitAlternativeScreen,
} from 'ansi-escapes';
import { createColors } from 'picocolors';
import type { Paint } from './columns.ts';
import type { ScreenSize } from './screen.ts';

export type Key = 'quit' | 'interrupt';

/** The parts of standard input and output that are used. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** Those of this process. */
export function processStreams(): TerminalStreams {
  return { input: process.stdin, output: process.stdout };
}

const CTRL_C = '\u0003';
const FALLBACK: ScreenSize = { columns: 80, rows: 24 };

export class Terminal {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;
  readonly #onKey: (key: Key) => void;
  #isEntered = false;
  /** Drawn as one write; the next is skipped while the terminal has not taken it. */
  #isBehind = false;

  constructor(streams: TerminalStreams, onKey: (key: Key) => void) {
    this.#input = streams.input;
    this.#output = streams.output;
    this.#onKey = onKey;
  }

  get size(): ScreenSize {
    return readSize(this.#output);
  }

  enter(redraw: () => void): void {
    this.#isEntered = true;
    this.#output.write(enterAlternativeScreen + clearTerminal + cursorHide);
    this.#output.on('resize', redraw);
    process.on('exit', this.#leave);
    if (!this.#input.isTTY) return;
    this.#input.setRawMode(true);
    this.#input.on('data', this.#read);
    this.#input.resume();
  }

  draw(lines: readonly string[]): void {
    if (!this.#isEntered || this.#isBehind) return;
    const text = lines.map((line) => line + eraseEndLine).join('\r\n');
    this.#isBehind = true;
    this.#output.write(cursorTo(0, 0) + text + eraseDown, () => {
      this.#isBehind = false;
    });
  }

  leave(redraw: () => void): void {
    this.#output.off('resize', redraw);
    process.off('exit', this.#leave);
    this.#leave();
  }

  readonly #leave = (): void => {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    if (this.#input.isTTY) {
      this.#input.off('data', this.#read);
      this.#input.setRawMode(false);
      this.#input.pause();
    }
    this.#output.write(cursorShow + exitAlternativeScreen);
  };

  // In raw mode Ctrl-C is a character and no signal.
  readonly #read = (data: Buffer): void => {
    const text = data.toString('latin1');
    if (text.includes(CTRL_C)) this.#onKey('interrupt');
    else if (/^[qQ]$/.test(text)) this.#onKey('quit');
  };
}

/** Its size, or the usual one where it does not say. */
export function readSize(output: NodeJS.WriteStream): ScreenSize {
  return { columns: output.columns || FALLBACK.columns, rows: output.rows || FALLBACK.rows };
}

/** Colours where they are wanted: on terminals, unless NO_COLOR is set. */
export function createPaint(isColoured: boolean): Paint {
  const { bold, dim, green, yellow, red } = createColors(isColoured);
  return { bold, dim, good: green, warn: yellow, bad: red };
}
