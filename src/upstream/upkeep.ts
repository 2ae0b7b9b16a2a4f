// What becomes of idle connections: closed when idle for too long or too old, asked with a ping when idle for long.
// It destroys and sends nothing: pool.ts acts. Pure but for the jitter. Invariant: idleness never takes the pool below its minimum.

import { Frame } from '../../codecs/index.ts';
import type { Random } from '../core/clock.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import { encodePing } from './handshake.ts';

/** How often idle connections are looked at. */
export const UPKEEP_MS = 5000;
/** Idle for so long: firewalls and crashed hosts make a connection dead without a sign. */
const PING_AFTER_MS = 60_000;
/** A ping that is not answered in this time. */
export const PONG_MS = 10_000;
/** Ages are spread over this share, so that connections made together do not end together. */
const LIFETIME_JITTER = 0.1;

export interface UpkeepOptions {
  readonly minConnections?: number;
  readonly maxIdleTimeMs?: number;
  readonly maxLifetimeMs?: number;
}

export type IdleVerdict = 'keep' | 'ping' | 'idle_time' | 'life_time';

export class Upkeep {
  readonly minConnections: number;
  readonly #maxIdleTimeMs: number;
  readonly #maxLifetimeMs: number;
  readonly #random: Random;

  constructor({ minConnections = 0, maxIdleTimeMs = 0, maxLifetimeMs = 0 }: UpkeepOptions, random: Random) {
    this.minConnections = minConnections;
    this.#maxIdleTimeMs = maxIdleTimeMs > 0 ? maxIdleTimeMs : Number.POSITIVE_INFINITY;
    this.#maxLifetimeMs = maxLifetimeMs > 0 ? maxLifetimeMs : Number.POSITIVE_INFINITY;
    this.#random = random;
  }

  /** When a connection made now is too old. */
  expiryOf(nowMs: number): number {
    return nowMs + this.#maxLifetimeMs * (1 - LIFETIME_JITTER * this.#random());
  }

  /** @param connections all that the pool has, this one included. */
  judge(
    idle: { readonly idleSinceMs: number; readonly lastReadMs: number; readonly expiresMs: number },
    connections: number,
    nowMs: number,
  ): IdleVerdict {
    if (nowMs >= idle.expiresMs) return 'life_time';
    const idleMs = nowMs - idle.idleSinceMs;
    if (idleMs >= this.#maxIdleTimeMs && connections > this.minConnections) return 'idle_time';
    return nowMs - idle.lastReadMs >= PING_AFTER_MS ? 'ping' : 'keep';
  }
}

/** Nobody waits for it. */
const PINGER: ExchangeOwner = { onReply: () => {}, onFailed: () => {} };

export function pingExchange(nowMs: number): Exchange {
  return new Exchange({
    owner: PINGER,
    frame: Frame.of(encodePing(0)),
    admission: 'ordinary',
    fence: null,
    waitBound: 'queue',
    nowMs,
    maxWaitMs: PONG_MS,
  });
}

/** Whether this exchange is such a ping, unanswered for too long. */
export function isPongOverdue(exchange: Exchange | null, nowMs: number): boolean {
  return exchange !== null && exchange.owner === PINGER && nowMs - exchange.sentMs >= PONG_MS;
}
