// One listener: accepts client connections up to the cap, keeps the set of them, drains and stops them.
// It reads no bytes. Invariant: beyond the cap a connection is accepted, left unread and closed soon, counted: on EMFILE
// Node would close silently, so the process must never come to that.

import { ByteBudget, DEFAULT_BUFFER_BYTES } from '../core/byte-budget.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { Tally } from '../core/tally.ts';
import type { ByteSocket, OnFault } from '../net/byte-socket.ts';
import { type Listener, listen } from '../net/listener.ts';
import { OverLimit } from '../net/over-limit.ts';
import type { TurnFlusher } from '../net/turn-flusher.ts';
import type { AllowableCommand, Face, HostPort } from '../options.ts';
import type { Recorder } from '../recording/recorder.ts';
import { ClientConnection } from './client-connection.ts';
import type { CompressionOffer } from './compression.ts';
import type { Dispatcher } from './dispatcher.ts';
import { FOREIGN_ADVICE, type ForeignProtocol } from './first-bytes.ts';
import { TappedSocket } from './tapped-socket.ts';

const DRAIN_POLL_MS = 50;
const SLOW_CLIENT_TIMEOUT_MS = 10_000;
const NONE_ALLOWED: readonly AllowableCommand[] = [];

export interface DownstreamParts {
  readonly name: string;
  readonly bind: HostPort;
  readonly maxConnections: number;
  /** Absent: mongos. */
  readonly face?: Face;
  /** Absent: none. */
  readonly allow?: readonly AllowableCommand[];
  readonly dispatcher: Dispatcher;
  readonly flusher: TurnFlusher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly decodeErrors: Tally<string>;
  readonly onFault: OnFault;
  /** Sees every connection's bytes while somebody records. */
  readonly recorder?: Recorder;
  /** Ids of connections, where several listeners share them; absent: its own. */
  readonly nextId?: () => number;
  /** What clients are offered that ask for compression. */
  readonly compression: CompressionOffer;
  /** What the clients of all listeners may hold; absent: one of its own, of the usual size. */
  readonly budget?: ByteBudget;
  /** See ListenerOptions; absent: 10 s. */
  readonly slowClientTimeoutMs?: number;
}

export class DownstreamServer {
  readonly connections: Set<ClientConnection> = new Set();
  /** Closed here, while their last answer is still on its way. */
  readonly #lingering: Set<ClientConnection> = new Set();
  readonly accepted: Tally<'served' | 'over_limit'> = new Tally();
  readonly closed: Tally<string> = new Tally();
  readonly #parts: DownstreamParts;
  readonly #budget: ByteBudget;
  readonly #overLimit: OverLimit;
  readonly #advised: Set<ForeignProtocol> = new Set();
  #listener: Listener | null = null;
  #lastId = 0;
  #isDraining = false;

  constructor(parts: DownstreamParts) {
    this.#parts = parts;
    this.#budget = parts.budget ?? new ByteBudget(DEFAULT_BUFFER_BYTES);
    this.#overLimit = new OverLimit(parts.clock);
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Binds; rejects with the system's error. */
  async start(): Promise<HostPort> {
    this.#listener = await listen(this.#parts.bind, this.#parts.flusher, this.#parts.onFault, (socket) =>
      this.accept(socket),
    );
    return this.#listener.address;
  }

  accept(socket: ByteSocket): void {
    const held = this.connections.size + this.#lingering.size;
    if (held >= this.#parts.maxConnections || this.#isDraining) {
      this.accepted.add('over_limit');
      this.#overLimit.turnAway(socket);
      return;
    }
    this.accepted.add('served');
    const connection = new ClientConnection({
      id: this.#parts.nextId?.() ?? ++this.#lastId,
      listener: this.#parts.name,
      face: this.#parts.face ?? 'mongos',
      allowed: this.#parts.allow ?? NONE_ALLOWED,
      socket: this.#tapped(socket),
      dispatcher: this.#parts.dispatcher,
      peers: this.#parts.dispatcher.peers,
      clock: this.#parts.clock,
      compression: this.#parts.compression,
      budget: this.#budget,
      slowClientTimeoutMs: this.#parts.slowClientTimeoutMs ?? SLOW_CLIENT_TIMEOUT_MS,
      events: {
        onClosed: (gone, reason) => this.#onClosed(gone, reason),
        onGone: (gone) => this.#lingering.delete(gone),
        onDecodeError: (reason) => this.#parts.decodeErrors.add(`downstream|${reason}`),
      },
    });
    this.connections.add(connection);
  }

  #tapped(socket: ByteSocket): ByteSocket {
    const { recorder, name } = this.#parts;
    return recorder === undefined ? socket : new TappedSocket(socket, recorder, name);
  }

  #onClosed(connection: ClientConnection, reason: string): void {
    this.connections.delete(connection);
    this.#lingering.add(connection);
    this.closed.add(reason);
    if (reason === 'tls' || reason === 'http') this.#advise(reason);
  }

  #advise(protocol: ForeignProtocol): void {
    if (this.#advised.has(protocol)) return;
    this.#advised.add(protocol);
    this.#parts.logger.warn({ listener: this.name }, FOREIGN_ADVICE[protocol]);
  }

  /** Stops accepting, lets running operations and open transactions end, closes the rest; at the latest at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    void this.#listener?.stop();
    const { transactions } = this.#parts.dispatcher.router;
    while (this.connections.size > 0 && this.#parts.clock.nowMs() < deadlineMs) {
      for (const connection of this.connections) if (!transactions.isCarrier(connection)) connection.drain();
      if (this.connections.size > 0) await this.#pause();
    }
    for (const connection of this.connections) connection.close('drain_deadline');
    while (this.#lingering.size > 0 && this.#parts.clock.nowMs() < deadlineMs) await this.#pause();
  }

  /** Ends what drain() left, answers on their way included. */
  stop(): void {
    for (const connection of [...this.connections]) connection.close('stopped');
    for (const connection of [...this.#lingering]) connection.destroy();
    this.#overLimit.stop();
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parts.clock.setTimer(DRAIN_POLL_MS, resolve);
    });
  }
}
