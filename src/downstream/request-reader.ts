// The bytes of one client to requests, begun one at a time in their order. It serves none and knows no commands.
// Invariants: what waits behind the request being served is bounded, because reading stops; a message that this
// connection may not send is refused by its header.

import { DecodeError, type Frame, Framer, OPCODE } from '../../codecs/index.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { ClientCompression } from './compression.ts';
import { FirstBytes, type ForeignProtocol } from './first-bytes.ts';
import { RequestQueue } from './request-queue.ts';

export interface RequestReaderOwner {
  /** No request is being served, and none has to wait. */
  readonly mayBegin: boolean;
  begin(frame: Frame): void;
  /** These are no requests; nothing more will come. */
  onForeign(protocol: ForeignProtocol): void;
  onBadFrame(reason: string): void;
}

export class RequestReader {
  readonly #socket: ByteSocket;
  readonly #owner: RequestReaderOwner;
  readonly #compression: ClientCompression;
  readonly #firstBytes: FirstBytes = new FirstBytes();
  readonly #framer: Framer;
  readonly #queue: RequestQueue = new RequestQueue();
  #isReadingPaused = false;
  #isServing = false;

  constructor(socket: ByteSocket, compression: ClientCompression, owner: RequestReaderOwner) {
    this.#socket = socket;
    this.#compression = compression;
    this.#owner = owner;
    this.#framer = new Framer({ onFrame: (frame) => this.#onFrame(frame), accepts: (opcode) => this.#accepts(opcode) });
  }

  push(chunk: Buffer): void {
    const foreign = this.#firstBytes.push(chunk);
    if (foreign !== null) {
      this.#owner.onForeign(foreign);
      return;
    }
    try {
      this.#framer.push(chunk);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#owner.onBadFrame(error.reason);
    }
  }

  #accepts(opcode: number): boolean {
    if (opcode !== OPCODE.compressed) return opcode === OPCODE.msg || opcode === OPCODE.query;
    this.#compression.admitOpcode();
    return true;
  }

  #onFrame(frame: Frame): void {
    if (this.#queue.isEmpty && this.#owner.mayBegin) {
      this.#owner.begin(frame);
      return;
    }
    this.#queue.push(frame);
    if (!this.#queue.isFull || this.#isReadingPaused) return;
    this.#isReadingPaused = true;
    this.#socket.pause();
  }

  /** Begins what is queued, as long as the owner may; a loop and not a recursion when answers come at once. */
  serveQueued(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      while (this.#owner.mayBegin) {
        const frame = this.#queue.shift();
        if (frame === undefined) break;
        this.#owner.begin(frame);
      }
    } finally {
      this.#isServing = false;
    }
    if (this.#isReadingPaused && !this.#queue.isFull) {
      this.#isReadingPaused = false;
      this.#socket.resume();
    }
  }

  /** Reads no more, and drops what is queued but for the frames that may stay. */
  stop(mayStay: (frame: Frame) => boolean): void {
    this.#framer.stop();
    this.#queue.keepOnly(mayStay);
  }
}
