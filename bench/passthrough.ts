// Pass-through mode beside two bare Node sockets piped into each other: small replies, replies of 1 MB, and the memory that
// one message of 48 MB needs on its way. It asserts nothing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Long, serialize } from '../codecs/index.ts';
import { benchLoad } from './load.ts';
import { listeningPort, type Started, startCli } from './weir-process.ts';

const MEGABYTE = 1_048_576;
const PEERS: readonly string[] = ['passthrough', 'pipe'];
/** Documents of 1 MB in the large message: 45 of them stay below the limit of 48 000 000 bytes. */
const LARGE_DOCUMENTS = 45;
const WARM_MESSAGES = 60;
const MEMORY_RUNS = 7;

/** An insert of `count` documents of 1 MB as one OP_MSG: the body first, then a sequence. */
function insertOf(count: number): Buffer {
  const body = serialize({ insert: 'blobs', $db: 'bench', comment: 'bench.blobs' });
  const filler = Buffer.alloc(MEGABYTE - 40, 0x61).toString('latin1');
  const documents = Array.from({ length: count }, (_, index) => serialize({ _id: Long.fromNumber(index), filler }));
  const size = documents.reduce((sum, document) => sum + document.length, 4 + 'documents'.length + 1);
  const head = Buffer.alloc(16 + 4);
  head.writeInt32LE(20 + 1 + body.length + 1 + size, 0);
  head.writeInt32LE(7, 4);
  head.writeInt32LE(2013, 12);
  const section = Buffer.alloc(1 + 4 + 'documents'.length + 1);
  section[0] = 1;
  section.writeInt32LE(size, 1);
  section.write('documents', 5, 'latin1');
  return Buffer.concat([head, Buffer.alloc(1), body, section, ...documents]);
}

/** Highest resident memory so far in KiB (Linux only). */
function peakKib(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
}

/** Swallows everything and says how much came. */
class Sink {
  received = 0;
  readonly #server: Server;
  #waiting: { readonly bytes: number; readonly resolve: () => void } | null = null;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        this.received += chunk.length;
        if (this.#waiting !== null && this.received >= this.#waiting.bytes) this.#waiting.resolve();
      });
    });
  }

  static async start(): Promise<Sink> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Sink(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async until(bytes: number): Promise<void> {
    if (this.received >= bytes) return;
    await new Promise<void>((resolve) => {
      this.#waiting = { bytes, resolve };
    });
  }

  stop(): void {
    this.#server.close();
  }
}

async function startPipe(upstream: number): Promise<Started> {
  const begin = performance.now();
  const child = spawn(process.execPath, ['bench/bare-pipe.mjs', '0', String(upstream)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await listeningPort(child);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { child, port, startMs: performance.now() - begin, stop };
}

/** KiB by which the peak grows for one message of 45 MB after many of 1 MB have warmed everything up. */
async function largeMessageKib(start: (upstream: number) => Promise<Started>): Promise<number> {
  const sink = await Sink.start();
  const proxy = await start(sink.port);
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  const small = insertOf(1);
  const large = insertOf(LARGE_DOCUMENTS);
  for (let sent = 1; sent <= WARM_MESSAGES; sent++) {
    socket.write(small);
    await sink.until(sent * small.length);
  }
  const before = peakKib(proxy.child.pid ?? 0);
  socket.write(large);
  await sink.until(WARM_MESSAGES * small.length + large.length);
  const grown = peakKib(proxy.child.pid ?? 0) - before;
  socket.destroy();
  await proxy.stop();
  sink.stop();
  return grown;
}

async function startWeir(upstream: number): Promise<Started> {
  const flags = ['start', '--mode', 'passthrough', '--listen', '127.0.0.1:0', '--admin', 'off'];
  return startCli([...flags, '--upstream', `mongodb://127.0.0.1:${upstream}`]);
}

/** Runs everything and prints what came out. */
export async function benchPassthrough(options: { readonly rounds: number; readonly seconds: number }): Promise<void> {
  const load = { ...options, peers: PEERS, base: 'pipe' };
  await benchLoad({ ...load, clients: [64], replyBytes: 200 });
  await benchLoad({ ...load, clients: [32], replyBytes: MEGABYTE });
  const grown: Record<'weir' | 'pipe', number[]> = { weir: [], pipe: [] };
  for (let run = 0; run < MEMORY_RUNS; run++) {
    grown.weir.push(await largeMessageKib(startWeir));
    grown.pipe.push(await largeMessageKib(startPipe));
  }
  console.log('one message of 45 MB, growth of the peak of resident memory in KiB, a fresh process each time:');
  for (const [name, kib] of Object.entries(grown)) console.log(`  ${name} ${kib.sort((a, b) => a - b).join(', ')}`);
}
