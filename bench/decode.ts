// `tsx bench/decode.ts`: the speed of `weir decode` on one core, beside tshark's dissector on the same file. It asserts
// nothing; figures go to README.md here. Needs dist/ (npm run build); without tshark only weir is measured.
// Options: --rounds N, --small MB, --large MB, --only small,network,loopback, --keep (the captures, for a profile).

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CaptureShape, SERVER_PORT, writeCapture } from './capture-file.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    small: { type: 'string', default: '100' },
    large: { type: 'string', default: '500' },
    only: { type: 'string', default: 'small,network,loopback' },
    keep: { type: 'boolean', default: false },
  },
});

const SMALL = { bytes: Number(values.small) * 1e6, connections: 64, replyBytes: 200, segmentBytes: 1448 };
const LARGE = { bytes: Number(values.large) * 1e6, connections: 16, replyBytes: 1_000_000 };
const SHAPES: Readonly<Record<string, CaptureShape>> = {
  small: SMALL,
  network: { ...LARGE, segmentBytes: 1448 },
  loopback: { ...LARGE, segmentBytes: 65_483 },
};

interface Run {
  readonly seconds: number;
  /** Time on a processor, as of the last look: what a busy machine does not distort. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

/** Peak resident memory in KiB so far (Linux only). */
function peakKib(child: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const TICKS_PER_SECOND = 100;

/** Time on a processor so far (Linux only). */
function cpuSeconds(child: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${child.pid ?? 0}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

async function measure(command: string, args: readonly string[]): Promise<Run> {
  const begin = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore'] });
  let peak = 0;
  let cpu = 0;
  const watch = setInterval(() => {
    cpu = Math.max(cpu, cpuSeconds(child));
    peak = Math.max(peak, peakKib(child));
  }, 20);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(watch);
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { seconds: (performance.now() - begin) / 1000, cpuSeconds: cpu, peakMb: peak / 1024 };
}

const weir = (path: string): Promise<Run> =>
  measure(process.execPath, ['dist/src/cli/main.js', 'decode', path, '--json']);
const tshark = (path: string): Promise<Run> =>
  measure('tshark', ['-r', path, '-d', `tcp.port==${SERVER_PORT},mongo`, '-T', 'fields', '-e', 'mongo.opcode']);

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function bench(name: string, shape: CaptureShape, folder: string): Promise<void> {
  const path = join(folder, `${name}.pcap`);
  const { bytes, operations } = writeCapture(path, shape);
  const runs: { weir: Run; tshark: Run | null }[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    runs.push({ weir: await weir(path), tshark: hasTshark ? await tshark(path) : null });
  }
  const megabytes = bytes / 1e6;
  const speeds = (run: (of: (typeof runs)[number]) => Run | null): string => {
    const wall = megabytes / median(runs.map((of) => run(of)?.seconds ?? Number.NaN));
    const cpu = megabytes / median(runs.map((of) => run(of)?.cpuSeconds ?? Number.NaN));
    return `${wall.toFixed(0)} MB/s, ${cpu.toFixed(0)} MB per CPU second`;
  };
  const peakMb = Math.max(...runs.map((run) => run.weir.peakMb));
  console.log(`${name}: ${megabytes.toFixed(0)} MB, ${operations} operations`);
  console.log(`  weir ${speeds((run) => run.weir)}, peak ${peakMb.toFixed(0)} MB`);
  if (hasTshark) {
    const ratio = median(runs.map((run) => (run.tshark?.cpuSeconds ?? Number.NaN) / run.weir.cpuSeconds));
    console.log(`  tshark ${speeds((run) => run.tshark)}; weir takes 1/${ratio.toFixed(1)} of its CPU time`);
  }
  if (!values.keep) rmSync(path);
}

const folder = mkdtempSync(join(tmpdir(), 'weir-decode-'));
try {
  for (const name of values.only.split(',')) {
    const shape = SHAPES[name];
    if (shape === undefined) throw new Error(`--only ${name}: there are ${Object.keys(SHAPES).join(', ')}`);
    await bench(name, shape, folder);
  }
} finally {
  if (values.keep) console.log(`captures are in ${folder}`);
  else rmSync(folder, { recursive: true });
}
