// Which busy connection a short exchange may join, behind others that are short as well (docs/decisions/0015-short-ones-share.md).
// It lends nothing and knows no queue of those who wait. Invariants: nothing joins a connection whose first exchange was not
// short, that compresses, or whose oldest exchange is overdue; never more on one than the depth of now.

import { Tally } from '../core/tally.ts';
import type { UpstreamConnection } from './connection.ts';
import { DepthControl } from './depth-control.ts';
import type { Exchange } from './exchange.ts';

/** An exchange that was thought short and takes longer than this keeps others from coming behind it. */
const OVERDUE_MS = 25;

/** Why a short exchange found no place: every connection is as deep as it may be, or its oldest exchange is overdue. */
export type ShareRefusal = 'depth' | 'overdue';

export class Sharing {
  readonly isOn: boolean;
  readonly control: DepthControl = new DepthControl();
  readonly refused: Tally<ShareRefusal> = new Tally();
  /** Exchanges that were sent behind another one. */
  joined = 0;
  /** Milliseconds that those spent behind others. */
  behindMs = 0;
  readonly #open: UpstreamConnection[] = [];

  constructor(isOn: boolean) {
    this.isOn = isOn;
  }

  /** A connection gets its first exchange. */
  open(connection: UpstreamConnection, exchange: Exchange): void {
    if (!this.isOn || !exchange.isShort || connection.compresses) return;
    connection.isShared = true;
    this.#open.push(connection);
  }

  /** It is idle or gone. */
  close(connection: UpstreamConnection): void {
    if (!connection.isShared) return;
    connection.isShared = false;
    const at = this.#open.indexOf(connection);
    const last = this.#open.pop();
    if (last !== undefined && last !== connection) this.#open[at] = last;
  }

  /** Those that are shared now take nobody more: they are to end when they are free. */
  closeAll(): void {
    for (const connection of this.#open.splice(0)) connection.isShared = false;
  }

  /** The connection with the fewest in flight that one more may join, or null. */
  pick(nowMs: number): UpstreamConnection | null {
    const { depth } = this.control;
    // All busy ones have something long to do: no depth would help.
    if (this.#open.length === 0) return null;
    if (depth === 1) return this.#refuse('depth');
    let best: UpstreamConnection | null = null;
    let fewest = depth;
    let isOverdue = false;
    for (const connection of this.#open) {
      const { inFlight } = connection;
      // None in flight: its last reply is being handed out, and it will be idle. One that is too old shall be, to end.
      if (inFlight >= fewest || inFlight === 0 || nowMs >= connection.expiresMs) continue;
      if (connection.isOverdue(nowMs, OVERDUE_MS)) {
        isOverdue = true;
        continue;
      }
      best = connection;
      fewest = inFlight;
      if (inFlight === 1) break;
    }
    return best ?? this.#refuse(isOverdue ? 'overdue' : 'depth');
  }

  /** An exchange was answered. */
  note(exchange: Exchange): void {
    if (!exchange.isShort || !this.isOn) return;
    if (exchange.place > 1) {
      this.joined++;
      this.behindMs += exchange.turnMs - exchange.sentMs;
    }
    // What a slow client held up says nothing of the server.
    const latencyMs = exchange.repliedMs - exchange.sentMs - exchange.heldUpMs;
    this.control.note(latencyMs, exchange.place, exchange.repliedMs);
  }

  #refuse(reason: ShareRefusal): null {
    if (reason === 'depth') this.control.want();
    this.refused.add(reason);
    return null;
  }
}
