// The library door: start a weir or a sandbox inside another program. Everything else is internal.

export { startWeir, type Weir, type WeirParts } from './app.ts';
export type { Logger } from './core/logger.ts';
export type {
  ClientSnapshot,
  Counters,
  LimitSnapshot,
  PoolSnapshot,
  Snapshots,
  Summary,
} from './core/snapshots.ts';
export type {
  ClusterOptions,
  HostPort,
  LimitDimension,
  LimitMatch,
  LimitOptions,
  ListenerMode,
  ListenerOptions,
  PoolOptions,
  StatsOptions,
  WeirOptions,
} from './options.ts';
export { type Sandbox, type SandboxOptions, startSandbox } from './sandbox/sandbox.ts';
