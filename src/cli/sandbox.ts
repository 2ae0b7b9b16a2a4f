// `weir sandbox`: the embedded test server as a process of its own. What it can do is src/sandbox's business.

import { formatHostPort, parseBind } from '../config/quantities.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';
import { explainListenFailure } from './listen-failure.ts';
import { StopSignals } from './stop-signals.ts';

export interface SandboxFlags {
  readonly listen: string;
  /** Milliseconds, as typed. */
  readonly latency: string;
}

const MAX_LATENCY_MS = 60_000;

/** Runs until a stop signal; throws CliFailure when it cannot start. */
export async function runSandbox(flags: SandboxFlags, io: Io): Promise<number> {
  const address = parseBind(flags.listen);
  if (!address.ok) throw new CliFailure(EXIT.badInput, `weir: --listen: ${address.sentence}`);
  const latencyMs = /^\d+(?:\.\d+)?$/.test(flags.latency) ? Number(flags.latency) : Number.NaN;
  if (!(latencyMs <= MAX_LATENCY_MS)) {
    throw new CliFailure(EXIT.badInput, `weir: --latency: expected milliseconds from 0 to ${MAX_LATENCY_MS}`);
  }
  const { SANDBOX_NOTICE, startSandbox } = await import('../sandbox/sandbox.ts');
  const signals = new StopSignals(io);
  try {
    const sandbox = await startSandbox({ ...address.value, knobs: { latencyMs } }).catch((error: unknown) => {
      throw explainListenFailure(error, [{ address: address.value, flag: '--listen' }]);
    });
    io.out(`sandbox listening on mongodb://${formatHostPort(sandbox)}`);
    io.out(SANDBOX_NOTICE);
    const signal = await signals.first;
    return await Promise.race([sandbox.stop().then(() => signals.exitCode(signal)), signals.second]);
  } finally {
    signals.close();
  }
}
