// SIGTERM and SIGINT as promises: the first asks to end in order, the second to end now.
// It ends nothing itself. Invariant: from construction to close() no stop signal kills the process unasked.

import { EXIT } from './failure.ts';
import type { Io, StopSignal } from './io.ts';

export class StopSignals {
  /** The first signal. */
  readonly first: Promise<StopSignal>;
  /** The exit code of the second signal. */
  readonly second: Promise<number>;
  readonly close: () => void;
  #count = 0;

  constructor(io: Io) {
    let gotFirst: (signal: StopSignal) => void = () => {};
    let gotSecond: (exitCode: number) => void = () => {};
    this.first = new Promise((resolve) => {
      gotFirst = resolve;
    });
    this.second = new Promise((resolve) => {
      gotSecond = resolve;
    });
    this.close = io.onSignal((signal) => {
      this.#count += 1;
      if (this.#count === 1) gotFirst(signal);
      else gotSecond(signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated);
    });
  }

  /** A signal has come. */
  get heard(): boolean {
    return this.#count > 0;
  }

  /** The exit code after an orderly end: SIGTERM is how services are stopped, so it is no failure. */
  exitCode(signal: StopSignal): number {
    return signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
  }
}
