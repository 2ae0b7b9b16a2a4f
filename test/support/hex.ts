// Reads annotated hex text: `#` starts a comment, white space is free, `|` marks a cut between two chunks.
// Does not know what the bytes mean.
// Invariant: anything that is not hex, comment, space or cut is an error of the fixture, never skipped.

import { readdirSync, readFileSync } from 'node:fs';

/** The bytes of a hex text and the offsets at which it wants them cut. */
export interface HexText {
  readonly bytes: Buffer;
  readonly cuts: readonly number[];
}

/** One fixture file; `name` is the file's name without `.hex`. */
export interface HexFile extends HexText {
  readonly name: string;
  readonly text: string;
}

export function readHex(text: string): HexText {
  const bare = text.replace(/#[^\n]*/g, '').replace(/\s+/g, '');
  const cuts: number[] = [];
  let digits = '';
  for (const part of bare.split('|')) {
    if (digits !== '') {
      cuts.push(digits.length / 2);
    }
    digits += part;
  }
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits) || cuts.some((cut) => !Number.isInteger(cut))) {
    throw new Error('hex text holds something else than whole bytes');
  }
  return { bytes: Buffer.from(digits, 'hex'), cuts };
}

/** Every .hex file of a folder under fixtures/, in the order of names. */
export function readHexFolder(folder: string): readonly HexFile[] {
  const directory = new URL(`../../fixtures/${folder}/`, import.meta.url);
  return readdirSync(directory)
    .filter((file) => file.endsWith('.hex'))
    .sort()
    .map((file) => {
      const text = readFileSync(new URL(file, directory), 'utf8');
      return { name: file.slice(0, -'.hex'.length), text, ...readHex(text) };
    });
}
