// Keeps looking up the seeds of a `mongodb+srv` cluster: until the first answer with backoff, then every minute while that
// can tell anything new. It judges no answer. Invariant: one look-up at a time; a failed one changes nothing.

import type { Clock, Random, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { SrvAnswer, SrvResolver } from '../net/srv-resolver.ts';
import type { SrvOptions } from '../options.ts';

/** How often the records are looked up again (the SRV polling specification's least interval). */
export const RESCAN_MS = 60_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

export interface SrvSeedsParts {
  readonly cluster: string;
  readonly srv: SrvOptions;
  readonly resolver: SrvResolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** False while another look-up could tell nothing: a replica set knows its members itself. */
  shouldRescan(): boolean;
  onAnswer(answer: SrvAnswer): void;
}

export class SrvSeeds {
  readonly #parts: SrvSeedsParts;
  #timer: Timer | null = null;
  #failures = 0;
  #isKnown = false;
  #isStopped = false;

  constructor(parts: SrvSeedsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#lookUp();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #lookUp(): void {
    const { resolver, srv } = this.#parts;
    void resolver.resolve(srv).then(
      (answer) => this.#onAnswer(answer),
      (error: unknown) => this.#onFailed(error),
    );
  }

  #onAnswer(answer: SrvAnswer): void {
    if (this.#isStopped) return;
    this.#failures = 0;
    this.#isKnown = true;
    this.#parts.onAnswer(answer);
    this.#wait(RESCAN_MS);
  }

  #onFailed(error: unknown): void {
    if (this.#isStopped) return;
    const { cluster, srv, logger, random } = this.#parts;
    const fields = { cluster, host: srv.host, reason: error instanceof Error ? error.message : 'unknown' };
    if (this.#failures++ === 0) logger.warn(fields, 'the seeds cannot be looked up');
    else logger.debug(fields, 'the seeds still cannot be looked up');
    const retryMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10));
    this.#wait(this.#isKnown ? RESCAN_MS : retryMs * (0.5 + random() / 2));
  }

  #wait(delayMs: number): void {
    this.#timer = this.#parts.clock.setTimer(delayMs, () => {
      if (this.#parts.shouldRescan()) this.#lookUp();
      else this.#wait(RESCAN_MS);
    });
  }
}
