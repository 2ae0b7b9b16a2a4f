// The established connections of one lane: which are idle, which are lent and to which class.
// It opens, sends and destroys nothing. Invariants: an idle connection is lent to nobody; a connection is lent once, however
// many exchanges share it; what was removed is never lent again.

import type { UpstreamConnection } from './connection.ts';
import type { AdmissionClass } from './exchange.ts';

export class Stock {
  readonly #idle: UpstreamConnection[] = [];
  /** All that live; those that are not idle are lent. */
  readonly #all: Set<UpstreamConnection> = new Set();
  readonly #held: Record<AdmissionClass, number> = { privileged: 0, ordinary: 0 };

  get size(): number {
    return this.#all.size;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get busyCount(): number {
    return this.#all.size - this.#idle.length;
  }

  get heldByPrivileged(): number {
    return this.#held.privileged;
  }

  get heldByOrdinary(): number {
    return this.#held.ordinary;
  }

  /** Exchanges whose reply is due. */
  get inFlight(): number {
    let total = 0;
    for (const connection of this.#all) total += connection.inFlight;
    return total;
  }

  /** Copies: what is done with them may change the stock. */
  all(): UpstreamConnection[] {
    return [...this.#all];
  }

  idle(): UpstreamConnection[] {
    return [...this.#idle];
  }

  /** True for a new one. */
  add(connection: UpstreamConnection): boolean {
    if (this.#all.has(connection)) return false;
    this.#all.add(connection);
    return true;
  }

  /** The one that was idle last, so that the others may grow old; or the given idle one. Undefined if none is idle. */
  lend(admission: AdmissionClass, wanted?: UpstreamConnection): UpstreamConnection | undefined {
    const connection = wanted === undefined ? this.#idle.pop() : this.#takeIdle(wanted);
    if (connection === undefined) return undefined;
    this.#held[admission]++;
    connection.lentFor = admission;
    return connection;
  }

  /** Nobody holds it any more; it is not idle yet. */
  release(connection: UpstreamConnection): void {
    if (connection.lentFor === null) return;
    this.#held[connection.lentFor]--;
    connection.lentFor = null;
  }

  shelve(connection: UpstreamConnection): void {
    this.#idle.push(connection);
  }

  /** It is gone. */
  remove(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    this.#takeIdle(connection);
    this.release(connection);
  }

  #takeIdle(connection: UpstreamConnection): UpstreamConnection | undefined {
    const at = this.#idle.indexOf(connection);
    if (at < 0) return undefined;
    this.#idle.splice(at, 1);
    return connection;
  }
}
