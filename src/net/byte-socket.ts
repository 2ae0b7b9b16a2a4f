// One TCP connection as the layers above see it: chunks in, chunks out, one close with a reason.
// It knows no opcodes and no policy. Invariants: onClose is called exactly once; nothing is delivered after it;
// writes are gathered and leave in one system call per turn of the event loop.

import type { Socket } from 'node:net';
import type { TurnFlusher } from './turn-flusher.ts';

/** Upward calls of a connection. */
export interface SocketEvents {
  onData(chunk: Buffer): void;
  /** The peer or the network ended it, or destroy() was called. */
  onClose(reason: string): void;
  /** All that was written has left after write() had passed the high watermark. */
  onDrain(): void;
}

/** What connections are written against; tests give their own. */
export interface ByteSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Bytes accepted by write() that the kernel has not taken yet. */
  readonly unwrittenBytes: number;
  /** Bytes accepted by write() in this turn, of which not one has left yet. */
  readonly gatheredBytes: number;
  readonly isClosed: boolean;
  /** Bytes that came and went since it was opened; what write() gathered in this turn comes later. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  attach(events: SocketEvents): void;
  /** Gathers; leaves at the end of this turn. Ignored after the close. */
  write(chunk: Buffer): void;
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes. */
  end(): void;
  destroy(reason: string): void;
  /** Goes on with what its bytes began, from a callback of elsewhere: a mistake in it costs this connection alone. */
  runGuarded(work: () => void): void;
}

/** Told of an exception that reached a socket: a mistake of weir's own, to be logged and counted. */
export type OnFault = (error: unknown) => void;

export type ExplainError = (error: NodeJS.ErrnoException) => string;

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? 'socket_error';
}

/** Below this many bytes several small chunks are joined into one write: cheaper than a vector write. */
const JOIN_BELOW_BYTES = 16_384;

/** An owner may have waited for this much to leave. Node says `drain` only from its own high watermark on. */
const SAY_DRAIN_FROM_BYTES = 16_384;

export class NetSocket implements ByteSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  readonly #flusher: TurnFlusher;
  readonly #onFault: OnFault;
  readonly #explain: ExplainError;
  #events: SocketEvents | null = null;
  /** What this turn gathered: nearly always one chunk, so that one has a place of its own. */
  #first: Buffer | null = null;
  readonly #more: Buffer[] = [];
  #gatheredBytes = 0;
  #isEnding = false;
  #closed = false;

  /** @param explain what to call an error in onClose; absent: by its code */
  constructor(socket: Socket, flusher: TurnFlusher, onFault: OnFault, explain: ExplainError = codeOf) {
    this.#socket = socket;
    this.#explain = explain;
    this.#flusher = flusher;
    this.#onFault = onFault;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
  }

  get unwrittenBytes(): number {
    return this.#gatheredBytes + this.#socket.writableLength;
  }

  get gatheredBytes(): number {
    return this.#gatheredBytes;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get bytesIn(): number {
    return this.#socket.bytesRead;
  }

  get bytesOut(): number {
    return this.#socket.bytesWritten;
  }

  attach(events: SocketEvents): void {
    this.#events = events;
    this.#socket.on('data', (chunk: Buffer) => {
      if (!this.#closed) this.#deliver(events, chunk);
    });
    this.#socket.on('drain', () => {
      if (!this.#closed) events.onDrain();
    });
    this.#socket.on('end', () => this.destroy('peer_closed'));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.destroy(this.#explain(error)));
    this.#socket.on('close', () => this.destroy('closed'));
  }

  /** Bytes of a socket that is read into memory of our own (connector.ts): it emits no data. */
  receive(chunk: Buffer): void {
    if (!this.#closed && this.#events !== null) this.#deliver(this.#events, chunk);
  }

  /** A mistake of weir's own that these bytes found costs this connection, never the process with all the others. */
  #deliver(events: SocketEvents, chunk: Buffer): void {
    try {
      events.onData(chunk);
    } catch (error) {
      this.#onFault(error);
      this.destroy('internal_error');
    }
  }

  runGuarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onFault(error);
      this.destroy('internal_error');
    }
  }

  write(chunk: Buffer): void {
    if (this.#closed || this.#isEnding) return;
    this.#gatheredBytes += chunk.length;
    if (this.#first !== null) {
      this.#more.push(chunk);
      return;
    }
    this.#first = chunk;
    this.#flusher.mark(this);
  }

  /** Called by the flusher at the end of the turn. */
  flush(): void {
    const first = this.#first;
    if (first === null || this.#closed) return;
    const bytes = this.#gatheredBytes;
    this.#first = null;
    this.#gatheredBytes = 0;
    if (this.#more.length > 0) this.#writeTogether([first, ...this.#more.splice(0)], bytes);
    else if (bytes < SAY_DRAIN_FROM_BYTES) this.#socket.write(first);
    else this.#socket.write(first, this.#onTaken);
  }

  /** The kernel has taken a large write, and a later one perhaps as well. */
  readonly #onTaken = (): void => {
    if (!this.#closed && this.#socket.writableLength === 0) this.runGuarded(() => this.#events?.onDrain());
  };

  #writeTogether(chunks: readonly Buffer[], bytes: number): void {
    if (bytes < JOIN_BELOW_BYTES) {
      this.#socket.write(Buffer.concat(chunks, bytes));
      return;
    }
    this.#socket.cork();
    const last = chunks.at(-1);
    for (const chunk of chunks) this.#socket.write(chunk, chunk === last ? this.#onTaken : undefined);
    this.#socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#closed) return;
    this.flush();
    this.#isEnding = true;
    this.#socket.end();
  }

  destroy(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    // What was gathered is dropped only after the owner could see that it never left.
    this.#events?.onClose(reason);
    this.#first = null;
    this.#more.length = 0;
    this.#gatheredBytes = 0;
  }
}
