// What a person may ask of a running weir (weir pause, resume, reconnect, drain, kill), and what is answered.
// Types only; src/verbs.ts obeys, admin/ and cli/ pass on. Invariant: a refusal is a sentence that says what to do.

import type { KillResult } from './operation.ts';

/** A cluster after the verb. */
export interface ClusterState {
  readonly cluster: string;
  readonly isPaused: boolean;
  /** Operations that wait for a connection. */
  readonly waiters: number;
  /** Connections to the servers. */
  readonly connections: number;
}

export interface DrainState {
  /** Connections of applications that were here when it was asked. */
  readonly clients: number;
  /** When the rest is closed. */
  readonly leftMs: number;
}

export interface KilledClient {
  readonly client: number;
  readonly address: string;
  readonly app: string;
}

export interface KilledOperation {
  readonly operation: string;
  readonly command: string;
  readonly namespace: string;
  readonly how: Exclude<KillResult, 'unanswerable'>;
}

/** not_found: there is no such thing; conflict: it is there, but this cannot be done to it. */
export type VerbAnswer<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'not_found' | 'conflict'; readonly sentence: string };

/** `cluster` null: all of them. */
export interface Verbs {
  /** Holds operations within their deadlines. */
  pause(cluster: string | null): VerbAnswer<readonly ClusterState[]>;
  resume(cluster: string | null): VerbAnswer<readonly ClusterState[]>;
  /** Renews the connections to the servers: idle ones now, busy ones after their exchange. */
  reconnect(cluster: string | null): VerbAnswer<readonly ClusterState[]>;
  /** Begins to end weir; null: within the configured time. Once begun it goes on. */
  drain(timeoutMs: number | null): VerbAnswer<DrainState>;
  killClient(id: number): VerbAnswer<KilledClient>;
  /** `id`: `client.number`, as lists show it. */
  killOperation(id: string): VerbAnswer<KilledOperation>;
}

/** A drain may be given at most so long. */
export const LONGEST_DRAIN_MS = 3_600_000;
