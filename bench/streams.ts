// Change streams: how late an event is when more streams are open than weir has connections for them, beside a direct run.
// Needs secantusd-rs where test/real finds it. It asserts nothing. Writers always go direct, so only the streams differ.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChangeStream, MongoClient } from 'mongodb';
import { OwnServer } from '../test/real/harness/server.ts';
import { startCli } from './weir-process.ts';

const STREAMS = 60;
/** Between two events. */
const PAUSE_MS = 20;
/** How long the last events may take to arrive. */
const LATEST_MS = 5000;
/** Until every stream has asked for more at least once. */
const SETTLE_MS = 1500;

interface Delays {
  readonly sent: number;
  readonly delaysMs: readonly number[];
}

/** Opens the streams by way of `uri`, writes to their collections directly, and measures until each event was seen. */
async function measure(uri: string, direct: string, seconds: number): Promise<Delays> {
  const reader = new MongoClient(uri, { maxPoolSize: STREAMS + 5 });
  const writer = new MongoClient(direct, { directConnection: true });
  const delaysMs: number[] = [];
  const streams = Array.from({ length: STREAMS }, (_, index) => watch(reader, index, delaysMs));
  try {
    // A stream is open once its aggregate was answered; the driver does that when it is first asked for an event.
    await sleep(SETTLE_MS);
    let sent = 0;
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs) {
      const collection = writer.db('bench').collection(`s${(sent * 37) % STREAMS}`);
      await collection.insertOne({ atMs: performance.now() });
      sent++;
      await sleep(PAUSE_MS);
    }
    const latestMs = performance.now() + LATEST_MS;
    while (delaysMs.length < sent && performance.now() < latestMs) await sleep(PAUSE_MS);
    return { sent, delaysMs };
  } finally {
    await Promise.all(streams.map((stream) => stream.close()));
    await reader.close();
    await writer.close();
  }
}

function watch(client: MongoClient, index: number, delaysMs: number[]): ChangeStream {
  const stream = client.db('bench').collection(`s${index}`).watch();
  stream.on('change', (change) => {
    if (change.operationType !== 'insert') return;
    delaysMs.push(performance.now() - Number(change.fullDocument['atMs']));
  });
  // Closing a stream that waits is how the run ends.
  stream.on('error', () => {});
  return stream;
}

function print(what: string, { sent, delaysMs }: Delays): void {
  const sorted = [...delaysMs].sort((a, b) => a - b);
  const at = (q: number): string =>
    (sorted[Math.min(Math.floor(q * sorted.length), sorted.length - 1)] ?? Number.NaN).toFixed(0);
  console.log(
    `streams: ${what.padEnd(22)} ${sorted.length} of ${sent} events seen, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`,
  );
}

async function measureThrough(direct: string, awaitConnections: number, seconds: number): Promise<Delays> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-streams-'));
  const config = join(folder, 'weir.yaml');
  await writeFile(
    config,
    `listeners: [{name: main, bind: "127.0.0.1:0", cluster: real}]
clusters: [{name: real, uri: "${direct}", pool: {maxConnections: 8, awaitConnections: ${awaitConnections}}}]
`,
  );
  const weir = await startCli(['start', '--config', config, '--admin', 'off']);
  try {
    return await measure(`mongodb://127.0.0.1:${weir.port}`, direct, seconds);
  } finally {
    await weir.stop();
    await rm(folder, { recursive: true });
  }
}

/** @param seconds of writing, for each of the runs. */
export async function benchStreams({ seconds }: { readonly seconds: number }): Promise<void> {
  const server = await OwnServer.start();
  try {
    print('direct', await measure(`${server.uri}/?directConnection=true`, server.uri, seconds));
    for (const connections of [10, 2]) {
      print(`weir, ${connections} connections`, await measureThrough(server.uri, connections, seconds));
    }
  } finally {
    await server.stop();
  }
}
