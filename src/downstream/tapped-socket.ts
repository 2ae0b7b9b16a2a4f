// A client's socket whose bytes the recorder sees while somebody records: requests before anything in them is patched,
// answers as they leave. It changes and delays nothing. Invariant: without a recording a chunk costs one look at a field.

import type { ByteSocket, SocketEvents } from '../net/byte-socket.ts';
import type { Recorder } from '../recording/recorder.ts';
import type { Tappable } from '../recording/tap.ts';

export class TappedSocket implements ByteSocket, Tappable {
  readonly listener: string;
  readonly #inner: ByteSocket;
  readonly #recorder: Recorder;

  constructor(inner: ByteSocket, recorder: Recorder, listener: string) {
    this.listener = listener;
    this.#inner = inner;
    this.#recorder = recorder;
    recorder.opened(this);
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get remotePort(): number {
    return this.#inner.remotePort;
  }

  get unwrittenBytes(): number {
    return this.#inner.unwrittenBytes;
  }

  get gatheredBytes(): number {
    return this.#inner.gatheredBytes;
  }

  get isClosed(): boolean {
    return this.#inner.isClosed;
  }

  get bytesIn(): number {
    return this.#inner.bytesIn;
  }

  get bytesOut(): number {
    return this.#inner.bytesOut;
  }

  attach(events: SocketEvents): void {
    this.#inner.attach({
      onData: (chunk) => {
        if (this.#recorder.isRecording) this.#recorder.tap(this)?.fromClient(chunk);
        events.onData(chunk);
      },
      onClose: (reason) => {
        this.#recorder.closed(this, reason);
        events.onClose(reason);
      },
      onDrain: () => events.onDrain(),
    });
  }

  write(chunk: Buffer): void {
    if (this.#recorder.isRecording && !this.#inner.isClosed) this.#recorder.tap(this)?.fromServer(chunk);
    this.#inner.write(chunk);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(reason: string): void {
    this.#inner.destroy(reason);
  }

  runGuarded(work: () => void): void {
    this.#inner.runGuarded(work);
  }
}
