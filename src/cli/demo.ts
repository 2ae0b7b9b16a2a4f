// `weir demo`: flags, signals and the terminal for the demo of src/demo. It knows nothing of what the demo shows.
// Invariant: Ctrl-C gives 130 however it arrives: as a signal, or as a key of the live screen.

import { parseUpstreamUri, type Upstream } from '../config/upstream-uri.ts';
import { CliFailure, EXIT } from './failure.ts';
import { type Io, processIo } from './io.ts';
import { StopSignals } from './stop-signals.ts';

export interface DemoFlags {
  /** null: until a signal or a key. */
  readonly seconds: number | null;
  /** null: the sandbox. */
  readonly upstream: string | null;
}

/** Columns where nobody says: enough for every column of the report. */
const PLAIN_WIDTH = 130;

/** Runs until its time is over or someone ends it; throws CliFailure when it cannot start. */
export async function runDemo(flags: DemoFlags): Promise<number> {
  const upstream = readUpstream(flags.upstream);
  const io = processIo();
  const signals = new StopSignals(io);
  try {
    return await Promise.race([playDemo({ ...flags, upstream }, io, signals), signals.second]);
  } finally {
    signals.close();
  }
}

function readUpstream(text: string | null): Upstream | null {
  if (text === null) return null;
  const parsed = parseUpstreamUri(text);
  if (!parsed.ok)
    throw new CliFailure(parsed.refusal ? EXIT.cannotStart : EXIT.badInput, `weir: --upstream: ${parsed.sentence}`);
  const { seeds, tls = null } = parsed.value;
  if (tls !== null || seeds.length === 0) {
    throw new CliFailure(EXIT.cannotStart, 'weir: --upstream: refused: the demo knows neither TLS nor mongodb+srv');
  }
  return parsed.value;
}

interface Plan {
  readonly seconds: number | null;
  readonly upstream: Upstream | null;
}

async function playDemo(plan: Plan, io: Io, signals: StopSignals): Promise<number> {
  const { play } = await import('../demo/demo.ts');
  const { createPaint, processStreams, readSize } = await import('../demo/terminal.ts');
  const { NoServerError } = await import('../demo/stage.ts');
  const isScreen = io.isTerminal && io.env['TERM'] !== 'dumb';
  const streams = processStreams();
  try {
    const end = await play({
      ...plan,
      ended: signals.first,
      out: io.out,
      streams: isScreen ? streams : null,
      width: () => (io.isTerminal ? readSize(streams.output).columns : PLAIN_WIDTH),
      paint: createPaint(isScreen && (io.env['NO_COLOR'] ?? '') === ''),
    });
    if (end === 'interrupt') return EXIT.interrupted;
    return end === 'signal' ? signals.exitCode(await signals.first) : EXIT.ok;
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    const message = 'weir: no server answered at --upstream; start it, correct the address, or leave --upstream out';
    throw new CliFailure(EXIT.cannotStart, message);
  }
}
