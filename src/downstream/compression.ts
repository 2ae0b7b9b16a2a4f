// Compression of one client connection: what was agreed in its hellos, and the way of a request out of OP_COMPRESSED.
// It answers nothing: reply-writer.ts compresses answers.
// Invariant: only what this listener offers and this client asked for is ever agreed, in the client's order.

import {
  type BsonView,
  type CompressedHeader,
  type CompressorName,
  DecodeError,
  type Frame,
  hasCompressor,
  inflate,
  inflateAsync,
  inflatesAsync,
  readCompressedHeader,
} from '../../codecs/index.ts';
import type { CompressionCounts } from '../core/compression-counts.ts';

/** What a listener offers; those that do not work in this process are left out. */
export interface CompressionOffer {
  readonly compressors: readonly CompressorName[];
  readonly counts: CompressionCounts;
}

/** Entries of a client's list that are looked at, whatever their names: there are four compressors. */
const MAX_ASKED = 16;
/** A request out of OP_COMPRESSED, or why there is none. */
export type Unwrapped =
  | { readonly kind: 'whole'; readonly inner: Frame; readonly header: CompressedHeader }
  | { readonly kind: 'refused'; readonly error: DecodeError };

const NONE: readonly CompressorName[] = [];
/** Where the opcode stands: what is wrong is that the message is compressed at all. */
const OPCODE_AT = 12;
const COMPRESSOR_AT = 24;

export class ClientCompression {
  readonly #counts: CompressionCounts;
  readonly #offered: readonly CompressorName[];
  #agreed: readonly CompressorName[] = NONE;

  constructor(offer: CompressionOffer) {
    this.#counts = offer.counts;
    this.#offered = offer.compressors;
  }

  /** What the last hello that asked was told; empty before, and when nothing fits. */
  get agreed(): readonly CompressorName[] {
    return this.#agreed;
  }

  /** A hello with `compression` negotiates anew, one without it leaves things as they are (protocol.md 1.4). */
  negotiate(hello: BsonView): void {
    const asked = hello.getArray('compression');
    if (asked === null) return;
    const agreed = new Set<CompressorName>();
    let looked = 0;
    for (const element of asked.elements()) {
      if (looked++ === MAX_ASKED) break;
      const name = asked.getString(element.name);
      const known = this.#offered.find((offered) => offered === name);
      if (known !== undefined && hasCompressor(known)) agreed.add(known);
    }
    this.#agreed = agreed.size === 0 ? NONE : [...agreed];
  }

  /** Judges a header's opcode before anything behind it is held. @throws DecodeError compressor_not_negotiated. */
  admitOpcode(): void {
    if (this.#agreed.length === 0) throw new DecodeError('compressor_not_negotiated', OPCODE_AT);
  }

  /**
   * Takes a request out of OP_COMPRESSED: small ones before it returns, others off the event loop. `done` is called once.
   */
  unwrap(outer: Frame, done: (request: Unwrapped) => void): void {
    let header: CompressedHeader;
    let small: Frame | null = null;
    try {
      header = this.#admit(outer);
      if (!inflatesAsync(outer, header)) small = inflate(outer, header);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      done({ kind: 'refused', error });
      return;
    }
    const finish = (error: DecodeError | null, inner: Frame | null): void => {
      if (inner === null) {
        done({ kind: 'refused', error: error as DecodeError });
        return;
      }
      this.#count(inner, header);
      done({ kind: 'whole', inner, header });
    };
    if (small === null) inflateAsync(outer, finish);
    else finish(null, small);
  }

  #admit(frame: Frame): CompressedHeader {
    const header = readCompressedHeader(frame);
    if (!this.#agreed.includes(header.name)) throw new DecodeError('compressor_not_negotiated', COMPRESSOR_AT);
    return header;
  }

  #count({ wireBytes, length }: Frame, { name }: CompressedHeader): void {
    this.#counts.add('downstream', 'received', { name, wireBytes, plainBytes: length });
  }
}
