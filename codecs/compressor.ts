// What a compressor of OP_COMPRESSED is, for the files that wrap one library each.
// It holds no library and no policy; compressed.ts judges what comes out.
// Invariant: a compressor never yields more bytes than it was allowed, and never holds more than that while it works.

/** Gets the bytes, or the error and null. Must not throw: it is called from a library's own callback or promise. */
export type CompressorDone = (error: unknown, bytes: Buffer | null) => void;

/** One algorithm. The calls throw (or hand over) whatever the library throws, or a DecodeError. */
export interface Compressor {
  compress(payload: Buffer): Buffer;
  /** @param size what the message says it inflates to, bytes: the cap of the output, checked against the format's own
   * header first where it has one. The result may be shorter. */
  decompress(payload: Buffer, size: number): Buffer;
  /** The same off the event loop; null where the library has no such way. `payload` must stay unchanged meanwhile. */
  readonly async: {
    compress(payload: Buffer, done: CompressorDone): void;
    decompress(payload: Buffer, size: number, done: CompressorDone): void;
  } | null;
}
