// Builds the small stand-in of a large message: header, sections and documents whose lengths are known at their end.
// Does not decide what goes in. Invariant: never holds more than its hard limit and the value that crossed it.

import { byteAt, writeInt32 } from './bytes.ts';
import { emptyValue } from './condenser-rules.ts';

const FIRST_BYTES = 4096;

export class CondensedWriter {
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Memory it costs. */
  get heldBytes(): number {
    return this.#bytes.length;
  }

  append(bytes: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    bytes.copy(this.#bytes, this.#length, start, end);
    this.#length += end - start;
  }

  /** An element that begins at `at` and whose name ends at `zero`, with an empty value of its type. */
  appendEmpty(bytes: Buffer, at: number, zero: number): void {
    const empty = emptyValue(byteAt(bytes, at));
    if (empty !== null) {
      this.append(bytes, at, zero + 1);
      this.append(empty, 0, empty.length);
    }
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  int32(value: number): void {
    this.#reserve(4);
    writeInt32(this.#bytes, this.#length, value);
    this.#length += 4;
  }

  /** Sets a number written before. */
  patch(offset: number, value: number): void {
    writeInt32(this.#bytes, offset, value);
  }

  /** What was written, of its own size. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) {
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
