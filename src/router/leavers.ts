// What becomes at the server of operations that nobody waits for any more. It answers nobody and learns nothing.
// Invariants: a connection that others use is never cut for one of them; a write is never cut; what the server does not
// answer costs its connection in the end, however many stood before it there.

import type { Clock } from '../core/clock.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Exchange } from '../upstream/exchange.ts';
import { writesOut } from './short-ones.ts';
import type { Trip } from './trip.ts';

/** How long the server may go on with such an operation, before its connection is given up. */
const ABANDON_AFTER_MS = 30_000;

export class Leavers {
  readonly #cluster: Pick<Cluster, 'abandon' | 'cutOff' | 'options'>;
  readonly #clock: Clock;

  constructor(cluster: Pick<Cluster, 'abandon' | 'cutOff' | 'options'>, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** Its client left after it was sent: it ends now where that is wanted and harms nobody, else its answer is awaited. */
  clientGone(trip: Trip, exchange: Exchange): void {
    const { onClientGone } = this.#cluster.options.pool;
    if (onClientGone === 'cancel' && mayCut(trip) && this.#cluster.cutOff(trip.lane, exchange)) return;
    this.giveUpLater(trip, exchange);
  }

  /** The server has so long to answer. One that is behind others on its connection is given up when it comes first there. */
  giveUpLater(trip: Trip, exchange: Exchange): void {
    trip.abandonTimer = this.#clock.setTimer(ABANDON_AFTER_MS, () => {
      this.#cluster.abandon(trip.lane, exchange);
      if (exchange.state === 'sent') this.giveUpLater(trip, exchange);
    });
  }
}

/** A read that changes nothing, of no transaction: the server may drop it half done. */
function mayCut({ operation, role }: Trip): boolean {
  const { command } = operation;
  if (command.row.access !== 'read' || command.name === 'killCursors') return false;
  return role === 'none' && !command.autocommitFalse && !writesOut(command);
}
