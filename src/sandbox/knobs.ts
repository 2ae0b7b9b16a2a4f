// What a test may turn while the sandbox runs: latency, failures, and a hook that sees every command first.
// It decides, connection.ts acts. Invariant: a failure with `times` n strikes exactly n times.

import type { Doc } from './documents.ts';

/** A failure that strikes the next `times` commands of a name. */
export interface FailCommand {
  /** Command name as on the wire (`insert`). */
  readonly command: string;
  /** How often it still strikes; counted down in place. */
  times: number;
  /** MongoDB code of the answer. */
  readonly code: number;
  readonly errorLabels?: readonly string[];
  /** The connection is destroyed instead of an answer. */
  readonly closeConnection?: boolean;
}

/** What `onCommand` may decide: nothing, a whole reply (`ok` included), or what a broken server would do. */
export type CommandHookResult = undefined | Doc | 'close' | 'hang';

/** Read before every command, so a change holds from the next command on. */
export interface SandboxKnobs {
  /** Milliseconds before a command runs; hello and ping are not slowed by a plain number. */
  latencyMs: number | ((command: Readonly<Doc>) => number);
  failCommands: FailCommand[];
  /** Sees every command before it runs, hello included. Must not keep or change the document. */
  onCommand: ((command: Readonly<Doc>) => CommandHookResult) | null;
}

const unslowed: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions']);

/** The knobs at rest. */
export function createKnobs(preset: Partial<SandboxKnobs> = {}): SandboxKnobs {
  return { latencyMs: 0, failCommands: [], onCommand: null, ...preset };
}

/** How long this command waits, in milliseconds, 0 or more. */
export function latencyOf(knobs: SandboxKnobs, name: string, command: Doc): number {
  const { latencyMs } = knobs;
  if (typeof latencyMs === 'function') return Math.max(0, latencyMs(command));
  return unslowed.has(name) ? 0 : latencyMs;
}

/** Takes one strike of the first failure that is due for this command, or null. */
export function takeFailure(knobs: SandboxKnobs, name: string): FailCommand | null {
  const due = knobs.failCommands.find((failure) => failure.command === name && failure.times > 0);
  if (due === undefined) return null;
  due.times -= 1;
  if (due.times === 0) knobs.failCommands = knobs.failCommands.filter((failure) => failure.times > 0);
  return due;
}
