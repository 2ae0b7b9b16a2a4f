// One server of a deployment as its topology knows it: what it last said of itself, how far away it is, how it fails.
// It decides nothing and monitors nothing. Invariant: `server` is null exactly while the member counts as unknown.

import type { MemberSnapshot } from '../core/snapshots.ts';
import type { HostPort } from '../options.ts';
import type { EndpointKey } from './exchange.ts';
import type { ServerDescription, ServerType } from './server-description.ts';

/** Weight of the newest round trip in the average (SDAM's). */
const RTT_WEIGHT = 0.2;

export class Member {
  readonly key: EndpointKey;
  readonly address: HostPort;
  server: ServerDescription | null = null;
  /** Moving average of the hello's round trip; null until one was answered since it was last unknown. */
  rttMs: number | null = null;
  /** When it last answered; null: never. */
  lastAnswerMs: number | null = null;
  /** Checks that failed since the last answer. */
  failures = 0;
  /** What was last wrong with it; null while nothing is. */
  error: string | null = null;

  constructor(key: EndpointKey, address: HostPort) {
    this.key = key;
    this.address = address;
  }

  get type(): ServerType | 'unknown' {
    return this.server?.type ?? 'unknown';
  }

  get state(): MemberSnapshot['state'] {
    if (this.server !== null) return 'up';
    return this.lastAnswerMs === null ? 'unknown' : 'down';
  }

  answered(server: ServerDescription, rttMs: number, nowMs: number): void {
    this.server = server;
    this.rttMs = this.rttMs === null ? rttMs : this.rttMs + (rttMs - this.rttMs) * RTT_WEIGHT;
    this.lastAnswerMs = nowMs;
    this.failures = 0;
    this.error = null;
  }

  /** Nothing it said counts any more, until it answers again. */
  forget(error: string): void {
    this.server = null;
    this.rttMs = null;
    this.error = error;
  }

  /** As it is shown to people. `isInWindow`: operations may go there. */
  snapshot(isInWindow: boolean, nowMs: number): MemberSnapshot {
    const { server, lastAnswerMs } = this;
    return {
      address: this.key,
      type: this.type,
      state: this.state,
      setName: server?.setName ?? null,
      rttMs: this.rttMs,
      lastAnswerMs: lastAnswerMs === null ? null : nowMs - lastAnswerMs,
      maxWireVersion: server?.maxWireVersion ?? null,
      isInWindow,
      lastError: this.error,
    };
  }
}
