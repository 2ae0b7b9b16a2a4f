// The memory that one socket is read into, used again and again: Node's own way is 64 KiB anew for each read, which costs more
// than reading along does (measured: bench/README.md). It knows no socket. Invariants: memory that somebody may still need is
// never given out again; what is kept while nothing comes is small, for there are many idle connections.

const SMALL_BYTES = 4096;
/** What Node reads at most in one go. */
const LARGE_BYTES = 65_536;

export class ReadMemory {
  #current: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);

  /** Where the next read goes. */
  get current(): Buffer {
    return this.#current;
  }

  /** The bytes of a read, for one who keeps them: little is copied, for that is cheaper than new memory; much is given away. */
  take(bytes: number): Buffer {
    const chunk = this.#current.subarray(0, bytes);
    const isLittle = bytes < SMALL_BYTES;
    this.onRead(bytes, !isLittle);
    return isLittle ? Buffer.from(chunk) : chunk;
  }

  /**
   * A read of so many bytes was looked at.
   * @param isStillNeeded the bytes are on their way elsewhere: they are left alone, and new memory comes
   */
  onRead(bytes: number, isStillNeeded: boolean): void {
    const { length } = this.#current;
    const wanted = bytes < SMALL_BYTES ? SMALL_BYTES : LARGE_BYTES;
    if (isStillNeeded || wanted !== length) this.#current = Buffer.allocUnsafeSlow(wanted);
  }
}
