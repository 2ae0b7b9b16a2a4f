// Compressed messages and their bytes, by side, compressor and direction. Counted where a message leaves or enters
// OP_COMPRESSED; messages that go plain are not here.
// Invariant: counts never decrease; keys come from closed lists.

import type { CompressorName } from '../../codecs/index.ts';
import { Tally } from './tally.ts';

/** downstream: towards applications; upstream: towards the server. */
export type CompressionSide = 'downstream' | 'upstream';
export type CompressionDirection = 'received' | 'sent';

export interface CompressedMessage {
  readonly name: CompressorName;
  /** As OP_COMPRESSED. */
  readonly wireBytes: number;
  /** The message inside. */
  readonly plainBytes: number;
}

export class CompressionCounts {
  /** By `side|compressor|direction`. */
  readonly messages: Tally<string> = new Tally();
  /** Bytes, headers included, by `side|compressor|direction|form`; form: wire, or plain for what they stand for. */
  readonly bytes: Tally<string> = new Tally();

  add(side: CompressionSide, direction: CompressionDirection, message: CompressedMessage): void {
    const key = `${side}|${message.name}|${direction}`;
    this.messages.add(key);
    this.bytes.add(`${key}|wire`, message.wireBytes);
    this.bytes.add(`${key}|plain`, message.plainBytes);
  }
}
