// `weir start`: the proxy as a process, from flags to exit code. What it is made of is app.ts's business.
// Invariant: after the first stop signal, or `weir drain`, it ends within the drain deadline; a second signal ends it at once.

import { setTimeout as delay } from 'node:timers/promises';
import { formatHostPort } from '../config/quantities.ts';
import type { Logger } from '../core/logger.ts';
import type { ServerRow, Summary } from '../core/snapshots.ts';
import type { HostPort, WeirOptions } from '../options.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';
import { explainListenFailure } from './listen-failure.ts';
import { createLogger } from './logger.ts';
import { readStartPlan, type StartFlags } from './start-options.ts';
import { StopSignals } from './stop-signals.ts';

/** What this verb needs of a running proxy; app.ts's Weir has it. */
export interface RunningWeir {
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly adminAddress: HostPort | null;
  readonly snapshots: {
    summary(): Pick<Summary, 'upstreamReachable' | 'upstreamLogin'>;
    servers?(): readonly Pick<ServerRow, 'address' | 'lastError'>[];
  };
  /** Resolves when a drain, which has begun, was asked for (weir drain): with its time in milliseconds. */
  readonly drainAsked: Promise<number>;
  drain(): Promise<void>;
  stop(): Promise<void>;
}

export type Launch = (options: WeirOptions, parts: { readonly logger: Logger }) => Promise<RunningWeir>;

/** What tests replace. */
export interface StartParts {
  readonly launch?: Launch;
  readonly logger?: Logger;
  /** How long --require-upstream waits for the first answer and login; by default as long as hello waits for the first contact. */
  readonly upstreamWaitMs?: number;
  /** Beyond the drain deadline: closing sockets takes a moment too. */
  readonly stopGraceMs?: number;
}

const UPSTREAM_WAIT_MS = 5000;
const UPSTREAM_POLL_MS = 20;
const STOP_GRACE_MS = 1000;

/** Runs until a stop signal was obeyed; throws CliFailure when it cannot start. */
export async function runStart(flags: StartFlags, io: Io, parts: StartParts = {}): Promise<number> {
  const { options, logLevel, requireUpstream } = readStartPlan(flags, io);
  const logger = parts.logger ?? createLogger({ level: logLevel, isTerminal: io.isTerminal });
  const signals = new StopSignals(io);
  try {
    const weir = await launchOrExplain(options, logger, parts.launch ?? launchWeir);
    announce(weir, options, logger);
    if (requireUpstream) await waitForUpstream(weir, options, signals, parts.upstreamWaitMs ?? UPSTREAM_WAIT_MS);
    const reason = await Promise.race([signals.first, weir.drainAsked]);
    const wasAsked = typeof reason === 'number';
    const timeoutMs = wasAsked ? reason : options.drainTimeoutMs;
    logger.info({ signal: wasAsked ? 'none' : reason, deadline_ms: timeoutMs }, 'draining');
    const ended = stopInOrder(weir, timeoutMs, parts.stopGraceMs ?? STOP_GRACE_MS, logger);
    const exitCode = wasAsked ? EXIT.ok : signals.exitCode(reason);
    return await Promise.race([ended.then(() => exitCode), signals.second]);
  } finally {
    signals.close();
  }
}

async function launchWeir(options: WeirOptions, parts: { readonly logger: Logger }): Promise<RunningWeir> {
  const { startWeir } = await import('../app.ts');
  return startWeir(options, parts);
}

async function launchOrExplain(options: WeirOptions, logger: Logger, launch: Launch): Promise<RunningWeir> {
  try {
    return await launch(options, { logger });
  } catch (error) {
    const wishes = options.listeners.map(({ bind }) => ({ address: bind, flag: '--listen' }));
    throw explainListenFailure(
      error,
      options.admin === null ? wishes : [...wishes, { address: options.admin, flag: '--admin' }],
    );
  }
}

function announce(weir: RunningWeir, options: WeirOptions, logger: Logger): void {
  for (const { name, host, port } of weir.listeners) {
    const { cluster = '', mode = 'pool' } = options.listeners.find((listener) => listener.name === name) ?? {};
    logger.info({ listener: name, cluster, mode }, `listening on mongodb://${formatHostPort({ host, port })}`);
  }
  if (weir.adminAddress === null) return;
  const address = formatHostPort(weir.adminAddress);
  logger.info({}, `metrics at http://${address}/metrics, api at http://${address}/api/v1/summary`);
}

async function waitForUpstream(
  weir: RunningWeir,
  options: WeirOptions,
  signals: StopSignals,
  patienceMs: number,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!signals.heard) {
    const { upstreamReachable, upstreamLogin } = weir.snapshots.summary();
    if (upstreamReachable && (upstreamLogin === 'none' || upstreamLogin === 'works')) return;
    if (upstreamLogin === 'refused' || performance.now() >= deadline) {
      const failure = describeFailure(weir, options, upstreamReachable || upstreamLogin === 'refused');
      await weir.stop();
      throw new CliFailure(EXIT.cannotStart, failure);
    }
    await delay(UPSTREAM_POLL_MS);
  }
}

function describeFailure(weir: RunningWeir, options: WeirOptions, isReached: boolean): string {
  const what = isReached ? 'cannot log in' : 'no server answered';
  const remedy = isReached ? 'correct the login' : 'start it, correct --upstream';
  const reasons = reasonsOf(weir) || (isReached ? ' (no answer yet)' : hintOf(options));
  return `weir: ${what} at ${describeSeeds(options)}${reasons}; ${remedy}, or leave --require-upstream out`;
}

/** A server that takes connections and is silent to TLS has not failed yet when patience ends. */
function hintOf({ clusters }: WeirOptions): string {
  const isTls = clusters.some(({ tls = null }) => tls !== null);
  return isTls ? ' (nothing came back yet: is the host right, and does it speak TLS at this port?)' : '';
}

function describeSeeds({ clusters }: WeirOptions): string {
  return clusters.flatMap(({ seeds, srv }) => [...(srv ? [srv.host] : []), ...seeds.map(formatHostPort)]).join(', ');
}

/** What each server's last failure was, the same one once. */
function reasonsOf({ snapshots }: RunningWeir): string {
  const reasons = new Set(snapshots.servers?.().flatMap(({ lastError }) => (lastError === null ? [] : [lastError])));
  return reasons.size === 0 ? '' : ` (${[...reasons].join('; ')})`;
}

async function stopInOrder(weir: RunningWeir, drainTimeoutMs: number, graceMs: number, logger: Logger): Promise<void> {
  const drained = await within(weir.drain(), drainTimeoutMs + graceMs);
  if (!drained) logger.warn({}, 'the drain deadline passed, closing what is left');
  const stopped = await within(weir.stop(), graceMs);
  logger.info({}, stopped ? 'stopped' : 'stopped without closing everything');
}

async function within(work: Promise<void>, deadlineMs: number): Promise<boolean> {
  const patience = new AbortController();
  const late = delay(deadlineMs, false, { signal: patience.signal }).catch(() => false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    patience.abort();
  }
}
