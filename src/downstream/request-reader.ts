// The bytes of one client to requests, begun one at a time in their order. It serves none and knows no commands.
// Invariants: what waits behind the request being served is bounded, because reading stops; so it does between requests while
// memory is short; a message that this connection may not send is refused by its header.

import { DecodeError, type Frame, Framer, OPCODE } from '../../codecs/index.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { ClientCompression } from './compression.ts';
import { FirstBytes, type ForeignProtocol } from './first-bytes.ts';
import { Intake, type IntakeOwner, type IntakeParts } from './intake.ts';
import { RequestQueue } from './request-queue.ts';

export interface RequestReaderOwner {
  /** No request is being served, and none has to wait. */
  readonly mayBegin: boolean;
  /** A request was begun and is not over. */
  readonly isServing: boolean;
  begin(frame: Frame): void;
  /** These are no requests; nothing more will come. */
  onForeign(protocol: ForeignProtocol): void;
  onBadFrame(reason: string): void;
  /** It sends nothing more of a large request while memory is short. */
  onStalled(): void;
}

export class RequestReader implements IntakeOwner {
  readonly #socket: ByteSocket;
  readonly #owner: RequestReaderOwner;
  readonly #compression: ClientCompression;
  readonly #firstBytes: FirstBytes = new FirstBytes();
  readonly #framer: Framer;
  readonly #queue: RequestQueue = new RequestQueue();
  readonly #intake: Intake;
  #isReadingPaused = false;
  #isServing = false;
  #isStopped = false;
  /** Bytes of the request that was begun last. */
  #begunBytes = 0;

  constructor(parts: {
    socket: ByteSocket;
    compression: ClientCompression;
    intake: IntakeParts;
    owner: RequestReaderOwner;
  }) {
    this.#socket = parts.socket;
    this.#compression = parts.compression;
    this.#owner = parts.owner;
    this.#intake = new Intake(parts.intake, this);
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
    if (!this.#intake.isIdle(this.#framer.heldBytes + this.#queue.bytes + this.#begunBytes)) this.#account();
  }

  #accepts(opcode: number): boolean {
    if (opcode !== OPCODE.compressed) return opcode === OPCODE.msg || opcode === OPCODE.query;
    this.#compression.admitOpcode();
    return true;
  }

  #onFrame(frame: Frame): void {
    if (this.#queue.isEmpty && this.#owner.mayBegin) {
      this.#begin(frame);
      return;
    }
    this.#queue.push(frame);
    if (!this.#queue.isFull || this.#isReadingPaused) return;
    this.#isReadingPaused = true;
    this.#socket.pause();
  }

  #begin(frame: Frame): void {
    this.#begunBytes = frame.length;
    this.#owner.begin(frame);
  }

  /** The request at hand takes so much, now that it is inflated. */
  noteInflated(bytes: number): void {
    this.#begunBytes = bytes;
  }

  /** Begins what is queued, as long as the owner may; a loop and not a recursion when answers come at once. */
  serveQueued(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      while (this.#owner.mayBegin) {
        const frame = this.#queue.shift();
        if (frame === undefined) break;
        this.#begin(frame);
      }
    } finally {
      this.#isServing = false;
    }
    if (!this.#intake.isIdle(this.#begunBytes)) this.#account();
    if (this.#isReadingPaused && !this.#queue.isFull) {
      this.#isReadingPaused = false;
      this.#read();
    }
  }

  /** What small requests hold is not looked at twice. */
  #account(): void {
    if (!this.#owner.isServing) this.#begunBytes = 0;
    this.#intake.account(this.#framer.heldBytes, this.#queue.bytes + this.#begunBytes);
    if (!this.#isStopped && !this.#intake.isWaiting && this.#intake.mustWait()) this.#socket.pause();
  }

  onMayRead(): void {
    this.#read();
  }

  onStalled(): void {
    this.#owner.onStalled();
  }

  #read(): void {
    if (!this.#isStopped && !this.#isReadingPaused && !this.#intake.isWaiting) this.#socket.resume();
  }

  /** Reads no more, and drops what is queued but for the frames that may stay. */
  stop(mayStay: (frame: Frame) => boolean): void {
    this.#isStopped = true;
    this.#framer.stop();
    this.#queue.keepOnly(mayStay);
    this.#intake.stop(this.#queue.bytes + (this.#owner.isServing ? this.#begunBytes : 0));
  }
}
