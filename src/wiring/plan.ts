// What follows from the options before anything is built: which clusters get a pool, which are passed through to, how
// many connections a listener takes by default. Pure. Invariant: all listeners at their caps, with what goes upstream,
// fit into the descriptor limit.

import { OVER_LIMIT_HELD } from '../net/over-limit.ts';
import type { ClusterOptions, ListenerMode, ListenerOptions, WeirOptions } from '../options.ts';

/** Descriptors kept back for the admin server, log files and what Node itself holds open. */
const DESCRIPTOR_RESERVE = 128;
const UNKNOWN_DESCRIPTOR_LIMIT = 1024;

export function listenersOf(mode: ListenerMode, options: WeirOptions): readonly ListenerOptions[] {
  return options.listeners.filter((listener) => (listener.mode ?? 'pool') === mode);
}

/** Clusters that some listener passes through to. */
export function passedThrough(options: WeirOptions): readonly ClusterOptions[] {
  const named = namesIn(listenersOf('passthrough', options));
  return options.clusters.filter(({ name }) => named.has(name));
}

/**
 * Clusters with a pool and a monitor. One that only pass-through listeners use gets none, for weir sends it nothing of
 * its own; one that no listener uses is watched all the same.
 */
export function pooled(options: WeirOptions): readonly ClusterOptions[] {
  const byPool = namesIn(listenersOf('pool', options));
  const byAny = namesIn(options.listeners);
  return options.clusters.filter(({ name }) => byPool.has(name) || !byAny.has(name));
}

function namesIn(listeners: readonly ListenerOptions[]): ReadonlySet<string> {
  return new Set(listeners.map(({ cluster }) => cluster));
}

/** A listener's share of what the descriptor limit (null: not known) leaves after pools, held connections and files. */
export function defaultMaxConnections(
  mode: ListenerMode,
  options: WeirOptions,
  descriptorLimit: number | null,
): number {
  let upstream = 0;
  for (const { pool } of pooled(options)) upstream += pool.maxConnections + pool.awaitConnections + 1;
  const free = (descriptorLimit ?? UNKNOWN_DESCRIPTOR_LIMIT) - upstream - DESCRIPTOR_RESERVE;
  const share = Math.floor(free / Math.max(1, options.listeners.length)) - OVER_LIMIT_HELD;
  // A connection that is passed through has two descriptors.
  return Math.max(1, mode === 'pool' ? share : Math.floor(share / 2));
}
