// Opens outgoing TCP connections. It does not retry and knows no protocol.
// Invariant: exactly one of onConnected and onFailed is called, unless cancel() came first (attempt.ts).

import { connect } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { HostPort } from '../options.ts';
import { Attempt } from './attempt.ts';
import { type ByteSocket, NetSocket, type OnFault } from './byte-socket.ts';
import { ReadMemory } from './read-memory.ts';
import type { TurnFlusher } from './turn-flusher.ts';

export interface ConnectEvents {
  onConnected(socket: ByteSocket): void;
  /** `reason`: the system's error code (ECONNREFUSED, ENOTFOUND …), `connect_timeout`, or a sentence (tls-failure.ts). */
  onFailed(reason: string): void;
}

export interface Connector {
  connect(address: HostPort, timeoutMs: number, events: ConnectEvents): { cancel(): void };
}

export class TcpConnector implements Connector {
  readonly #clock: Clock;
  readonly #flusher: TurnFlusher;
  readonly #onFault: OnFault;

  constructor(clock: Clock, flusher: TurnFlusher, onFault: OnFault) {
    this.#clock = clock;
    this.#flusher = flusher;
    this.#onFault = onFault;
  }

  connect(address: HostPort, timeoutMs: number, events: ConnectEvents): { cancel(): void } {
    const memory = new ReadMemory();
    let opened: NetSocket | null = null;
    const socket = connect({
      host: address.host,
      port: address.port,
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: () => memory.current,
        callback: (bytes) => {
          opened?.receive(memory.take(bytes));
          return true;
        },
      },
    });
    const attempt = new Attempt(socket, events, this.#clock, timeoutMs);
    socket.once('connect', () => {
      attempt.connected(() => {
        opened = new NetSocket(socket, this.#flusher, this.#onFault);
        return opened;
      });
    });
    // Stays attached: an error after a cancel must not become an uncaught one.
    socket.on('error', (error: NodeJS.ErrnoException) => attempt.fail(error.code ?? 'connect_error'));
    return attempt;
  }
}
