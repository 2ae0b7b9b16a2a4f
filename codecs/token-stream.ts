// Gives a reader its tokens (type, name, length …) in one piece although the bytes come in pieces of any size, and passes
// long values by: copied to a writer or left out. Does not know what a token means.
// Invariant: holds at most one cut token; every byte is looked at a bounded number of times.

import type { CondensedWriter } from './condensed-writer.ts';
import { refuse } from './errors.ts';

/** Reads one token at `at`. Returns its bytes, 0 if it is not whole before `end`: more than was there at the last try. */
export interface TokenReader {
  readToken(bytes: Buffer, at: number, end: number): number;
  /** Said before a token that was not cut. */
  beforeToken(): void;
  /** Bytes were passed that may have left the place where they belong. @throws DecodeError then. */
  checkPlace(): void;
}

export class TokenStream {
  /** Offset in the message of the next byte. */
  at: number;
  /** Bytes to be copied to the writer before the next token. */
  copy = 0;
  /** Bytes to be left out before the next token. */
  skip = 0;
  /** Texts to be left out before the next token: a regular expression's. */
  texts = 0;
  readonly #reader: TokenReader;
  readonly #writer: CondensedWriter;
  readonly #longestToken: number;
  /** The start of a token that was cut. */
  #carry: Buffer | null = null;
  #carried = 0;

  constructor(reader: TokenReader, writer: CondensedWriter, start: number, longestToken: number) {
    this.#reader = reader;
    this.#writer = writer;
    this.at = start;
    this.#longestToken = longestToken;
  }

  get heldBytes(): number {
    return this.#carry?.length ?? 0;
  }

  /** Whether something was begun and is not at its end. */
  get isCut(): boolean {
    return this.#carried + this.copy + this.skip + this.texts > 0;
  }

  /** The next bytes of the message, from `start` to `end`. @throws DecodeError, whatever the reader throws. */
  write(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.skip > 0) {
        const part = Math.min(this.skip, end - at);
        this.skip -= part;
        this.at += part;
        at += part;
      } else if (this.copy > 0) {
        const part = Math.min(this.copy, end - at);
        this.#writer.append(bytes, at, at + part);
        this.copy -= part;
        this.at += part;
        at += part;
      } else if (this.texts > 0) {
        at = this.#passText(bytes, at, end);
      } else if (this.#carried > 0) {
        at = this.#cutToken(bytes, at, end);
      } else {
        at = this.#token(bytes, at, end);
      }
    }
  }

  #token(bytes: Buffer, at: number, end: number): number {
    this.#reader.beforeToken();
    const used = this.#reader.readToken(bytes, at, end);
    if (used > 0) {
      this.at += used;
      return at + used;
    }
    if (end - at >= this.#longestToken) {
      refuse('invalid_bson', this.at);
    }
    this.#carry ??= Buffer.allocUnsafe(this.#longestToken);
    bytes.copy(this.#carry, 0, at, end);
    this.#carried = end - at;
    return end;
  }

  /** Goes on with a token whose start was in an earlier piece. Returns where the bytes go on. */
  #cutToken(bytes: Buffer, at: number, end: number): number {
    const before = this.#carried;
    const carry = this.#carry as Buffer;
    const part = Math.min(carry.length - before, end - at);
    bytes.copy(carry, before, at, at + part);
    const used = this.#reader.readToken(carry, 0, before + part);
    if (used > 0) {
      this.#carried = 0;
      this.at += used;
      return at + used - before;
    }
    this.#carried += part;
    return this.#carried < carry.length ? end : refuse('invalid_bson', this.at);
  }

  #passText(bytes: Buffer, at: number, end: number): number {
    const zero = bytes.subarray(at, end).indexOf(0);
    const next = zero < 0 ? end : at + zero + 1;
    if (zero >= 0) {
      this.texts--;
    }
    this.at += next - at;
    this.#reader.checkPlace();
    return next;
  }
}
