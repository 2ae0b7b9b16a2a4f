// Hands on what was read from a TLS socket, late enough: Node says that a TLS write has left only at the end of the turn, so
// that a quick reply seems to come before its request (in nearly half of all cases with one exchange at a time on loopback).
// It decodes nothing. Invariant: chunks keep their order; none is held beyond the end of the turn.

import type { TLSSocket } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import type { NetSocket } from './byte-socket.ts';

export class TlsReads {
  readonly #socket: Pick<TLSSocket, 'writableLength'>;
  readonly #target: Pick<NetSocket, 'receive'>;
  readonly #clock: Clock;
  readonly #held: Buffer[] = [];

  constructor(socket: Pick<TLSSocket, 'writableLength'>, target: Pick<NetSocket, 'receive'>, clock: Clock) {
    this.#socket = socket;
    this.#target = target;
    this.#clock = clock;
  }

  receive(chunk: Buffer): void {
    if (this.#held.length === 0 && this.#socket.writableLength === 0) {
      this.#target.receive(chunk);
      return;
    }
    if (this.#held.push(chunk) === 1) this.#clock.onTurnEnd(() => this.#release());
  }

  #release(): void {
    for (const chunk of this.#held.splice(0)) this.#target.receive(chunk);
  }
}
