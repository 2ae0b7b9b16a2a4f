// Many clients in front of a real server that shares the two cores: direct, and through weir on 8 connections, alternately.
// Needs secantusd-rs where test/real finds it, and the lab's load generator. It asserts nothing.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { MongoClient } from 'mongodb';
import { OwnServer } from '../test/real/harness/server.ts';
import { lab, median } from './load.ts';
import { startCli } from './weir-process.ts';

const CLIENTS = 512;
const CONNECTIONS = 8;

interface Run {
  readonly opsPerSecond: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly errors: number;
}

function buildLoad(): string | null {
  const binary = `${tmpdir()}/weir-bench-mongolab`;
  if (!existsSync(`${lab}/mongolab.c`)) return null;
  return spawnSync('gcc', ['-O2', '-w', '-o', binary, `${lab}/mongolab.c`]).status === 0 ? binary : null;
}

async function load(binary: string, port: number, seconds: number): Promise<Run> {
  const child = spawn(binary, ['load', String(port), String(CLIENTS), String(seconds)]);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await new Promise((done) => child.once('close', done));
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  return {
    opsPerSecond: number(/ops\/s=(\d+)/),
    p99Us: number(/p99=(\d+)/),
    p999Us: number(/p999=(\d+)/),
    errors: number(/errs=(\d+)/),
  };
}

function print(name: string, runs: readonly Run[], beside: readonly Run[]): void {
  const ratio = median(runs.map((run, round) => run.opsPerSecond / (beside[round]?.opsPerSecond ?? Number.NaN)));
  const of = (key: keyof Run): number => median(runs.map((run) => run[key]));
  console.log(
    `real: ${name.padEnd(7)} ${of('opsPerSecond')} finds/s  ${ratio.toFixed(2)} x direct  p99 ${of('p99Us')} us  p999 ${of('p999Us')} us  lost ${of('errors')}`,
  );
}

/** Point finds by _id; medians of alternating rounds. */
export async function benchReal({
  rounds,
  seconds,
}: {
  readonly rounds: number;
  readonly seconds: number;
}): Promise<void> {
  const binary = buildLoad();
  if (binary === null) {
    console.log('real: the load generator is not here; nothing was measured.');
    return;
  }
  const server = await OwnServer.start();
  const weir = await startCli([
    'start',
    ...['--listen', '127.0.0.1:0', '--upstream', server.uri, '--max-upstream', String(CONNECTIONS), '--admin', 'off'],
  ]);
  try {
    await fill(server.uri);
    const runs: { direct: Run[]; weir: Run[] } = { direct: [], weir: [] };
    for (let round = 0; round < rounds; round++) {
      runs.direct.push(await load(binary, Number(new URL(server.uri).port), seconds));
      runs.weir.push(await load(binary, weir.port, seconds));
    }
    console.log(
      `real: ${CLIENTS} clients, ${CONNECTIONS} connections, medians of ${rounds} alternating rounds of ${seconds} s`,
    );
    print('direct', runs.direct, runs.direct);
    print('weir', runs.weir, runs.direct);
  } finally {
    await weir.stop();
    await server.stop();
  }
}

/** The collection that the load asks for. */
async function fill(uri: string): Promise<void> {
  const client = new MongoClient(uri, { directConnection: true });
  await client
    .db('app')
    .collection<{ _id: number; name: string }>('users')
    .insertMany(Array.from({ length: 1000 }, (_, index) => ({ _id: index, name: 'x'.repeat(100) })));
  await client.close();
}
