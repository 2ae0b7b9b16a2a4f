// One client connection and its own to the server, and the conversation that reads along. It changes no byte and waits
// for nobody. Invariant: whatever the reading does, an exception included, the bytes go on.

import type { Clock, Timer } from '../core/clock.ts';
import type { ClientSnapshot, CurrentOperation } from '../core/snapshots.ts';
import type { Relay, RelayEnd, RelayEvents } from '../net/relay.ts';
import type { Recorder } from '../recording/recorder.ts';
import type { Tappable } from '../recording/tap.ts';
import type { Conversation, SniffedConnection } from '../sniff/conversation.ts';
import { describeOperation } from '../stats/current-operation.ts';
import type { Target } from './target.ts';

export interface PassthroughConnectionEvents {
  onClosed(connection: PassthroughConnection, end: RelayEnd, detail: string): void;
  /** An exception left the conversation, which is given up. */
  onSniffingFault(error: unknown): void;
}

export interface PassthroughConnectionParts {
  readonly id: number;
  readonly description: SniffedConnection;
  readonly relay: Relay;
  readonly target: Target;
  /** Null: this connection is not read. */
  readonly conversation: Conversation | null;
  /** Sees the bytes while somebody records; null: nobody can. */
  readonly recorder: Recorder | null;
  readonly clock: Clock;
  /** Null: never. */
  readonly idleTimeoutMs: number | null;
  readonly events: PassthroughConnectionEvents;
}

/** Silent for so long between two operations, a connection may be closed while weir is draining. */
const QUIET_MS = 100;
const HELLOS: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster']);

export class PassthroughConnection implements RelayEvents, Tappable {
  readonly id: number;
  readonly #parts: PassthroughConnectionParts;
  readonly #relay: Relay;
  readonly #recorder: Recorder | null;
  readonly #clock: Clock;
  readonly #connectedMs: number;
  #conversation: Conversation | null;
  #idleTimer: Timer | null = null;
  #lastActiveMs: number;
  /** The last bytes were the client's. */
  #isAsking = false;
  #lastCommand = '';

  constructor(parts: PassthroughConnectionParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#relay = parts.relay;
    this.#recorder = parts.recorder;
    this.#clock = parts.clock;
    this.#conversation = parts.conversation;
    this.#connectedMs = parts.clock.nowMs();
    this.#lastActiveMs = this.#connectedMs;
  }

  /** Dials the server. */
  open(): void {
    const { target } = this.#parts;
    target.connecting++;
    this.#recorder?.opened(this);
    this.#relay.open(target, this.#clock, this);
  }

  get listener(): string {
    return this.description.listener;
  }

  get app(): string {
    return this.#conversation?.app ?? '-';
  }

  get remoteAddress(): string {
    return this.#relay.remoteAddress;
  }

  get remotePort(): number {
    return this.#relay.remotePort;
  }

  get description(): SniffedConnection {
    return this.#parts.description;
  }

  /** Its id, also after it was given up; 0 if there never was one. */
  get conversationId(): number {
    return this.#parts.conversation?.id ?? 0;
  }

  /** Null once it was given up. */
  get conversation(): Conversation | null {
    return this.#conversation;
  }

  /** The conversation found an operation of this name. */
  onAsked(command: string): void {
    this.#lastCommand = command;
  }

  onConnected(): void {
    const { target, idleTimeoutMs } = this.#parts;
    target.connecting--;
    target.onOpened();
    this.#lastActiveMs = this.#clock.nowMs();
    if (idleTimeoutMs !== null) this.#watch(idleTimeoutMs, idleTimeoutMs);
  }

