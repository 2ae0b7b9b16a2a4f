// Throughput, latency and CPU per operation: alternating rounds of weir and its peers on the lab's canned upstream,
// medians and ratios at the end. It asserts nothing.
// The lab (a C load generator, the C floor, the Node sketch) lies outside the package: WEIR_LAB, default ../shared/lab.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';

interface Peer {
  readonly name: string;
  readonly command: readonly string[];
  readonly warmSeconds: number;
}

interface Figures {
  readonly opsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly cpuUs: number;
  readonly rssMb: number;
  readonly errors: number;
  readonly wrong: number;
}

export interface LoadOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly clients: readonly number[];
  readonly peers: readonly string[];
  /** Bytes of a reply. */
  readonly replyBytes: number;
  /** The peer that the others are compared with. */
  readonly base: string;
}

export const lab: string = resolve(process.env['WEIR_LAB'] ?? '../shared/lab');

function has(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

function buildFloor(): string | null {
  const binary = `${tmpdir()}/weir-bench-muxfloor`;
  const built = spawnSync('gcc', ['-O2', '-w', '-o', binary, `${lab}/muxfloor.c`]);
  return built.status === 0 ? binary : null;
}

function availablePeers(wanted: readonly string[]): Peer[] {
  const weir = [process.execPath, 'dist/src/cli/main.js', 'start', '--config', 'bench/load-config/weir.yaml'];
  const peers: Peer[] = [{ name: 'weir', command: weir, warmSeconds: 1.5 }];
  const sketch = [process.execPath, `${lab}/sketch.mjs`, '28002', '28001', '8'];
  peers.push({ name: 'sketch', command: [...sketch, '1'], warmSeconds: 1 });
  peers.push({ name: 'sketch8', command: [...sketch, '8'], warmSeconds: 1 });
  const passthrough = [process.execPath, 'dist/src/cli/main.js', 'start', '--mode', 'passthrough'];
  passthrough.push(
    '--listen',
    '127.0.0.1:28002',
    '--upstream',
    'mongodb://127.0.0.1:28001',
    '--admin',
    '127.0.0.1:28003',
  );
  peers.push({ name: 'passthrough', command: passthrough, warmSeconds: 1.5 });
  peers.push({ name: 'pipe', command: [process.execPath, 'bench/bare-pipe.mjs', '28002', '28001'], warmSeconds: 1 });
  const floor = wanted.includes('floor') ? buildFloor() : null;
  if (floor !== null) peers.push({ name: 'floor', command: [floor, '28002', '28001', '8'], warmSeconds: 0.5 });
  if (has('haproxy')) peers.push({ name: 'haproxy', command: ['haproxy', '-f', `${lab}/haproxy.cfg`], warmSeconds: 1 });
  const envoy = process.env['WEIR_ENVOY'] ?? 'envoy';
  if (has(envoy)) {
    const command = [envoy, '-c', `${lab}/envoy-mongo.yaml`, '--concurrency', '1', '-l', 'error'];
    peers.push({ name: 'envoy', command, warmSeconds: 3 });
  }
  return peers.filter((peer) => wanted.includes(peer.name));
}

async function measure(peer: Peer, clients: number, { seconds, replyBytes }: LoadOptions): Promise<Figures | null> {
  const child: ChildProcess = spawn(
    'bash',
    [`${lab}/run.sh`, peer.name, String(clients), String(replyBytes), String(seconds), ...peer.command],
    { env: { ...process.env, WARM: String(peer.warmSeconds) }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await new Promise((done) => child.once('close', done));
  const line = output.split('\n').find((text) => text.includes('ops/s='));
  if (line === undefined) {
    console.error(`${peer.name}: no figures: ${output.slice(0, 300)}`);
    return null;
  }
  console.log(line);
  return readFigures(line);
}

function readFigures(line: string): Figures {
  const number = (pattern: RegExp): number => Number(pattern.exec(line)?.[1] ?? Number.NaN);
  return {
    opsPerSecond: number(/ops\/s=(\d+)/),
    p50Us: number(/p50=(\d+)/),
    p99Us: number(/p99=(\d+)/),
    cpuUs: number(/user=([\d.]+)/) + number(/sys=([\d.]+)/),
    rssMb: number(/rss=(\d+)/),
    errors: number(/errs=(\d+)/),
    wrong: number(/wrong=(\d+)/),
  };
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(
  clients: number,
  byPeer: ReadonlyMap<string, Figures[]>,
  { rounds, seconds, base, replyBytes }: LoadOptions,
): void {
  console.log(
    `\n${clients} clients, replies of ${replyBytes} bytes, medians of ${rounds} alternating rounds of ${seconds} s:`,
  );
  const bases = byPeer.get(base) ?? [];
  for (const [name, runs] of byPeer) {
    const of = (key: keyof Figures): number => median(runs.map((run) => run[key]));
    const ratios = runs.flatMap((run, round) => {
      const beside = bases[round]?.opsPerSecond;
      return beside === undefined ? [] : [run.opsPerSecond / beside];
    });
    const wrong = runs.reduce((sum, run) => sum + run.wrong + run.errors, 0);
    console.log(
      `${name.padEnd(11)} ${String(Math.round(of('opsPerSecond'))).padStart(7)} ops/s  ${median(ratios).toFixed(2)} x ${base}` +
        `  p50 ${of('p50Us')} us  p99 ${of('p99Us')} us  ${of('cpuUs').toFixed(1)} us CPU/op  ${of('rssMb')} MB  wrong+lost ${wrong}`,
    );
  }
}

/** Runs the rounds and prints what came out; nothing is measured where the lab is absent. */
export async function benchLoad(options: LoadOptions): Promise<void> {
  if (!existsSync(`${lab}/run.sh`)) {
    console.log(`the load instrument is not here (${lab}); set WEIR_LAB to its folder. No load was measured.`);
    return;
  }
  const peers = availablePeers(options.peers);
  for (const clients of options.clients) {
    const byPeer = new Map<string, Figures[]>(peers.map((peer) => [peer.name, []]));
    for (let round = 0; round < options.rounds; round++) {
      for (const peer of peers) {
        const figures = await measure(peer, clients, options);
        if (figures !== null) byPeer.get(peer.name)?.push(figures);
      }
    }
    report(clients, byPeer, options);
  }
}
