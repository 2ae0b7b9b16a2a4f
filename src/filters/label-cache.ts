// From the bytes of a call site to its label: cleaned once, then found by hash and comparison without a new string.
// It knows no notation beyond the decoding of one value. Invariant: never holds more than `maxCached` entries, whatever
// comes; a flood of one-time texts evicts others, which costs those one decoding, never their label.

import { cleanLabel } from '../stats/label.ts';
import { CUT_FORM, type CutForm } from './call-site-cut.ts';

/** Entries that share a hash slot. */
const WAYS = 4;

/** More bytes than any label shows: 120 UTF-16 units are at most 360 bytes of UTF-8, and what is cut gets a marker. */
const LONGEST_PLAIN_BYTES = 480;

interface Entry {
  readonly hash: number;
  /** The bytes, one per character. */
  readonly key: string;
  readonly label: string;
}

export class LabelCache {
  readonly #maxCached: number;
  readonly #ways: number;
  readonly #setMask: number;
  readonly #entries: (Entry | null)[];
  /** One string object per label, whatever notations it came in. First come, first kept. */
  readonly #labels: Map<string, string> = new Map();
  #victim = 0;

  constructor(maxCached: number) {
    this.#maxCached = Math.max(1, maxCached);
    this.#ways = Math.min(WAYS, this.#maxCached);
    let sets = 1;
    while (sets * 2 * this.#ways <= this.#maxCached) sets *= 2;
    this.#setMask = sets - 1;
    this.#entries = new Array<Entry | null>(sets * this.#ways).fill(null);
  }

  /** What is remembered now; neither number exceeds `maxCached`. */
  get sizes(): { readonly cuts: number; readonly labels: number } {
    return { cuts: this.#entries.filter((entry) => entry !== null).length, labels: this.#labels.size };
  }

  /** The label of the bytes from `start` to `end`. A known one allocates nothing. */
  find(bytes: Buffer, start: number, end: number, form: CutForm): string {
    const last = form === CUT_FORM.plain ? Math.min(end, start + LONGEST_PLAIN_BYTES) : end;
    // Every step is reversible, so that the same bytes in two forms never have the same hash.
    let hash: number = form;
    for (let at = start; at < last; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    hash ^= hash >>> 15;
    const set = (hash & this.#setMask) * this.#ways;
    for (let way = set; way < set + this.#ways; way++) {
      const entry = this.#entries[way];
      if (entry === null || entry === undefined) continue;
      if (entry.hash === hash && holds(bytes, start, last, entry.key)) return entry.label;
    }
    const key = bytes.toString('latin1', start, last);
    const label = this.intern(decode(bytes, start, last, form));
    this.#victim = (this.#victim + 1) % this.#ways;
    this.#entries[set + this.#victim] = { hash, key, label };
    return label;
  }

  /** The label for a text: cleaned, and the same string object as before while there is room to remember it. */
  intern(text: string): string {
    const label = cleanLabel(text);
    const known = this.#labels.get(label);
    if (known !== undefined) return known;
    if (this.#labels.size < this.#maxCached) this.#labels.set(label, label);
    return label;
  }
}

function holds(bytes: Buffer, start: number, end: number, key: string): boolean {
  if (key.length !== end - start) return false;
  for (let i = 0; i < key.length; i++) {
    if (bytes[start + i] !== key.charCodeAt(i)) return false;
  }
  return true;
}

/** The text of a cut. Never throws: what cannot be decoded is shown as it came. */
export function decode(bytes: Buffer, start: number, end: number, form: CutForm): string {
  const text = bytes.toString('utf8', start, end);
  switch (form) {
    case CUT_FORM.plain:
      return text;
    case CUT_FORM.json:
      return decodeJson(text);
    case CUT_FORM.percent:
      return decodePercent(bytes, start, end);
  }
}

function decodeJson(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

/** By hand, because decodeURIComponent throws at a cut or wrong sequence and decodes no `\'`. */
function decodePercent(bytes: Buffer, start: number, end: number): string {
  const decoded = Buffer.alloc(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    let byte = bytes[at] as number;
    if (byte === 0x5c && at + 1 < end) {
      at++;
      byte = bytes[at] as number;
    } else if (byte === 0x25 && at + 2 < end) {
      const high = hexDigit(bytes[at + 1] as number);
      const low = hexDigit(bytes[at + 2] as number);
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    decoded[length] = byte;
    length++;
  }
  return decoded.toString('utf8', 0, length);
}

/** Value of a hex digit; -1 if it is none. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
