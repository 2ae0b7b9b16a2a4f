// One attempt to open a connection: the first of its ends wins, and whoever asked is told once. It dials nothing itself.
// Invariant: exactly one of onConnected and onFailed is called, unless cancel() came first.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { ByteSocket } from './byte-socket.ts';
import type { ConnectEvents } from './connector.ts';

export class Attempt {
  readonly #socket: Socket;
  readonly #events: ConnectEvents;
  readonly #timer: Timer;
  #isSettled = false;

  /** @param timeoutMs until connected() must have been called; then it fails as `connect_timeout` */
  constructor(socket: Socket, events: ConnectEvents, clock: Clock, timeoutMs: number) {
    this.#socket = socket;
    this.#events = events;
    this.#timer = clock.setTimer(timeoutMs, () => this.fail('connect_timeout'));
  }

  connected(makeSocket: () => ByteSocket): void {
    if (this.#settle()) this.#events.onConnected(makeSocket());
  }

  fail(reason: string): void {
    if (!this.#settle()) return;
    this.#socket.destroy();
    this.#events.onFailed(reason);
  }

  cancel(): void {
    if (this.#settle()) this.#socket.destroy();
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#timer.cancel();
    return true;
  }
}
