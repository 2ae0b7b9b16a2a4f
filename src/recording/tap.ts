// One connection as it is recorded: both directions cut into messages, redacted, written as text.
// It does not decide when to begin or to stop: the recorder does. Invariant: what leaves here has passed redaction.

import { Frame, type Redacted, redactMessage } from '../../codecs/index.ts';
import { type HeldBudget, MAX_HELD_BYTES, MessageCutter } from './message-cutter.ts';
import { remarkOf } from './remark.ts';
import { type ChunkToWrite, writeChunk, writeEnd } from './writer.ts';

/** What a connection shows of itself; also its identity for the recorder. */
export interface Tappable {
  readonly listener: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Where a connection's owner reports the bytes that pass; both must be called in the order of the wire. */
export interface Tap {
  /** Keeps nothing of the chunk; to be called before anything in it is patched. */
  fromClient(chunk: Buffer): void;
  fromServer(chunk: Buffer): void;
}

export interface TapParts {
  readonly connection: number;
  readonly keepsValues: boolean;
  readonly isFresh: boolean;
  readonly budget: HeldBudget;
  nowMs(): number;
  emit(text: string): void;
}

/** Requests whose replies are secret and have not come; more than a login needs. */
const MAX_SECRETS = 100;

export class ConnectionTap implements Tap {
  readonly #parts: TapParts;
  readonly #client: MessageCutter;
  readonly #server: MessageCutter;
  readonly #secrets: Set<number> = new Set();
  #isOver = false;

  constructor(parts: TapParts) {
    this.#parts = parts;
    this.#client = this.#cutter('client');
    this.#server = this.#cutter('server');
  }

  /** Nothing more is recorded of it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  fromClient(chunk: Buffer): void {
    if (!this.#isOver) this.#client.push(chunk);
  }

  fromServer(chunk: Buffer): void {
    if (!this.#isOver) this.#server.push(chunk);
  }

  /** Writes its last line. Idempotent. */
  end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#client.stop();
    this.#server.stop();
    this.#parts.emit(writeEnd(this.#parts.nowMs(), this.#parts.connection, reason));
  }

  #cutter(from: 'client' | 'server'): MessageCutter {
    const { budget, isFresh } = this.#parts;
    return new MessageCutter(
      {
        onMessage: (frame) => {
          const { bytes } = this.#redact(from, frame);
          this.#write({ from, bytes, remark: remarkOf(Frame.of(bytes), from) });
        },
        onTooLarge: (header, length) =>
          this.#write({ from, bytes: header, zeros: length - header.length, remark: 'too large to be recorded' }),
        onLost: (reason) => this.end(reason),
      },
      budget,
      isFresh,
    );
  }

  #redact(from: 'client' | 'server', frame: Frame): Redacted {
    const isSecretReply = from === 'server' && this.#secrets.delete(frame.responseTo);
    const options = { from, keepsValues: this.#parts.keepsValues, isSecretReply, maxInflatedBytes: MAX_HELD_BYTES };
    const redacted = redactMessage(frame, options);
    if (from === 'client' && redacted.isSecret && this.#secrets.size < MAX_SECRETS) this.#secrets.add(frame.requestId);
    return redacted;
  }

  #write(chunk: Omit<ChunkToWrite, 'atMs' | 'connection'>): void {
    const { connection } = this.#parts;
    this.#parts.emit(writeChunk({ ...chunk, atMs: this.#parts.nowMs(), connection }));
  }
}
