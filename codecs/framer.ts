// Cuts a byte stream into frames.
// Does not look behind the header and copies no payload, except the few bytes of a header that straddles chunks
// and chunks so small that keeping them apart would cost more memory than their bytes.
// Invariants: a size is judged as soon as its 16 header bytes are there, before anything more is held; whatever a frame is
// poured into, `heldBytes` is above 0 until its last byte came.

import { readInt32 } from './bytes.ts';
import { refuse } from './errors.ts';
import { Frame } from './frame.ts';
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from './limits.ts';
import { isKnownOpcode } from './opcode.ts';

/** What a framer needs; `accepts` narrows the opcodes of this direction (default: every known one). */
export interface FramerOptions {
  readonly onFrame: (frame: Frame) => void;
  readonly maxMessageBytes?: number;
  readonly accepts?: (opcode: number) => boolean;
  /** Absent: every frame is held until it is whole. */
  readonly large?: LargeFrames;
}

/** What is known of a large frame when it begins. */
export interface FrameHead {
  /** The whole frame, in bytes. */
  readonly length: number;
  readonly responseTo: number;
  readonly opcode: number;
  /** Of an OP_MSG; of any other opcode the four bytes behind the header, whatever they mean. */
  readonly flagBits: number;
}

/** Takes the bytes of one frame as they come, the header first; the first part has the whole header and is the taker's own. */
export interface FrameSink {
  write(part: Buffer): void;
  /** Every byte was written. */
  end(): void;
}

export interface LargeFrames {
  /** Longer ones are asked for. */
  readonly beyondBytes: number;
  /** Asked once for each that is not whole when it is first seen. Null: it is held and delivered like any other. */
  readonly open: (head: FrameHead) => FrameSink | null;
}

/** Header and flag bits: what must be there before anybody is asked. */
const HEAD_BYTES: number = HEADER_BYTES + 4;

/** Chunks below this are gathered once a frame has many of them: a Buffer object costs about 200 bytes of its own. */
const SMALL_CHUNK_BYTES = 2048;
const SMALL_CHUNKS_KEPT = 8;
const GATHER_BYTES = 16_384;
const NO_CHUNKS: Buffer[] = [];

/** One per connection and direction. After a throw (or stop) it ignores everything. */
export class Framer {
  readonly #onFrame: (frame: Frame) => void;
  readonly #accepts: (opcode: number) => boolean;
  readonly #maxBytes: number;
  /** Chunks of the frame under way; the first starts with its header. */
  #chunks: Buffer[] = NO_CHUNKS;
  #held = 0;
  /** Length of the frame under way; 0 while its header is not whole. */
  #expected = 0;
  #gather: Buffer | null = null;
  #gathered = 0;
  readonly #large: LargeFrames | null;
  /** Longest frame that nobody is asked about. */
  readonly #ordinaryBytes: number;
  /** Where the frame under way goes; then nothing of it is held, though it is counted. */
  #sink: FrameSink | null = null;
  #isAsked = false;
  #stopped = false;

  constructor(options: FramerOptions) {
    this.#onFrame = options.onFrame;
    this.#accepts = options.accepts ?? isKnownOpcode;
    this.#maxBytes = Math.min(options.maxMessageBytes ?? MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES);
    this.#large = options.large ?? null;
    this.#ordinaryBytes = options.large?.beyondBytes ?? MAX_MESSAGE_BYTES;
  }

  /** Bytes of the unfinished frame, those that went to a sink included. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Delivers no more frames, not even from the chunk being pushed, and drops what is held. */
  stop(): void {
    this.#stopped = true;
    this.#reset();
  }

