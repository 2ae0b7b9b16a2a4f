// Writes down what passes on client connections while somebody asks for it, redacted, for a bounded time and size.
// It opens no file and no port: whoever asks gives a sink. Invariants: one recording at a time; while there is none a
// connection pays one look at a field; a fault in here ends the recording, never a connection.

import type { Clock, Timer } from '../core/clock.ts';
import type { HeldBudget } from './message-cutter.ts';
import { ConnectionTap, type Tap, type Tappable } from './tap.ts';
import { writeComment, writeHeader, writeOpen } from './writer.ts';

/** The most that may be asked for. */
export const RECORDING_LIMITS = { seconds: 600, connections: 100, bytes: 67_108_864 } as const;

/** Bytes of unfinished messages of all connections together. */
const MAX_HELD_BYTES = 33_554_432;
/** Connections that begin within one recording; a client that reconnects all the time may not write on for ever. */
const MAX_BEGUN = 10_000;

export interface RecordingOptions {
  readonly seconds: number;
  /** At most so many at the same time. */
  readonly connections: number;
  /** Characters of the whole text. */
  readonly bytes: number;
  /** Only connections from this host; null for all. */
  readonly client: string | null;
  /** Values and client addresses stay; logins and host data are taken out all the same. */
  readonly keepsValues: boolean;
}

/** Where the text goes. */
export interface RecordingSink {
  /** False if the reader does not keep up; the recording then ends. */
  write(text: string): boolean;
  /** After the last line. */
  finish(): void;
}

export type RecordingStop = 'seconds' | 'bytes' | 'slow_reader' | 'reader_gone' | 'stopped' | 'internal_error';

export interface Recording {
  /** Ends it. Idempotent. */
  stop(reason: RecordingStop): void;
}

export class Recorder {
  readonly #clock: Clock;
  readonly #server: string;
  readonly #onFault: (error: unknown) => void;
  #session: Session | null = null;

  /**
   * @param server what the recording says was recorded, such as `weir 1.2.0`.
   * @param onFault told of a mistake that ended a recording. Must not throw.
   */
  constructor(clock: Clock, server: string, onFault: (error: unknown) => void = () => {}) {
    this.#clock = clock;
    this.#server = server;
    this.#onFault = onFault;
  }

  /** To be looked at before anything else is done for the recorder. */
  get isRecording(): boolean {
    return this.#session !== null;
  }

  /** Begins a recording; null while another one runs. */
  start(options: RecordingOptions, sink: RecordingSink): Recording | null {
    if (this.#session !== null) return null;
    const session = new Session({
      options,
      sink,
      clock: this.#clock,
      server: this.#server,
      onStopped: () => {
        this.#session = null;
      },
      onFault: this.#onFault,
    });
    this.#session = session;
    session.guard(() => session.begin());
    return session;
  }

  /** A connection was accepted; not one byte of it has passed. */
  opened(connection: Tappable): void {
    this.#session?.guard((session) => session.tap(connection, true));
  }

  /** Where to report this connection's bytes; null if they are not recorded. One call per chunk. */
  tap(connection: Tappable): Tap | null {
    const session = this.#session;
    return session === null ? null : session.guard(() => session.tap(connection, false));
  }

  /** The connection is gone. */
  closed(connection: Tappable, reason: string): void {
    this.#session?.guard((session) => session.closed(connection, reason));
  }

  /** Ends what runs. */
  stop(): void {
    this.#session?.stop('stopped');
  }
}

interface SessionParts {
  readonly options: RecordingOptions;
  readonly sink: RecordingSink;
  readonly clock: Clock;
  readonly server: string;
  readonly onStopped: () => void;
  readonly onFault: (error: unknown) => void;
}

class Session implements Recording {
  readonly #parts: SessionParts;
  readonly #taps: Map<Tappable, GuardedTap> = new Map();
  readonly #budget: HeldBudget = { left: MAX_HELD_BYTES };
  readonly #startMs: number;
  #timer: Timer | null = null;
  #begun = 0;
  #live = 0;
  #bytes = 0;
  #isStopped = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#startMs = parts.clock.nowMs();
  }

  begin(): void {
    const { options, clock, server } = this.#parts;
    this.#timer = clock.setTimer(options.seconds * 1000, () => this.stop('seconds'));
    this.#emit(
      writeHeader({
        server,
        recorded: new Date(clock.wallMs()).toISOString().slice(0, 10),
        values: options.keepsValues ? 'raw' : 'redacted',
      }),
    );
  }

  /** Runs a step of the recorder; a fault in it ends the recording. */
  guard<T>(step: (session: Session) => T): T | null {
    try {
      return step(this);
    } catch (error) {
      this.#parts.onFault(error);
      this.stop('internal_error');
      return null;
    }
  }

  tap(connection: Tappable, isFresh: boolean): Tap | null {
    return this.#taps.get(connection) ?? this.#begin(connection, isFresh);
  }

  #begin(connection: Tappable, isFresh: boolean): Tap | null {
    const { options } = this.#parts;
    if (this.#isStopped || this.#live >= options.connections || this.#begun >= MAX_BEGUN) return null;
    if (options.client !== null && plainAddress(connection.remoteAddress) !== plainAddress(options.client)) return null;
    this.#live++;
    const number = ++this.#begun;
    const address = options.keepsValues ? `${connection.remoteAddress}:${connection.remotePort}` : '';
    this.#emit(writeOpen(this.#nowMs(), number, connection.listener, address));
    const tap = new ConnectionTap({
      connection: number,
      keepsValues: options.keepsValues,
      isFresh,
      budget: this.#budget,
      nowMs: () => this.#nowMs(),
      emit: (text) => this.#emit(text),
    });
    const guarded = new GuardedTap(tap, this);
    this.#taps.set(connection, guarded);
    return guarded;
  }

  closed(connection: Tappable, reason: string): void {
    const tap = this.#taps.get(connection);
    if (tap === undefined) return;
    this.#taps.delete(connection);
    this.#live--;
    tap.inner.end(reason);
  }

  stop(reason: RecordingStop): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#taps.clear();
    this.#parts.onStopped();
    const { sink, onFault } = this.#parts;
    try {
      sink.write(writeComment(`ended: ${reason}, ${this.#begun} connections, ${this.#bytes} characters`));
      sink.finish();
    } catch (error) {
      // This runs in the middle of a connection's work, or in a timer: the sink's failure is not theirs.
      onFault(error);
    }
  }

  #nowMs(): number {
    return this.#parts.clock.nowMs() - this.#startMs;
  }

  #emit(text: string): void {
    if (this.#isStopped) return;
    if (this.#bytes + text.length > this.#parts.options.bytes) {
      this.stop('bytes');
      return;
    }
    this.#bytes += text.length;
    if (!this.#parts.sink.write(text)) this.stop('slow_reader');
  }
}

/** An IPv4 client of a socket that speaks both looks like `::ffff:192.0.2.1`. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/i, '').toLowerCase();
}

/** A tap whose faults end the recording. */
class GuardedTap implements Tap {
  readonly inner: ConnectionTap;
  readonly #session: Session;

  constructor(inner: ConnectionTap, session: Session) {
    this.inner = inner;
    this.#session = session;
  }

  fromClient(chunk: Buffer): void {
    this.#session.guard(() => this.inner.fromClient(chunk));
  }

  fromServer(chunk: Buffer): void {
    this.#session.guard(() => this.inner.fromServer(chunk));
  }
}
