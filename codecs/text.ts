// Text out of bytes without making the same string again and again.
// Does not judge encodings: bytes that are not UTF-8 become replacement characters.
// Invariant: both tables are bounded, the first by its construction, the second by its slots.

import { byteAt, equalsAscii } from './bytes.ts';

const CACHE_SLOTS = 1024;
const LONGEST_CACHED_BYTES = 64;
const cache: string[] = new Array<string>(CACHE_SLOTS).fill('');

/**
 * UTF-8 text of a range. Short ASCII text comes from a direct-mapped cache: database and collection names repeat,
 * and the same string object keeps its hash for every Map it is later looked up in.
 */
export function readText(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > LONGEST_CACHED_BYTES) {
    return bytes.toString('utf8', start, end);
  }
  let hash = length;
  let bits = 0;
  for (let i = start; i < end; i++) {
    const byte = byteAt(bytes, i);
    bits |= byte;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (bits > 127) {
    return bytes.toString('utf8', start, end);
  }
  const slot = (hash ^ (hash >>> 11)) & (CACHE_SLOTS - 1);
  const known = cache[slot] as string;
  if (equalsAscii(bytes, start, end, known)) {
    return known;
  }
  const text = bytes.toString('latin1', start, end);
  cache[slot] = text;
  return text;
}

/** A fixed set of ASCII names, found by bytes without making a string. */
export class NameTable {
  readonly names: readonly string[];
  readonly #slots: Int16Array;
  readonly #mask: number;

  constructor(names: readonly string[]) {
    this.names = names;
    let size = 16;
    while (size < names.length * 4) {
      size *= 2;
    }
    this.#mask = size - 1;
    this.#slots = new Int16Array(size).fill(-1);
    names.forEach((name, index) => {
      this.#insert(name, index);
    });
  }

  /** Index of the name in `names`, -1 if it is none of them. */
  find(bytes: Buffer, start: number, end: number): number {
    const length = end - start;
    if (length === 0) {
      return -1;
    }
    let slot =
      mix(length, byteAt(bytes, start), byteAt(bytes, start + (length >> 1)), byteAt(bytes, end - 1)) & this.#mask;
    for (;;) {
      const index = this.#slots[slot] as number;
      if (index < 0 || equalsAscii(bytes, start, end, this.names[index] as string)) {
        return index;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  #insert(name: string, index: number): void {
    const length = name.length;
    let slot = mix(length, name.charCodeAt(0), name.charCodeAt(length >> 1), name.charCodeAt(length - 1)) & this.#mask;
    while ((this.#slots[slot] as number) >= 0) {
      slot = (slot + 1) & this.#mask;
    }
    this.#slots[slot] = index;
  }
}

/** Length and three bytes tell the few dozen names of a table apart; equality is checked afterwards. */
function mix(length: number, first: number, middle: number, last: number): number {
  return length + first * 5 + middle * 31 + last * 131;
}
