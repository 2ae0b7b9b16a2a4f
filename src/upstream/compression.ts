// Compression of one connection to the server: what weir asks for, what the server's hello agreed to, and the judging of
// replies that come compressed. It writes and inflates nothing itself: connection.ts does.
// Invariant: without an agreement nothing is compressed and nothing compressed is taken.

import {
  BsonView,
  COMPRESSORS,
  type CompressedHeader,
  type CompressorName,
  DecodeError,
  type Frame,
  hasCompressor,
  readCompressedHeader,
} from '../../codecs/index.ts';
import type { CompressionCounts } from '../core/compression-counts.ts';

/** What a cluster asks its server for; those that do not work in this process are left out. */
export interface CompressionRequest {
  /** In the order of preference. */
  readonly compressors: readonly CompressorName[];
  readonly counts: CompressionCounts;
}

/** Where header and compressor of OP_COMPRESSED stand. */
const OPCODE_AT = 12;
const COMPRESSOR_AT = 24;
/** Entries of a server's list that are looked at: it names some of what it was asked for. */
const MAX_NAMED = 4;

/** The compressors that a hello names. */
export function askedOf(request: CompressionRequest): readonly CompressorName[] {
  return request.compressors.filter(hasCompressor);
}

export class ServerCompression {
  readonly counts: CompressionCounts;
  readonly #request: CompressionRequest;
  #agreed: readonly CompressorName[] = [];
  #chosen: CompressorName | null = null;

  constructor(request: CompressionRequest) {
    this.#request = request;
    this.counts = request.counts;
  }

  /** What requests are compressed with; null: they go plain. */
  get chosen(): CompressorName | null {
    return this.#chosen;
  }

  get chosenId(): number {
    return COMPRESSORS[this.#chosen ?? 'noop'];
  }

  /** Reads the answer to the first hello. @throws DecodeError where it is malformed. */
  agree(helloBody: Buffer): void {
    const named = new BsonView(helloBody).getArray('compression');
    if (named === null) return;
    const names = new Set<string | null>();
    let looked = 0;
    for (const element of named.elements()) {
      if (looked++ === MAX_NAMED) break;
      names.add(named.getString(element.name));
    }
    this.#agreed = askedOf(this.#request).filter((name) => names.has(name));
    this.#chosen = this.#agreed[0] ?? null;
  }

  /** Judges a header's opcode before anything behind it is held. @throws DecodeError compressor_not_negotiated. */
  admitOpcode(): void {
    if (this.#chosen === null) throw new DecodeError('compressor_not_negotiated', OPCODE_AT);
  }

  /** @throws DecodeError of the header, or compressor_not_negotiated. */
  admit(frame: Frame): CompressedHeader {
    const header = readCompressedHeader(frame);
    if (!this.#agreed.includes(header.name)) throw new DecodeError('compressor_not_negotiated', COMPRESSOR_AT);
    return header;
  }
}