  /**
   * Takes the next bytes of the stream; calls onFrame for every frame that they finish.
   * @throws DecodeError length_too_small, length_too_large, unknown_opcode; also whatever onFrame or a sink throws.
   */
  push(chunk: Buffer): void {
    if (this.#stopped || chunk.length === 0) {
      return;
    }
    try {
      let offset = this.#held === 0 ? 0 : this.#resume(chunk);
      while (!this.#stopped && offset < chunk.length) {
        offset = this.#take(chunk, offset);
      }
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** A frame starts at `offset`: delivers it if it is whole, else holds the rest. Returns where the next one starts. */
  #take(chunk: Buffer, offset: number): number {
    const available = chunk.length - offset;
    if (available < HEADER_BYTES) {
      this.#hold(offset === 0 ? chunk : chunk.subarray(offset));
      return chunk.length;
    }
    const length = this.#judge(chunk, offset);
    if (available < length) {
      this.#expected = length;
      this.#hold(offset === 0 ? chunk : chunk.subarray(offset));
      if (length > this.#ordinaryBytes) this.#askOnce();
      return chunk.length;
    }
    const whole = available === length && offset === 0 ? chunk : chunk.subarray(offset, offset + length);
    this.#onFrame(new Frame(length, [whole]));
    return offset + length;
  }

  /** Continues the frame under way with a new chunk. Returns how many bytes of it were used. */
  #resume(chunk: Buffer): number {
    if (this.#sink !== null) {
      return this.#pour(this.#sink, chunk);
    }
    let offset = 0;
    if (this.#expected === 0) {
      offset = Math.min(HEADER_BYTES - this.#held, chunk.length);
      const header = Buffer.concat([...this.#chunks, chunk.subarray(0, offset)]);
      this.#chunks = [header];
      this.#held = header.length;
      if (header.length < HEADER_BYTES) {
        return offset;
      }
      this.#expected = this.#judge(header, 0);
    }
    const part = Math.min(this.#expected - this.#held, chunk.length - offset);
    if (part > 0) {
      this.#hold(part === chunk.length ? chunk : chunk.subarray(offset, offset + part));
    }
    if (this.#held === this.#expected) {
      this.#deliver();
    } else if (this.#expected > this.#ordinaryBytes) {
      this.#askOnce();
    }
    return offset + part;
  }

  /** Of the first moment on at which the head is there: a frame that somebody takes leaves at once, and is held no more. */
  #askOnce(): void {
    if (this.#isAsked || this.#held < HEAD_BYTES) {
      return;
    }
    this.#isAsked = true;
    this.#flushGathered();
    // Nearly always one chunk. Several are short: there were less than HEAD_BYTES before the last.
    const head = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const sink = this.#large?.open({
      length: this.#expected,
      responseTo: readInt32(head, 8),
      opcode: readInt32(head, 12),
      flagBits: readInt32(head, HEADER_BYTES),
    });
    if (sink === undefined || sink === null || this.#stopped) {
      return;
    }
    this.#chunks = NO_CHUNKS;
    this.#sink = sink;
    sink.write(head);
  }

  /** The next bytes of a frame that a sink takes. Returns how many were its. */
  #pour(sink: FrameSink, chunk: Buffer): number {
    const part = Math.min(this.#expected - this.#held, chunk.length);
    this.#held += part;
    sink.write(part === chunk.length ? chunk : chunk.subarray(0, part));
    if (this.#held === this.#expected && !this.#stopped) {
      this.#reset();
      sink.end();
    }
    return part;
  }

  #deliver(): void {
    this.#flushGathered();
    const frame = new Frame(this.#expected, this.#chunks);
    this.#reset();
    this.#onFrame(frame);
  }

  /** Length of the frame whose header starts at `offset`, after judging it. */
  #judge(bytes: Buffer, offset: number): number {
    const length = readInt32(bytes, offset);
    if (length < HEADER_BYTES) {
      return refuse('length_too_small', 0);
    }
    if (length > this.#maxBytes) {
      return refuse('length_too_large', 0);
    }
    if (!this.#accepts(readInt32(bytes, offset + 12))) {
      return refuse('unknown_opcode', 12);
    }
    return length;
  }

  #hold(part: Buffer): void {
    this.#held += part.length;
    if (part.length < SMALL_CHUNK_BYTES && this.#chunks.length >= SMALL_CHUNKS_KEPT) {
      this.#gatherSmall(part);
      return;
    }
    this.#flushGathered();
    if (this.#chunks.length === 0) {
      this.#chunks = [part];
    } else {
      this.#chunks.push(part);
    }
  }

  #gatherSmall(part: Buffer): void {
    if (this.#gather !== null && this.#gathered + part.length > this.#gather.length) {
      this.#flushGathered();
    }
    this.#gather ??= Buffer.allocUnsafeSlow(GATHER_BYTES);
    this.#gather.set(part, this.#gathered);
    this.#gathered += part.length;
  }

  #flushGathered(): void {
    if (this.#gather === null) {
      return;
    }
    const used = this.#gather.subarray(0, this.#gathered);
    // A mostly empty block is copied to size, so that memory held stays within twice the bytes held.
    this.#chunks.push(this.#gathered < GATHER_BYTES / 2 ? Buffer.from(used) : used);
    this.#gather = null;
    this.#gathered = 0;
  }

  #reset(): void {
    this.#chunks = NO_CHUNKS;
    this.#held = 0;
    this.#expected = 0;
    this.#gather = null;
    this.#gathered = 0;
    this.#sink = null;
    this.#isAsked = false;
  }
}
