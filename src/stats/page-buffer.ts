// Gathers a text piece by piece as UTF-8 in one buffer that grows. It knows nothing of what the text says.
// Invariant: what was added is encoded and can be collected; nothing but the bytes is kept.

/** Bytes that a response can take as they are. */
export type Page = Buffer<ArrayBuffer>;

const SMALLEST = 65_536;
/** UTF-8 needs at most this many bytes for one UTF-16 unit. */
const BYTES_A_UNIT = 3;

export class PageBuffer {
  #bytes: Page;
  #length = 0;

  /** `expectedBytes`: how long the page was last time, so that this one need not grow. */
  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(SMALLEST, Math.ceil(expectedBytes * 1.1)));
  }

  add(text: string): void {
    if (this.#bytes.length - this.#length < text.length * BYTES_A_UNIT) this.#reserve(Buffer.byteLength(text));
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** Everything that was added. The buffer is not used after this. */
  take(): Page {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
