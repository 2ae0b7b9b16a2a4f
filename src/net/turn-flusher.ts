// Gathers the sockets that have something to write and flushes them once, after all input of this turn was read.
// Peers are then woken together, and one system call carries what the turn produced for a socket (docs/decisions/0002).
// Invariant: a marked socket is flushed exactly once per mark.

import type { Clock } from '../core/clock.ts';

export interface Flushable {
  flush(): void;
}

export class TurnFlusher {
  readonly #clock: Clock;
  #marked: Flushable[] = [];
  #spare: Flushable[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  mark(socket: Flushable): void {
    if (this.#marked.push(socket) === 1) this.#clock.onTurnEnd(this.#run);
  }

  readonly #run = (): void => {
    const marked = this.#marked;
    this.#marked = this.#spare;
    for (const socket of marked) socket.flush();
    marked.length = 0;
    this.#spare = marked;
  };
}
