// Requests of one connection that wait behind the one being served. It serves none.
// Invariant: it counts what it holds, so that its owner can stop reading in time; one frame may come on top.

import type { Frame } from '../../codecs/index.ts';

const MAX_FRAMES = 16;
const MAX_BYTES = 1_048_576;

export class RequestQueue {
  #frames: Frame[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** So many or so large that no more should be read. */
  get isFull(): boolean {
    return this.#frames.length >= MAX_FRAMES || this.#bytes >= MAX_BYTES;
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  shift(): Frame | undefined {
    const frame = this.#frames.shift();
    this.#bytes -= frame?.length ?? 0;
    return frame;
  }

  /** Drops the others; the order stays. */
  keepOnly(stays: (frame: Frame) => boolean): void {
    this.#frames = this.#frames.filter(stays);
    this.#bytes = this.#frames.reduce((bytes, { length }) => bytes + length, 0);
  }
}