  onClientBytes(chunk: Buffer): void {
    const nowMs = this.#clock.nowMs();
    this.#lastActiveMs = nowMs;
    this.#isAsking = true;
    if (this.#recorder?.isRecording === true) this.#recorder.tap(this)?.fromClient(chunk);
    try {
      this.#conversation?.clientBytes(chunk, nowMs);
    } catch (error) {
      this.#giveUpReading(error);
    }
  }

  onServerBytes(chunk: Buffer): void {
    const nowMs = this.#clock.nowMs();
    this.#lastActiveMs = nowMs;
    this.#isAsking = false;
    if (this.#recorder?.isRecording === true) this.#recorder.tap(this)?.fromServer(chunk);
    try {
      this.#conversation?.serverBytes(chunk, nowMs);
    } catch (error) {
      this.#giveUpReading(error);
    }
  }

  onClosed(end: RelayEnd, detail: string): void {
    const { target, events } = this.#parts;
    this.#idleTimer?.cancel();
    this.#recorder?.closed(this, end);
    if (this.#relay.wasConnected) target.onClosed(end);
    else this.#onNeverConnected(end, detail);
    try {
      this.#conversation?.end(this.#clock.nowMs(), end.startsWith('server') ? 'server' : 'client');
    } catch (error) {
      this.#giveUpReading(error);
    }
    events.onClosed(this, end, detail);
  }

  #onNeverConnected(end: RelayEnd, detail: string): void {
    const { target } = this.#parts;
    target.connecting--;
    if (end === 'connect_failed' || end === 'connect_timeout') target.onUnreachable(detail === '' ? end : detail);
  }

  #giveUpReading(error: unknown): void {
    this.#conversation = null;
    this.#parts.events.onSniffingFault(error);
  }

  #watch(idleTimeoutMs: number, delayMs: number): void {
    this.#idleTimer = this.#clock.setTimer(delayMs, () => {
      const leftMs = this.#lastActiveMs + idleTimeoutMs - this.#clock.nowMs();
      if (leftMs > 0) this.#watch(idleTimeoutMs, leftMs);
      else this.#relay.destroy('idle_timeout');
    });
  }

  /** Closes it if no request is under way. */
  drain(): void {
    if (!this.#relay.isConnected || this.#isQuiet) this.#relay.destroy('drained');
  }

  destroy(end: RelayEnd): void {
    this.#relay.destroy(end);
  }

  get #isQuiet(): boolean {
    if (this.#clock.nowMs() - this.#lastActiveMs < QUIET_MS || this.#relay.unsentBytes > 0) return false;
    const conversation = this.#conversation;
    if (conversation === null || conversation.state === 'blind') return !this.#isAsking;
    // A hello may wait at the server for news for as long as it likes: it is the driver's monitor, and nobody's work.
    const isAwaitingNews = conversation.pending === 1 && HELLOS.has(this.#lastCommand);
    return (conversation.pending === 0 || isAwaitingNews) && conversation.heldBytes === 0;
  }

  snapshot(): ClientSnapshot {
    const conversation = this.#conversation;
    return {
      id: this.id,
      listener: this.listener,
      address: `${this.remoteAddress}:${this.remotePort}`,
      app: this.app,
      driver: conversation?.driver ?? '',
      connectedSeconds: (this.#clock.nowMs() - this.#connectedMs) / 1000,
      operations: conversation?.operations ?? 0,
      state: this.#relay.isConnected ? (conversation?.state ?? 'blind') : 'connecting',
      bytesIn: this.#relay.bytesIn,
      bytesOut: this.#relay.bytesOut,
      current: this.current(),
    };
  }

  /** The oldest operation without a reply. A hello may wait for news, and is nobody's work. */
  current(): CurrentOperation | null {
    const conversation = this.#conversation;
    const operation = conversation?.oldest ?? null;
    if (conversation === null || operation === null || HELLOS.has(operation.command.name)) return null;
    // Numbered as they begin, and answered in their order.
    const number = conversation.operations - conversation.pending + 1;
    const server = this.#parts.target.endpoint;
    return describeOperation(operation, {
      id: `${this.id}.${number}`,
      nowMs: this.#clock.nowMs(),
      state: 'passing',
      server,
    });
  }
}
