// Starts weir and a sandbox as processes of their own for a bench, and reads what the system says of them.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  /** From spawn to the line that says that it listens. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** Runs the built command line and waits for its `listening on mongodb://` line. */
export async function startCli(args: readonly string[]): Promise<Started> {
  const begin = performance.now();
  const child = spawn(process.execPath, ['dist/src/cli/main.js', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await listeningPort(child);
  return {
    child,
    port,
    startMs: performance.now() - begin,
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Reads the `listening on mongodb://` line of a child whose output is piped. */
export async function listeningPort(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('no output to read');
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /listening on mongodb:\/\/[^"]*:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stdout.resume();
    return Number(port);
  }
  throw new Error('it ended without listening');
}

/** Resident memory in KiB (Linux only). */
export function residentKib(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN);
}
