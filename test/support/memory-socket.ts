// A ByteSocket without a network: what weir writes is collected per turn, what the test feeds is delivered at once.
// It copies what the real one (net/byte-socket.ts) does that others depend on: what was gathered can still be seen in
// onClose, end() closes only after the turn, and a paused socket notices neither bytes nor the peer's end.
// Invariant: onClose reaches the owner exactly once, and nothing is delivered after it.

import type { ByteSocket, SocketEvents } from '../../src/net/byte-socket.ts';
import type { Flushable, TurnFlusher } from '../../src/net/turn-flusher.ts';

/** Node's high watermark: only a write beyond it is followed by a drain. */
const WATERMARK_BYTES = 16_384;

let lastPort = 40_000;

export class MemorySocket implements ByteSocket, Flushable {
  readonly remoteAddress: string;
  readonly remotePort: number = ++lastPort;
  /** Called with the bytes of one flush; the far end. */
  onWritten: (bytes: Buffer) => void = () => {};
  /** Called once when weir closes or destroys it; the far end. */
  onClosedHere: (reason: string) => void = () => {};
  isPaused = false;
  isClosed = false;
  /** What destroy() was told; `ended` after end(), `peer_closed` after hangUp(). */
  closeReason = '';
  bytesIn = 0;
  bytesOut = 0;
  /** While true, flushed bytes stay here as if the kernel took none. */
  isStuck = false;
  readonly #stuck: Buffer[] = [];
  #gathered: Buffer[] = [];
  readonly #inbox: Buffer[] = [];
  #events: SocketEvents | null = null;
  readonly #flusher: TurnFlusher;
  #isMarked = false;
  #isEnding = false;
  #isHungUp = false;

  constructor(flusher: TurnFlusher, remoteAddress = '127.0.0.1') {
    this.#flusher = flusher;
    this.remoteAddress = remoteAddress;
  }

  get gatheredBytes(): number {
    return total(this.#gathered);
  }

  get unwrittenBytes(): number {
    return this.gatheredBytes + total(this.#stuck);
  }

  attach(events: SocketEvents): void {
    this.#events = events;
  }

  write(chunk: Buffer): void {
    if (this.isClosed || this.#isEnding) return;
    this.#gathered.push(chunk);
    this.#mark();
  }

  #mark(): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    this.#flusher.mark(this);
  }

  flush(): void {
    this.#isMarked = false;
    if (this.isClosed) return;
    this.#send();
    if (this.#isEnding && this.#stuck.length === 0) this.#close('ended');
  }

  #send(): void {
    if (this.#gathered.length === 0) return;
    const bytes = Buffer.concat(this.#gathered);
    this.bytesOut += bytes.length;
    this.#gathered = [];
    if (this.isStuck) {
      this.#stuck.push(bytes);
      return;
    }
    this.onWritten(bytes);
    if (bytes.length > WATERMARK_BYTES) this.#events?.onDrain();
  }

  /** The kernel takes bytes again. */
  unstick(): void {
    this.isStuck = false;
    const stuck = this.#stuck.splice(0);
    if (stuck.length === 0) return;
    this.onWritten(Buffer.concat(stuck));
    if (this.#isEnding) this.#close('ended');
    else this.#events?.onDrain();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const chunk of this.#inbox.splice(0)) this.feed(chunk);
    if (this.#isHungUp) this.hangUp();
  }

  end(): void {
    if (this.isClosed) return;
    this.#send();
    this.#isEnding = true;
    this.#mark();
  }

  destroy(reason: string): void {
    this.#close(reason);
  }

  runGuarded(work: () => void): void {
    work();
  }

  #close(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.closeReason = reason;
    this.#events?.onClose(reason);
    this.#gathered = [];
    this.onClosedHere(reason);
  }

  // --- the far end ------------------------------------------------------------------------------------------------

  /** Bytes from the peer. */
  feed(bytes: Buffer): void {
    if (this.isClosed || this.#isHungUp) return;
    if (this.isPaused) {
      this.#inbox.push(bytes);
      return;
    }
    this.bytesIn += bytes.length;
    this.#events?.onData(bytes);
  }

  /** The peer closes. */
  hangUp(): void {
    this.#isHungUp = true;
    if (!this.isPaused) this.#close('peer_closed');
  }
}

function total(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
